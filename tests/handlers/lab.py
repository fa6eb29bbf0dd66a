"""What tests do with a world: deliver events, and read what a branch or HQ would see."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handlers import intake, progress
from handlers.release import Linear, Release
from tests.handlers.aws_fakes import RELEASE, World, sqs

KEY = "metagenome/soil/S1/input.tar"
STATUS = "metagenome/soil/S1/status.json"
ASSEMBLY_STATUS = "assembly/soil/S1/status.json"
ASSEMBLY = Release(
    pipeline="assembly",
    version="0.1.0",
    digest="sha256:" + "b" * 64,
    job_definition=RELEASE.job_definition.replace("metagenome:3", "assembly:1"),
    references={},
    vcpus=8,
    memory_mib=Linear(base=8000, per_gib=3000),
    max_memory_mib=62000,
    scratch_gib=Linear(base=20, per_gib=10),
    time_limit_minutes=Linear(base=60, per_gib=120),
    after=("metagenome",),
)


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
    upload = world.upload(key, body)
    assert take(world, upload) == []
    pipeline, version = key.partition("/")[0], upload["detail"]["object"]["version-id"]
    [newest] = [run_id for run_id, run in runs_of(world, pipeline).items() if run["version_id"] == version]
    assert tell(world, world.job_event(f"{newest}-1", "RUNNING")) == []
    return newest


def with_assembly(world: World) -> None:
    """From now on the office runs assembly after metagenome."""
    world.office = replace(world.office, releases={**world.office.releases, "assembly": ASSEMBLY})


def succeeded(world: World, key: str = KEY, body: bytes = b"reads") -> str:
    """A run whose results are published and told; returns its id."""
    run_id = started(world, key, body)
    world.publish(world.run_item(run_id))
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    return run_id


def runs_of(world: World, pipeline: str) -> dict[str, dict[str, Any]]:
    return {run_id: run for run_id, run in world.runs().items() if run["pipeline"] == pipeline}


def status(world: World, key: str = STATUS) -> dict[str, Any]:
    found = world.json_object(key)
    assert found is not None, f"no {key}"
    return found


def decisions(world: World, run_id: str) -> list[str]:
    return [each.get("decision", "") for each in world.run_item(run_id)["attempts"]]
