"""How the office stands, and by which id the lines of a run are found."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from handlers import log, reconcile, standing
from handlers.allowance import Allowance
from tests.handlers.aws_fakes import World
from tests.handlers.emitted import PRICES
from tests.handlers.lab import KEY, started, succeeded, take, tell

OTHER = "metagenome/soil/S2/input.tar"


def seen(world: World) -> dict[str, float]:
    context = world.context()
    standing.look(context)
    return context.seen


def test_an_empty_office_says_so_in_numbers(world: World) -> None:
    """Without zeros an alarm never ends, and a dashboard shows the last bad day for ever."""
    assert seen(world) == {
        "OpenWaiting": 0, "OpenRunning": 0, "OpenHeld": 0, "Standstill": 0, "OldestUploadSeconds": 0,
    }  # fmt: skip


def test_what_waits_and_what_runs_is_counted_apart_and_ends_are_not(world: World) -> None:
    """A queue that grows while nothing runs looks the same as a busy one, if only their sum is known."""
    succeeded(world, "metagenome/soil/S0/input.tar")
    take(world, world.upload(KEY))
    assert {name: seen(world)[name] for name in ("OpenWaiting", "OpenRunning", "Standstill")} == {
        "OpenWaiting": 1, "OpenRunning": 0, "Standstill": 1,
    }  # fmt: skip
    started(world, OTHER)
    assert {name: seen(world)[name] for name in ("OpenWaiting", "OpenRunning", "Standstill")} == {
        "OpenWaiting": 1, "OpenRunning": 1, "Standstill": 0,
    }  # fmt: skip


def test_the_oldest_upload_is_as_old_as_its_upload_whatever_was_tried_since(world: World) -> None:
    """A sample that is reclaimed every hour would never be old, and nobody would ever be called."""
    run_id = started(world)
    uploaded = world.now
    world.now += 3600
    started(world, OTHER)
    tell(world, world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-1) terminated."))
    world.now += 60
    assert seen(world)["OldestUploadSeconds"] == pytest.approx(world.now - uploaded, abs=1)


def test_a_run_that_waits_for_its_budget_is_not_what_is_waited_for(world: World) -> None:
    """The alarm on the oldest upload would ring till the end of the month, and hide all others."""
    world.office = replace(world.office, prices=PRICES, allowance=Allowance(usd={"soil": 1}))
    run_id = started(world)
    world.now += 24 * 3600
    tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))
    take(world, world.upload(OTHER))
    world.now += 3 * 24 * 3600
    assert seen(world)["OpenHeld"] == 1
    assert seen(world)["OldestUploadSeconds"] == seen(world)["Standstill"] == 0


def test_the_figures_come_even_if_the_round_has_no_time_left(world: World) -> None:
    """When most waits reconcile has least time, and just then the figures are needed."""
    take(world, world.upload(KEY))
    context = world.context(deadline=world.now + 1)
    reconcile.handle({}, context)
    assert context.seen["OpenWaiting"] == 1


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What the functions log."""
    kept = StringIO()
    handlers = log.logger._logger.handlers
    streams = [getattr(each, "stream", None) for each in handlers]
    level = log.logger._logger.level
    log.logger.setLevel("INFO")
    for each in handlers:
        each.stream = kept  # type: ignore[attr-defined]
    yield kept
    for each, stream in zip(handlers, streams, strict=True):
        each.stream = stream  # type: ignore[attr-defined]
    log.logger.setLevel(level)


def told(lines: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_every_line_about_a_run_bears_its_id_also_that_of_a_failure(world: World, lines: StringIO) -> None:
    """The line that says why a record failed is the one that is looked for by the run's id."""
    run_id = succeeded(world)
    assert {line["run_id"] for line in told(lines)} == {run_id}
    assert len(told(lines)) >= 3
    other = started(world, OTHER)
    world.faults = lambda made: "denied" if made.operation == "PutEvents" else None
    assert tell(world, world.job_event(f"{other}-1", "FAILED", code=3)) == ["m0"]
    failed = told(lines)[-1]
    assert failed["message"].startswith("a record failed")
    assert failed["run_id"] == other


def test_a_line_about_nothing_bears_no_id_of_the_run_before(world: World, lines: StringIO) -> None:
    """A run would be blamed for another's failure."""
    run_id = started(world)
    assert told(lines)[-1]["run_id"] == run_id
    assert tell(world, {"detail-type": "nonsense"}) == ["m0"]
    assert "run_id" not in told(lines)[-1]
