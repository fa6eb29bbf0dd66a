"""Revert: offices go back to the release that they had before, and the bad digest is remembered.

A release is taken back by itself when too many of its runs fail soon after it came, or its canary failed.
What an office had before, the history of its stack file says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

import yaml
from pydantic import ValidationError

from canary.comparison import checks
from canary.record import Broken
from components.office import Office, PinnedRelease
from fleet.access import Access
from rollout import gates, refused
from rollout.promote import CannotPromote, Promotion, kept_canary, planned, runs_of, with_releases
from rollout.repository import git
from rollout.settings import Settings
from rollout.stack_file import RELEASES

# Of a stack file's history: what is further back is no release to go back to unseen.
MOST_VERSIONS = 100

Version = tuple[datetime, PinnedRelease | None]


@dataclass(frozen=True, kw_only=True)
class Past:
    """The release that an office had before, and when the present one came; None: nobody knows."""

    before: PinnedRelease | None
    since: datetime | None


@dataclass(frozen=True, kw_only=True)
class Revert:
    """A digest that went wrong, and what each office that has it goes back to."""

    pipeline: str
    digest: str
    reason: str
    releases: Mapping[str, PinnedRelease]


def past(versions: Sequence[Version], now: PinnedRelease, bad: Mapping[str, str]) -> Past:
    """From a stack file's versions, newest first. A refused digest is nothing to go back to."""
    came = list(takewhile(lambda version: version[1] == now, versions))
    earlier = (release for _, release in versions[len(came) :] if release is not None)
    good = (release for release in earlier if release.digest != now.digest and release.digest not in bad)
    return Past(before=next(good, None), since=came[-1][0] if came else None)


def trouble(access: Access, settings: Settings, root: Path, pipeline: str, now: datetime) -> Revert | None:
    """The release that has to be taken back; None while all is well."""
    return _failing(access, settings, root, pipeline, now) or _failed_canary(access, settings, root, pipeline)


def of_digest(access: Access, root: Path, pipeline: str, digest: str, reason: str) -> Revert | None:
    """None when no office has the digest and something to go back to."""
    bad = {**refused.load(root), digest: reason}
    releases = {
        office.name: before
        for office in _offices_with(access, pipeline)
        if office.releases[pipeline].digest == digest
        and (before := past(_versions(root, office, pipeline), office.releases[pipeline], bad).before)
    }
    return Revert(pipeline=pipeline, digest=digest, reason=reason, releases=releases) if releases else None


def taken_back(root: Path, revert: Revert) -> dict[str, str]:
    """The new texts of the stack files and of the list of refused digests. Raises CannotMove."""
    texts = with_releases(root, revert.pipeline, revert.releases)
    if revert.digest not in refused.load(root):
        path = root / refused.FILE
        text = path.read_text() if path.exists() else ""
        texts[refused.FILE] = refused.remembered(text, revert.digest, revert.reason)
    return texts


def _failing(access: Access, settings: Settings, root: Path, pipeline: str, now: datetime) -> Revert | None:
    limits, bad = settings.promotion, refused.load(root)
    for office in _offices_with(access, pipeline):
        release = office.releases[pipeline]
        found = past(_versions(root, office, pipeline), release, bad)
        if found.since is None or now - found.since > timedelta(hours=limits.watch_hours):
            continue
        since = found.since
        proof = gates.proof_of(
            row
            for row in runs_of(access, pipeline, release, [office.name])
            if datetime.fromisoformat(str(row["updated"])) >= since
        )
        verdict = gates.failures(office.name, proof, limits)
        # One failed run of one is no rate.
        if proof.ended >= limits.samples and not verdict.passed:
            reason = f"{office.name}: {verdict.measured}, at most {limits.most_failures:.0%}"
            if revert := of_digest(access, root, pipeline, release.digest, reason):
                return revert
    return None


def _failed_canary(access: Access, settings: Settings, root: Path, pipeline: str) -> Revert | None:
    tolerances = access.fleet.pipelines[pipeline].canary
    try:
        promotion: Promotion | None = planned(access.fleet, settings, pipeline, None)
    except CannotPromote:
        return None
    if promotion is None or tolerances is None:
        return None
    for name in promotion.to:
        try:
            record = kept_canary(access, access.fleet.office(name), promotion)
        except Broken:
            continue  # proves nothing, neither way; the gate says so
        off = [each for each in checks(record, tolerances) if not each.passed] if record else []
        if off:
            reason = "canary: " + "; ".join(f"{each.name} {each.measured}, {each.limit}" for each in off)
            return of_digest(access, root, pipeline, promotion.release.digest, reason)
    return None


def _offices_with(access: Access, pipeline: str) -> list[Office]:
    return [office for office in access.fleet.offices if pipeline in office.releases]


def _versions(root: Path, office: Office, pipeline: str) -> list[Version]:
    return list(_history(root, office.file, pipeline))


def _history(root: Path, file: str, pipeline: str) -> Iterator[Version]:
    listed = git(root, "log", f"--max-count={MOST_VERSIONS}", "--format=%H %cI", "--", file)
    for line in listed.splitlines():
        commit, when = line.split()
        yield datetime.fromisoformat(when), _release_in(git(root, "show", f"{commit}:./{file}"), pipeline)


def _release_in(text: str, pipeline: str) -> PinnedRelease | None:
    """None where the file cannot be read, or does not have the pipeline: it may be of another time."""
    try:
        return PinnedRelease.model_validate(yaml.safe_load(text)["config"][RELEASES][pipeline])
    except (yaml.YAMLError, ValidationError, KeyError, TypeError):
        return None
