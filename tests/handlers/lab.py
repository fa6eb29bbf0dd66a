"""What tests do with a world: deliver events, and read what a branch or HQ would see."""

from collections.abc import Mapping
from typing import Any

from handlers import intake, progress
from tests.handlers.aws_fakes import World, sqs

KEY = "metagenome/soil/S1/input.tar"
STATUS = "metagenome/soil/S1/status.json"


def take(
    world: World, *events: Mapping[str, Any], deadline: float = float("inf"), seed: int = 0
) -> list[str]:
    """Deliver to intake; returns the ids of the records that go back."""
    answer = intake.handle(sqs(*events), world.context(deadline=deadline, seed=seed))
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def tell(world: World, *events: Mapping[str, Any], seed: int = 0) -> list[str]:
    """Deliver to progress."""
    answer = progress.handle(sqs(*events), world.context(seed=seed))
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def only_run(world: World) -> tuple[str, dict[str, Any]]:
    [(run_id, run)] = world.runs().items()
    return run_id, run


def started(world: World, key: str = KEY, body: bytes = b"reads") -> str:
    """A run whose first job is running; returns its id."""
    assert take(world, world.upload(key, body)) == []
    newest = max(world.runs().items(), key=lambda item: item[1]["updated"])[0]
    assert tell(world, world.job_event(f"{newest}-1", "RUNNING")) == []
    return newest


def status(world: World, key: str = STATUS) -> dict[str, Any]:
    found = world.json_object(key)
    assert found is not None, f"no {key}"
    return found


def decisions(world: World, run_id: str) -> list[str]:
    return [each.get("decision", "") for each in world.run_item(run_id)["attempts"]]
