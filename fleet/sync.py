"""Sync: whether each office runs the release that the repository names for it.

Desired is the stack file, applied what the office's newest job definition has, observed what its newest runs
used. A release whose references alone have changed has the same job definition: that it is not applied yet
does not show here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from components.names import job_definition_name
from components.office import Office
from fleet.access import Access, in_each
from fleet.table import OPEN_STATES, Filter, FleetTable, queries
from handlers.run import FAILED, TERMINAL
from rollout.repository import git

SYNCED, OUT_OF_SYNC, PROGRESSING, DEGRADED = "Synced", "OutOfSync", "Progressing", "Degraded"
# The newest ended runs that are looked at: enough to see more than one failure, few enough to be recent.
RECENT = 20
# So many of the desired release's ended runs may fail before the office is called degraded.
MOST_FAILURES = 0.5


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One pipeline of one office. `applied` is None where no job definition is active."""

    office: str
    pipeline: str
    state: str
    reason: str
    desired: str
    applied: str | None
    observed: tuple[str, ...]  # digests that runs in flight use
    unreachable: bool = False
    commit: str | None = None  # the last that changed the office's stack file


def judged(
    office: str, pipeline: str, desired: str, applied: str | None, rows: Iterable[Mapping[str, Any]]
) -> Sync:
    """From the digests, and headquarters' rows of the pipeline's open runs and newest ended ones there."""
    recent = list(rows)
    in_flight = [row["release_digest"] for row in recent if row["state"] not in TERMINAL]
    ended = [row for row in recent if row["state"] in TERMINAL and row["release_digest"] == desired]
    failed = sum(row["state"] == FAILED for row in ended)
    older = sum(digest != desired for digest in in_flight)
    if applied is None:
        state, reason = OUT_OF_SYNC, "no job definition is active: apply the office"
    elif applied != desired:
        state, reason = OUT_OF_SYNC, f"{applied[:19]}… is applied: apply the office"
    elif ended and failed / len(ended) > MOST_FAILURES:
        state, reason = DEGRADED, f"{failed} of the release's last {len(ended)} ended runs failed"
    elif older:
        state, reason = PROGRESSING, f"{older} runs in flight finish on the release they started with"
    else:
        state, reason = SYNCED, "what is applied is what the repository names"
    return Sync(
        office=office,
        pipeline=pipeline,
        state=state,
        reason=reason,
        desired=desired,
        applied=applied,
        observed=tuple(sorted(set(in_flight))),
    )


def look(access: Access, table: FleetTable, offices: Sequence[Office], root: Path) -> list[Sync]:
    """Every pipeline of these offices; an office that cannot be asked is said to be so, never in sync."""
    answers = in_each(offices, lambda office: applied_of(access, office))
    found: list[Sync] = []
    for office in offices:
        answer = answers[office.name]
        for pipeline, release in office.releases.items():
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
            found.append(judged(office.name, pipeline, release.digest, answer[pipeline], rows))
    commits = {office.name: _commit(root, office.file) for office in offices}
    return [replace(each, commit=commits[each.office]) for each in found]


def _commit(root: Path, file: str) -> str | None:
    """None where the stack files are in no repository."""
    try:
        return git(root, "log", "-1", "--format=%H", "--", file).strip() or None
    except (CalledProcessError, FileNotFoundError):
        return None


def applied_of(access: Access, office: Office) -> dict[str, str | None]:
    """By pipeline, the digest of its newest active job definition."""
    batch = access.client("batch", office)
    found: dict[str, str | None] = {}
    for pipeline in office.releases:
        name = job_definition_name(office.name, pipeline)
        pages = batch.get_paginator("describe_job_definitions").paginate(
            jobDefinitionName=name, status="ACTIVE"
        )
        defined = [each for page in pages for each in page["jobDefinitions"]]
        newest = max(defined, key=lambda each: int(each["revision"]), default=None)
        image = str(newest["containerProperties"]["image"]) if newest else ""
        found[pipeline] = image.partition("@")[2] or None
    return found


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
