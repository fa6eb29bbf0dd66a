"""What tests do with a world: deliver events, and read what a branch or HQ would see."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from handlers import intake, progress, reconcile
from handlers.release import Linear, Release
from tests.handlers.aws_fakes import RELEASE, RESULTS, World, sqs

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
COHORT = replace(
    ASSEMBLY,
    pipeline="cohort",
    digest="sha256:" + "c" * 64,
    job_definition=RELEASE.job_definition.replace("metagenome:3", "cohort:1"),
    after=("metagenome", "amplicon"),
    per="project",
)
COHORT_STATUS = "cohort/soil/metagenome/status.json"
TABLE = b"taxid\tname\treads\n562\tE. coli\t9\n"


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


def with_cohort(world: World) -> None:
    """From now on the office compares the samples of a project that has been quiet for an hour."""
    world.office = replace(world.office, releases={**world.office.releases, "cohort": COHORT})


def shared(world: World, sample: str = "S1", body: bytes = b"reads", *, tables: bytes = TABLE) -> str:
    """A run of the project that has published abundance tables, and has succeeded; returns its id."""
    world.now += 1
    run_id = started(world, f"metagenome/soil/{sample}/input.tar", body)
    publish_tables(world, run_id, tables)
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    return run_id


def publish_tables(world: World, run_id: str, tables: bytes = TABLE) -> None:
    run = world.run_item(run_id)
    put = world.put(RESULTS, f"{run['results_prefix']}abundance/species.tsv", tables)
    put.checksums["SHA256"] = base64.b64encode(sha256(tables).digest()).decode()
    listed = {"path": "abundance/species.tsv", "size": len(tables), "sha256": sha256(tables).hexdigest()}
    world.publish(run, files=[listed])


def quiet(world: World, seconds: float = 3600) -> dict[str, Any]:
    """Reconcile's answer after so long without an event."""
    world.now += seconds
    return reconcile.handle({}, world.context())


def finish(world: World, run_id: str) -> None:
    """A cohort's job publishes, and that is told."""
    run = world.run_item(run_id)
    world.publish(run, upload=None, members={"sha256": run["version_id"]})
    assert tell(world, world.job_event(f"{run_id}-1", "RUNNING")) == []
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []


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
