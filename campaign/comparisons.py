"""Cohorts in the campaign: an office that compares its projects, and what must be true of that at the end."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from handlers.outbox import COHORT
from handlers.outbox import INDEX as DUE_INDEX
from handlers.release import PROJECT, Linear

if TYPE_CHECKING:
    from campaign.offices import Office

QUIET_S = 600.0
ENDS = ("succeeded", "failed", "rejected")


def with_cohorts(office: "Office", quiet_s: float = QUIET_S) -> None:
    """From now on the office compares the samples of each project that has been quiet for so long."""
    own = office.account.office
    release = replace(
        own.releases["metagenome"],
        pipeline="cohort",
        digest="sha256:" + "c" * 64,
        job_definition=own.releases["metagenome"].job_definition.replace("metagenome:3", "cohort:1"),
        references={},
        vcpus=1,
        memory_mib=Linear(base=1900, per_gib=8000),
        after=("metagenome",),
        per=PROJECT,
    )
    office.account.office = replace(own, releases={**own.releases, "cohort": release}, quiet_s=quiet_s)


def cohorts_behind(office: "Office", items: dict[str, Any], runs: dict[str, Any]) -> list[str]:
    """The projects whose latest comparison is not of their samples' newest results, or not the only one."""
    if "cohort" not in office.account.office.releases:
        return []
    return [f"{office.name}: {each}" for each in _behind(office, items, runs)]


def _behind(office: "Office", items: dict[str, Any], runs: dict[str, Any]) -> Iterator[str]:
    due = office.account.table.under(DUE_INDEX, COHORT)
    yield from (f"{item['pk']['S']} is still due" for item in due)
    for project, newest in _newest_results(runs).items():
        known = items.get(f"sample#cohort/{project}/metagenome")
        run = runs.get(known["run_id"]) if known else None
        if run is None:
            yield f"{project} was never compared"
        elif run["state"] != "succeeded":
            yield f"{project}: the comparison is {run['state']}"
        elif (listed := _members(office, run)) != newest:
            yield f"{project}: compared are {sorted(listed)}, the newest are {sorted(newest)}"
        yield from _side_by_side(project, runs)


def _newest_results(runs: dict[str, Any]) -> dict[str, set[str]]:
    """By project, the run of each sample's newest result."""
    newest: dict[str, dict[str, str]] = {}
    for run_id, run in sorted(runs.items(), key=lambda each: each[1]["times"]["received"]):
        if run["pipeline"] == "metagenome" and run["state"] == "succeeded":
            newest.setdefault(run["project"], {})[run["sample"]] = run_id
    return {project: set(of_sample.values()) for project, of_sample in newest.items()}


def _members(office: "Office", run: dict[str, Any]) -> set[str]:
    key = (office.account.office.results, f"{run['results_prefix']}members.json")
    return {each["run_id"] for each in json.loads(office.account.objects[key][-1].body)["members"]}


def _side_by_side(project: str, runs: dict[str, Any]) -> Iterator[str]:
    """Of one project, one comparison is at work at a time."""
    mine = [run for run in runs.values() if run["pipeline"] == "cohort" and run["project"] == project]
    mine.sort(key=lambda run: run["times"]["received"])
    for earlier, later in pairwise(mine):
        if earlier["version_id"] == later["version_id"] and earlier["state"] != "failed":
            yield f"{project}: the same members were compared twice"
        if earlier["state"] == "superseded":
            continue
        ended = next((earlier["times"][state] for state in ENDS if state in earlier["times"]), "never")
        if ended > later["times"]["received"]:
            yield f"{project}: a newer comparison began while one was at work"
