"""What a run cost, against calculations by hand with the prices of 25 November 2026.

By hand: the job's weight (nine for a vCPU, one for a GiB) over the instance's, times the hours, times the
instance's price with that of its root volume of 50 GiB (0.0952, 0.08 and 0.0912 dollars for a GB and 730
hours); and each request its price.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cost.book import book_of
from cost.run import cost_of

Job = tuple[int, int, str | None, str | None, int | None]  # vCPUs, MiB, instance, market, seconds
START = datetime(2026, 11, 26, tzinfo=UTC)

BY_HAND = yaml.safe_load(Path(__file__).with_name("by_hand.yaml").read_text())


def attempt(number: int, job: Job) -> dict[str, Any]:
    vcpus, memory_mib, instance, market, seconds = job
    ended = None if seconds is None else (START + timedelta(seconds=seconds)).isoformat()
    return {
        "number": number,
        "vcpus": vcpus,
        "memory_mib": memory_mib,
        "instance": instance,
        "market": market,
        "started": ended and START.isoformat(),
        "ended": ended,
    }


def row(region: str, jobs: list[Job], used: dict[str, int] | None = None) -> dict[str, Any]:
    attempts = [attempt(number, job) for number, job in enumerate(jobs, start=1)]
    told = {"output_bytes": 0, **used} if used is not None else None
    return {
        "region": region,
        "state": "succeeded",
        "updated": "2026-11-26T04:00:00.000Z",
        "size": 2**30,
        "attempts": attempts,
        "used": told,
    }


@pytest.mark.parametrize("example", BY_HAND, ids=lambda example: str(example["what"]))
def test_a_run_costs_what_a_hand_calculates(example: dict[str, Any]) -> None:
    """Whoever is billed by these figures must be able to check them; 5% is what rounding may make."""
    cost = cost_of(row(example["region"], example["jobs"], example.get("used", {})))
    assert cost.total == pytest.approx(example["by_hand"], rel=0.05)
    assert cost.unknown == ()


def test_there_are_twenty_examples() -> None:
    """Fewer would leave a family, a market or a region unchecked."""
    assert len(BY_HAND) >= 20
    assert {example["region"] for example in BY_HAND} == set(book_of("2026-11-25").regions)


SPOT: Job = (4, 6000, "c6id.xlarge", "spot", 3600)


@pytest.mark.parametrize(
    ("job", "lacks"),
    [
        ((4, 6000, None, None, 3600), "attempt 2: its instance is not known"),
        ((4, 6000, "x9.huge", "spot", 3600), "attempt 2: no price of x9.huge"),
        (
            (4, 6000, "c6id.xlarge", "capacity-block", 3600),
            "attempt 2: no price of its market (capacity-block)",
        ),
        ((4, 6000, "c6id.xlarge", None, 3600), "attempt 2: no price of its market (None)"),
    ],
)
def test_what_is_not_known_is_said_and_not_guessed(job: Job, lacks: str) -> None:
    """A sum that silently lacks an attempt, or prices it by another instance, misleads who plans by it."""
    known = cost_of(row("eu-central-1", [SPOT], {}))
    cost = cost_of(row("eu-central-1", [SPOT, job], {}))
    assert cost.unknown == (lacks,)
    assert cost.compute == known.compute


def test_a_job_whose_end_is_not_known_is_not_priced() -> None:
    """Of a superseded run nobody is told when its job ended: a made-up end would be a made-up price."""
    told = row("eu-central-1", [SPOT], {})
    told["attempts"][0]["ended"] = None
    cost = cost_of(told)
    assert (cost.total, cost.unknown) == (0, ("attempt 1: its end is not known",))
    assert cost_of({**told, "state": "running"}).unknown == ("attempt 1: it is not over",)


def test_results_without_counted_requests_are_a_lower_bound() -> None:
    """Runs of an older runner counted no requests: their cost must not look complete."""
    assert cost_of(row("eu-central-1", [SPOT], None)).unknown == ("requests: the runner counted none",)


def test_an_office_in_a_region_without_prices_costs_nothing_known() -> None:
    """A new region before the next refresh."""
    assert cost_of(row("eu-north-1", [SPOT], {})).unknown == ("no prices of eu-north-1",)


def test_storage_is_told_by_the_month_and_is_no_part_of_the_sum() -> None:
    """A sum that grew with every month would be another figure each time that somebody looks."""
    cost = cost_of(row("eu-central-1", [], {"output_bytes": 3 * 2**30}))
    assert cost.storage_month == pytest.approx(4 * 0.0245)
    assert cost.total == 0
