"""`sync`: what the repository names, what is applied, and what runs used, told apart."""

from typing import Any

import pytest

from components.names import job_definition_name
from fleet.sync import DEGRADED, OUT_OF_SYNC, PROGRESSING, SYNCED, judged
from tests.fleet.lab import Offices, moved, run

NEW, OLD = "sha256:" + "b" * 64, "sha256:" + "a" * 64


def row(state: str, digest: str = NEW) -> dict[str, Any]:
    return {"state": state, "release_digest": digest}


@pytest.mark.parametrize(
    ("applied", "rows", "state"),
    [
        (NEW, [row("succeeded"), row("failed", OLD), row("succeeded", OLD)], SYNCED),
        (NEW, [], SYNCED),
        (OLD, [row("succeeded", OLD)], OUT_OF_SYNC),
        (None, [], OUT_OF_SYNC),
        (NEW, [row("running", OLD), row("running")], PROGRESSING),
        (NEW, [row("failed"), row("failed"), row("succeeded")], DEGRADED),
        (NEW, [row("rejected"), row("rejected")], SYNCED),
    ],
)
def test_the_state_says_what_is_to_do(applied: str | None, rows: list[dict[str, Any]], state: str) -> None:
    """Apply, wait, or take back: each calls for something else; an older release's failures for nothing."""
    assert judged("eu", "metagenome", NEW, applied, rows).state == state


def test_an_office_without_its_release_is_told_by_the_exit_code(offices: Offices) -> None:
    """A script that waits for a rollout must not take an office for done that has another image, or none."""
    office = offices.office("us")
    batch = offices.access.client("batch", office)
    answer = offices.fleet("sync", "us")
    assert answer.code == 1
    assert "no job definition is active: apply the office" in answer.out

    def apply(digest: str, pipeline: str = "metagenome") -> None:
        image = f"333333333333.dkr.ecr.us-east-1.amazonaws.com/globalbi/{pipeline}@{digest}"
        batch.register_job_definition(
            jobDefinitionName=job_definition_name("us", pipeline),
            type="container",
            containerProperties={"image": image, "vcpus": 1, "memory": 512},
        )

    for pipeline in office.releases.keys() - {"metagenome"}:
        apply(office.releases[pipeline].digest, pipeline)
    apply(OLD)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"], answer.json[0]["applied"]) == (1, OUT_OF_SYNC, OLD)
    apply(office.releases["metagenome"].digest)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"]) == (0, SYNCED), answer.out
    assert len(answer.json[0]["commit"]) == 40
    # However many have ended since, one that still runs on the old release is not forgotten.
    offices.at_headquarters("us", moved(run(1, release_digest=OLD), "running", 1))
    current = office.releases["metagenome"].digest
    ended = [moved(run(number, release_digest=current), "succeeded", 99) for number in range(2, 25)]
    offices.at_headquarters("us", *ended)
    answer = offices.fleet("sync", "us", "--json")
    assert (answer.code, answer.json[0]["state"], answer.json[0]["observed"]) == (1, PROGRESSING, [OLD])
