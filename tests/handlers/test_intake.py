"""Intake: an upload becomes a run, once."""

import pytest

from handlers import intake
from tests.handlers.aws_fakes import RESULTS, World, sqs

KEY = "metagenome/soil/S1/input.tar"


def take(world: World, *events: dict, **context: float) -> list[str]:  # type: ignore[type-arg]
    answer = intake.handle(sqs(*events), world.context(**context))  # type: ignore[arg-type]
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_an_upload_becomes_one_submitted_run(world: World) -> None:
    """A branch uploads and nothing else: without this there is no analysis."""
    assert take(world, world.upload(KEY)) == []
    [(run_id, run)] = world.runs().items()
    [job] = world.jobs.values()
    assert (run["state"], job["jobName"]) == ("submitted", f"{run_id}-1")
    status = world.json_object("metagenome/soil/S1/status.json")
    assert status is not None
    assert (status["state"], status["run_id"]) == ("submitted", run_id)
    assert [event["Detail"]["state"] for event in world.events] == ["submitted"]
