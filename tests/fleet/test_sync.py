"""`sync`: what the repository names, what is applied, and what runs used, told apart."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from components.names import job_definition_name, physical
from fleet.sync import DEGRADED, OUT_OF_SYNC, PROGRESSING, SYNCED, Applied, as_told, judged, used_by
from handlers.release import Linear
from tests.fleet.lab import Offices, functions_start, moved, run
from tests.three_offices import known_fleet

NEW, OLD = "sha256:" + "b" * 64, "sha256:" + "a" * 64
FLEET = known_fleet()
PINNED = FLEET.office("us").releases["metagenome"].model_copy(update={"digest": NEW})
DESIRED = as_told(FLEET.pipelines["metagenome"], PINNED)
REFERENCES = {role: list(pin) for role, pin in DESIRED.references.items()}
HOST = {**DESIRED.references, "host": ("demo-host", "2025.1")}
OTHER_HOST = {**REFERENCES, "host": ["demo-host", "2025.1"]}


def row(state: str, digest: str = NEW, references: Any = REFERENCES) -> dict[str, Any]:
    return {"state": state, "release_digest": digest, "references": references}


def applied(digest: str | None = NEW, **changes: Any) -> Applied:
    return Applied(digest=digest, release=replace(DESIRED, job_definition="arn:7", **changes))


@pytest.mark.parametrize(
    ("found", "rows", "state"),
    [
        (applied(), [row("succeeded"), row("failed", OLD), row("succeeded", OLD)], SYNCED),
        (applied(), [], SYNCED),
        (applied(OLD), [row("succeeded", OLD)], OUT_OF_SYNC),
        (applied(None), [], OUT_OF_SYNC),
        (applied(), [row("running", OLD), row("running")], PROGRESSING),
        (applied(), [row("running", NEW, OTHER_HOST)], PROGRESSING),
        (applied(), [row("failed"), row("failed"), row("succeeded")], DEGRADED),
        (applied(), [row("failed", NEW, OTHER_HOST), row("failed", NEW, OTHER_HOST)], SYNCED),
        (applied(), [row("rejected"), row("rejected")], SYNCED),
    ],
)
def test_the_state_says_what_is_to_do(found: Applied, rows: list[dict[str, Any]], state: str) -> None:
    """Apply, wait, or take back: each calls for something else; an older release's failures for nothing."""
    assert judged("eu", DESIRED, found, map(used_by, rows)).state == state


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (applied(references=HOST), "demo-host 2025.1 is applied for demo-host 2026.1 (host)"),
        (applied(references={}), "nothing is applied for demo-host 2026.1 (host)"),
        (applied(references={**DESIRED.references, "old": ("x", "1")}), "old is still a reference"),
        (applied(memory_mib=Linear(base=1, per_gib=0)), "another memory mib is applied"),
        (applied(vcpus=1), "another vcpus is applied"),
        (applied(time_limit_minutes=Linear(base=1, per_gib=0)), "another time limit minutes is applied"),
        (applied(version="0.0.1"), "another version is applied"),
        (Applied(digest=NEW, release=replace(DESIRED, digest=OLD)), f"start runs of {OLD[:19]}…"),
        (Applied(digest=NEW, release=None), "know no such pipeline"),
    ],
)
def test_a_release_is_more_than_its_image(found: Applied, why: str) -> None:
    """An office with last year's reference has other results, and looked as if it were done."""
    made = judged("eu", DESIRED, found, [])
    assert made.state == OUT_OF_SYNC
    assert why in made.reason
    assert "apply the office" in made.reason


@pytest.fixture
def no_functions_after(offices: Offices) -> Iterator[None]:
    """Other tests begin with offices that were never applied."""
    yield
    client = offices.access.client("lambda", offices.office("us"))
    client.delete_function(FunctionName=physical("us", "progress"))


@pytest.mark.usefixtures("no_functions_after")
def test_an_office_without_its_release_is_told_by_the_exit_code(offices: Offices) -> None:
    """A script that waits for a rollout must not take an office for done that has another image, or none."""
    office = offices.office("us")
    batch = offices.access.client("batch", office)
    answer = offices.fleet("sync", "us")
    assert answer.code == 1
    assert "no job definition is active: apply the office" in answer.out

    def apply(digest: str, pipeline: str = "metagenome", **references: str) -> None:
        image = f"333333333333.dkr.ecr.us-east-1.amazonaws.com/globalbi/{pipeline}@{digest}"
        batch.register_job_definition(
            jobDefinitionName=job_definition_name("us", pipeline),
            type="container",
            containerProperties={"image": image, "vcpus": 1, "memory": 512},
        )

        others = {name: each for name, each in office.releases.items() if name != pipeline}
        pinned = office.releases[pipeline].model_copy(update={"digest": digest})
        pinned = pinned.model_copy(update={"references": {**pinned.references, **references}})
        started = {**others, pipeline: pinned}
        contracts = offices.access.fleet.pipelines
        functions_start(offices, "us", *(as_told(contracts[name], each) for name, each in started.items()))

    for pipeline in office.releases.keys() - {"metagenome"}:
        apply(office.releases[pipeline].digest, pipeline)
    apply(OLD)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"], answer.json[0]["applied"]) == (1, OUT_OF_SYNC, OLD)
    # The image alone is not the release.
    apply(office.releases["metagenome"].digest, **{"demo-host": "2025.1"})
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"]) == (1, OUT_OF_SYNC)
    assert "demo-host 2025.1 is applied for demo-host" in answer.json[0]["reason"]
    apply(office.releases["metagenome"].digest)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"]) == (0, SYNCED), answer.out
    assert len(answer.json[0]["commit"]) == 40
    # However many have ended since, one that still runs on the old release is not forgotten.
    offices.at_headquarters("us", moved(run(1, release_digest=OLD), "running", 1))
    current = as_told(offices.access.fleet.pipelines["metagenome"], office.releases["metagenome"])
    made = {"release_digest": current.digest, "references": current.references}
    ended = [moved(run(number, **made), "succeeded", 99) for number in range(2, 25)]
    offices.at_headquarters("us", *ended)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"], answer.json[0]["observed"]) == (1, PROGRESSING, [OLD])
