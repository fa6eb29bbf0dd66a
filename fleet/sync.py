"""Sync: whether each office runs the release that the repository names for it.

Desired is the stack file with `pipeline.yaml`; applied is the image of the office's newest job definition,
and the release that its functions start runs by, references and resources included; observed is what its
newest runs used.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from botocore.exceptions import ClientError

from components.names import job_definition_name
from components.office import Office, PinnedRelease
from components.pipeline import Pipeline
from fleet.access import Access, in_each
from fleet.table import OPEN_STATES, Filter, FleetTable, queries
from handlers.release import Release, release_id, releases_from_json, releases_to_json
from handlers.run import FAILED, TERMINAL
from rollout.repository import git

SYNCED, OUT_OF_SYNC, PROGRESSING, DEGRADED = "Synced", "OutOfSync", "Progressing", "Degraded"
# The newest ended runs that are looked at: enough to see more than one failure, few enough to be recent.
RECENT = 20
# So many of the desired release's ended runs may fail before the office is called degraded.
MOST_FAILURES = 0.5
# What of a release is neither image nor reference.
ASKED = (
    *("version", "vcpus", "memory_mib", "max_memory_mib", "scratch_gib", "time_limit_minutes"),
    *("after", "per"),
)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The digest of the newest active job definition, and the release as the functions have it.

    None: there is no such job definition, or the functions know no such pipeline.
    """

    digest: str | None
    release: Release | None


@dataclass(frozen=True, kw_only=True)
class Used:
    """The state of a run, and the release that it used."""

    state: str
    digest: str
    release_id: str


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One pipeline of one office. `applied` is the digest; None where no job definition is active."""

    office: str
    pipeline: str
    state: str
    reason: str
    desired: str
    applied: str | None
    observed: tuple[str, ...]  # digests that runs in flight use
    unreachable: bool = False
    commit: str | None = None  # the last that changed the office's stack file


def judged(office: str, desired: Release, applied: Applied, runs: Iterable[Used]) -> Sync:
    """From the releases, and what the pipeline's open runs and newest ended ones used there."""
    recent = list(runs)
    in_flight = [run for run in recent if run.state not in TERMINAL]
    ended = [run for run in recent if run.state in TERMINAL and run.release_id == desired.id]
    failed = sum(run.state == FAILED for run in ended)
    older = sum(run.release_id != desired.id for run in in_flight)
    if applied.digest is None:
        state, reason = OUT_OF_SYNC, "no job definition is active: apply the office"
    elif applied.digest != desired.digest:
        state, reason = OUT_OF_SYNC, f"{applied.digest[:19]}… is applied: apply the office"
    elif applied.release is None:
        state, reason = OUT_OF_SYNC, "the office's functions know no such pipeline: apply the office"
    elif differ := _differences(desired, applied.release):
        state, reason = OUT_OF_SYNC, f"{', '.join(differ)}: apply the office"
    elif ended and failed / len(ended) > MOST_FAILURES:
        state, reason = DEGRADED, f"{failed} of the release's last {len(ended)} ended runs failed"
    elif older:
        state, reason = PROGRESSING, f"{older} runs in flight finish on the release they started with"
    else:
        state, reason = SYNCED, "what is applied is what the repository names"
    return Sync(
        office=office,
        pipeline=desired.pipeline,
        state=state,
        reason=reason,
        desired=desired.digest,
        applied=applied.digest,
        observed=tuple(sorted({run.digest for run in in_flight})),
    )


def used_by(row: Mapping[str, Any]) -> Used:
    """Of headquarters' row of a run."""
    digest = str(row.get("release_digest", ""))
    pins = {role: (str(pin[0]), str(pin[1])) for role, pin in (row.get("references") or {}).items()}
    return Used(state=str(row["state"]), digest=digest, release_id=release_id(digest, pins))


def _differences(desired: Release, applied: Release) -> list[str]:
    """What the functions have otherwise than the repository, in words; the revision is AWS's."""
    found = []
    if applied.digest != desired.digest:
        found.append(f"the functions start runs of {applied.digest[:19]}…")
    for role, (name, version) in sorted(desired.references.items()):
        had = applied.references.get(role)
        if had != (name, version):
            found.append(f"{' '.join(had) if had else 'nothing'} is applied for {name} {version} ({role})")
    found += [
        f"{role} is still a reference" for role in sorted(applied.references.keys() - desired.references)
    ]
    others = [name for name in ASKED if getattr(applied, name) != getattr(desired, name)]
    return [*found, *(f"another {name.replace('_', ' ')} is applied" for name in others)]


def look(access: Access, table: FleetTable, offices: Sequence[Office], root: Path) -> list[Sync]:
    """Every pipeline of these offices; an office that cannot be asked is said to be so, never in sync."""
    answers = in_each(offices, lambda office: applied_of(access, office))
    found: list[Sync] = []
    for office in offices:
        answer = answers[office.name]
        for pipeline, release in office.releases.items():
            contract = access.fleet.pipelines[pipeline]
            if isinstance(answer, Exception):
                found.append(_unknown(office.name, pipeline, release.digest, answer))
                continue
            # Open runs all: the one that still has the old release may be the oldest.
            open_ones = Filter(office=office.name, pipeline=pipeline, states=OPEN_STATES)
            ended = replace(open_ones, states=tuple(sorted(TERMINAL)))
            rows = chain(
                table.newest_first(queries(open_ones, [office.name])),
                islice(table.newest_first(queries(ended, [office.name])), RECENT),
            )
            runs = map(used_by, rows)
            found.append(judged(office.name, as_told(contract, release), answer[pipeline], runs))
    commits = {office.name: _commit(root, office.file) for office in offices}
    return [replace(each, commit=commits[each.office]) for each in found]


def _commit(root: Path, file: str) -> str | None:
    """None where the stack files are in no repository."""
    try:
        return git(root, "log", "-1", "--format=%H", "--", file).strip() or None
    except (CalledProcessError, FileNotFoundError):
        return None


def as_told(pipeline: Pipeline, pinned: PinnedRelease) -> Release:
    """The release as the functions would be told it."""
    made = pipeline.release(digest=pinned.digest, versions=pinned.references)
    return releases_from_json(releases_to_json([made]))[pipeline.name]


def applied_of(access: Access, office: Office) -> dict[str, Applied]:
    """By pipeline; a pipeline that the functions were never told has no release."""
    batch, told = access.client("batch", office), _of_functions(access, office)
    found: dict[str, Applied] = {}
    for pipeline in office.releases:
        name = job_definition_name(office.name, pipeline)
        pages = batch.get_paginator("describe_job_definitions").paginate(
            jobDefinitionName=name, status="ACTIVE"
        )
        defined = [each for page in pages for each in page["jobDefinitions"]]
        newest = max(defined, key=lambda each: int(each["revision"]), default=None)
        image = str(newest["containerProperties"]["image"]) if newest else ""
        found[pipeline] = Applied(digest=image.partition("@")[2] or None, release=told.get(pipeline))
    return found


def _of_functions(access: Access, office: Office) -> Mapping[str, Release]:
    """None of an office that was never applied."""
    try:
        return access.context_of_functions(office).office.releases
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}


def _unknown(office: str, pipeline: str, desired: str, error: Exception) -> Sync:
    return Sync(
        office=office,
        pipeline=pipeline,
        state="Unknown",
        reason=str(error),
        desired=desired,
        applied=None,
        observed=(),
        unreachable=True,
    )
