"""The published schema of `status.json` is what is really written, key by key."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handlers.ledger import run_of
from handlers.run import Recalled
from handlers.status import status_of
from tests.handlers.aws_fakes import World
from tests.handlers.lab import (
    ASSEMBLY_STATUS,
    COHORT_STATUS,
    KEY,
    STATUS,
    quiet,
    shared,
    started,
    status,
    succeeded,
    take,
    tell,
    with_assembly,
    with_cohort,
)

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "docs" / "status.schema.json").read_text())
RECLAIMED = "Host EC2 (instance i-0123) terminated."


def every_status(world: World) -> dict[str, dict[str, Any]]:
    """A status of each kind, as a branch finds it."""
    found: dict[str, dict[str, Any]] = {}
    with_assembly(world)
    take(world, world.upload(KEY))
    found["submitted"] = status(world)
    world.sleep(60)
    take(world, world.upload(KEY, b"others"))
    run_id = status(world)["run_id"]
    tell(world, world.job_event(f"{run_id}-1", "RUNNING"))
    found["running"] = status(world)
    tell(world, world.job_event(f"{run_id}-1", "FAILED", reason=RECLAIMED))
    found["a second attempt"] = status(world)
    world.say(run_id, 2, 65, "no FASTQ in the tar")
    tell(world, world.job_event(f"{run_id}-2", "FAILED", code=65))
    found["rejected"] = status(world)
    world.sleep(60)
    run_id = succeeded(world, body=b"good ones")
    found["succeeded"] = status(world)
    found["of a follow-on"] = status(world, ASSEMBLY_STATUS)
    bad = Recalled(
        id="recall-1", what="a release", why="wrong taxa", next="again", at=found["running"]["updated"]
    )
    run = run_of(world.run_item(run_id))
    which = run.with_attempt(1, instance_id="i-0123456789abcdef0")
    found["recalled"] = status_of(replace(run, recall=bad, attempts=which), "eu")
    world.sleep(60)
    failed = started(world, "metagenome/soil/S2/input.tar")
    tell(world, world.job_event(f"{failed}-1", "FAILED", container="CannotPullContainerError: unauthorized"))
    found["failed"] = status(world, "metagenome/soil/S2/status.json")
    take(world, world.upload("metagenome/soil/S3/Input.tar"))
    with_cohort(world)
    shared(world, "S4")
    quiet(world)
    found["of a cohort"] = status(world, COHORT_STATUS)
    found["a wrong key"] = status(world, "metagenome/soil/S3/status.json")
    return found


def test_every_status_that_is_written_is_as_published(world: World) -> None:
    """A branch's program that reads by the published schema must never meet a file it cannot read."""
    checker = jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    found = every_status(world)
    assert {each["state"] for each in found.values()} >= {
        *("submitted", "running", "succeeded", "failed", "rejected"),
    }
    for kind, each in found.items():
        assert [error.message for error in checker.iter_errors(each)] == [], kind


def test_every_key_that_is_written_is_explained_in_the_schema(world: World) -> None:
    """A key that nobody published cannot be relied upon, and one that is never written misleads."""
    written = every_status(world)["recalled"]
    assert set(written) == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    for name in ("upload", "results", "recall"):
        assert set(written[name]) == set(SCHEMA["properties"][name]["properties"])
    cohort = every_status(World())["of a cohort"]
    assert set(cohort["members"]) == set(SCHEMA["properties"]["members"]["properties"])
    described = SCHEMA["properties"]["attempts"]["items"]
    assert set(written["attempts"][0]) == set(described["properties"])
    # An instance from before it told its id.
    assert set(described["properties"]) - set(described["required"]) == {"instance_id"}


@pytest.mark.parametrize("change", [{"state": "done"}, {"run_id": "S1"}, {"surprise": 1}, {"schema": 2}])
def test_the_schema_refuses_what_is_no_status(world: World, change: dict[str, Any]) -> None:
    """A schema that takes everything publishes nothing."""
    take(world, world.upload(KEY))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**status(world, STATUS), **change}, SCHEMA)
