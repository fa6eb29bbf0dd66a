"""Promote: the release of one wave moves into the stack files of the next, once every gate is passed.

What is asked of AWS goes to the account and region of the office that the release would move to, so that an
image that has not replicated yet is found before the merge and not by the first sample.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from botocore.exceptions import ClientError

from canary.comparison import checks
from canary.record import Broken, Record
from components.faults import choices
from components.names import registry_host, repository_name
from components.office import Office, PinnedRelease
from components.roster import Fleet
from fleet import canaries
from fleet.access import Access, bucket, fleet_table
from fleet.table import Filter, FleetTable, Row, queries
from handlers.release import release_id
from rollout import gates, refused
from rollout.gates import Verdict
from rollout.order import frozen
from rollout.settings import Settings
from rollout.stack_file import move_release
from supply_chain import attestation

# Without these the office's next sample would fail, or run what nobody can vouch for: no reason lifts them.
NEVER_LIFTED = ("image", "attestation", "reference")


class CannotPromote(Exception):
    """There is no single release to move, or nowhere to move it; the words say why."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """`release`, proved by the offices `before`, moves to the offices `to`."""

    pipeline: str
    release: PinnedRelease
    before: tuple[str, ...]
    to: tuple[str, ...]


def planned(fleet: Fleet, settings: Settings, pipeline: str, to: str | None) -> Promotion | None:
    """What would move to the office or wave `to`, or to the first wave that differs from the one before it.

    None: every office there has the release already. Raises CannotPromote.
    """
    if pipeline not in fleet.pipelines:
        raise CannotPromote(f"{pipeline!r} is no pipeline (valid: {choices(fleet.pipelines)})")
    waves = settings.waves_of([office.name for office in fleet.offices])
    running = {
        office.name: office.releases[pipeline] for office in fleet.offices if pipeline in office.releases
    }
    steps = [
        (wave.name, tuple(name for name in members if name in running))
        for wave, members in waves
        if any(name in running for name in members)
    ]
    if to is not None and not any(to == wave or to in members for wave, members in steps):
        valid = choices([*(wave for wave, _ in steps), *running])
        raise CannotPromote(f"{to!r} is no office or wave that runs {pipeline} (valid: {valid})")
    for index, (wave, members) in enumerate(steps):
        if to is not None and to != wave and to not in members:
            continue
        if index == 0:
            if to is None:
                continue
            raise CannotPromote(
                f"{to} is in the first wave that runs {pipeline}, and no wave before proves a release:"
                " write the digest into its stack file by hand"
            )
        before = steps[index - 1][1]
        release = running[before[0]]
        wanted = [to] if to in members else members
        due = tuple(name for name in wanted if name is not None and running[name] != release)
        if not due and to is None:
            continue
        if any(running[name] != release for name in before):
            raise CannotPromote(f"{', '.join(before)} run different releases of {pipeline}: level them first")
        return Promotion(pipeline=pipeline, release=release, before=before, to=due) if due else None
    return None


def judged(
    access: Access, settings: Settings, root: Path, promotion: Promotion, now: datetime
) -> list[Verdict]:
    """Every gate's answer for every office that the release would move to."""
    proof = gates.proof_of(runs_of(access, promotion.pipeline, promotion.release, promotion.before))
    bad = refused.load(root).get(promotion.release.digest)
    limits = settings.promotion
    unproven = _unproven(access, settings, promotion)
    found: list[Verdict] = []
    for name in promotion.to:
        office = access.fleet.office(name)
        found += [
            gates.image(
                name, office.region, promotion.release.digest, there=_has_image(access, office, promotion)
            ),
            gates.attestation(name, promotion.release.digest, unproven),
            *_references(access, office, promotion),
            _canary(access, office, promotion),
            gates.refused(name, bad),
            gates.soak(name, proof, limits, now),
            gates.samples(name, proof, limits),
            gates.failures(name, proof, limits),
            gates.freeze(name, frozen(settings, name, now)),
        ]
    return found


def holding(found: Sequence[Verdict], override: str) -> list[Verdict]:
    """The gates that do not let through. `override` is the reason for which the others are ignored."""
    return [each for each in found if not each.passed and (not override or each.gate in NEVER_LIFTED)]


def moved(root: Path, promotion: Promotion) -> dict[str, str]:
    """The stack files' new texts, by name. Raises CannotMove."""
    return with_releases(root, promotion.pipeline, dict.fromkeys(promotion.to, promotion.release))


def with_releases(root: Path, pipeline: str, releases: Mapping[str, PinnedRelease]) -> dict[str, str]:
    """The texts of the offices' stack files with these releases. Raises CannotMove."""
    texts: dict[str, str] = {}
    for office, release in releases.items():
        name = f"Pulumi.{office}.yaml"
        text = (root / name).read_bytes().decode()
        texts[name] = move_release(text, name, pipeline, release.digest, release.references)
    return texts


def write(root: Path, texts: Mapping[str, str]) -> list[str]:
    """All of them, as they were made from what stands there."""
    for name, text in texts.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(text.encode())
    return list(texts)


def runs_of(access: Access, pipeline: str, release: PinnedRelease, offices: Sequence[str]) -> Iterator[Row]:
    """The runs of exactly this release, references included, in these offices, newest first."""
    roles = access.fleet.pipelines[pipeline].references
    pins = {role: (name, release.references[name]) for role, name in roles.items()}
    wanted = release_id(release.digest, pins)
    table = FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    asked = Filter(pipeline=pipeline, release=release.digest)
    for row in table.newest_first(queries(asked, offices)):
        used = {role: (str(pin[0]), str(pin[1])) for role, pin in row["references"].items()}
        if row["office"] in offices and release_id(row["release_digest"], used) == wanted:
            yield row


def kept_canary(access: Access, office: Office, promotion: Promotion) -> Record | None:
    """Of what the office has and what is to come. Raises Broken."""
    running = office.releases[promotion.pipeline]
    return canaries.newest(access, promotion.pipeline, running, promotion.release)


def _canary(access: Access, office: Office, promotion: Promotion) -> Verdict:
    tolerances = access.fleet.pipelines[promotion.pipeline].canary
    if tolerances is None:
        return gates.no_canary(office.name)
    try:
        record = kept_canary(access, office, promotion)
    except Broken as error:
        return gates.canary(office.name, promotion.pipeline, None, str(error))
    return gates.canary(office.name, promotion.pipeline, checks(record, tolerances) if record else None)


def _has_image(access: Access, office: Office, promotion: Promotion) -> bool:
    ecr = access.client("ecr", office)
    return _there(
        lambda: ecr.describe_images(
            repositoryName=repository_name(promotion.pipeline),
            imageIds=[{"imageDigest": promotion.release.digest}],
        )["imageDetails"],
        ("ImageNotFoundException", "RepositoryNotFoundException"),
    )


def _unproven(access: Access, settings: Settings, promotion: Promotion) -> str | None:
    """Of the image at headquarters: the offices have the same digest or, by the gate `image`, none."""
    headquarters = access.fleet.headquarters
    place = (
        f"{registry_host(headquarters.account, headquarters.region)}/{repository_name(promotion.pipeline)}"
    )
    return attestation.refusal(settings.repository.name, f"{place}@{promotion.release.digest}")


def _references(access: Access, office: Office, promotion: Promotion) -> Iterator[Verdict]:
    s3, name = access.client("s3", office), bucket(office, "references")
    for reference, version in sorted(promotion.release.references.items()):
        key = f"{reference}/{version}/SHA256SUMS"

        def asked(key: str = key) -> object:
            return s3.head_object(Bucket=name, Key=key)

        there = _there(asked, ("404", "NoSuchKey", "NotFound"))
        yield gates.reference(office.name, f"s3://{name}/{key}", there=there)


def _there(ask: Callable[[], object], missing: Sequence[str]) -> bool:
    """Whether `ask` finds something; what is no "it is not there" is raised: a gate never guesses."""
    try:
        return bool(ask())
    except ClientError as error:
        if error.response["Error"]["Code"] not in missing:
            raise
        return False
