"""How much of an instance a job was given, and used."""

from typing import Any

import pytest

from cost.book import book_of
from cost.packing import packed
from tests.cost.test_cost_run import attempt, row

BOOK = book_of("2026-11-25")
HOUR = (4, 3_836, "c6id.2xlarge", "spot", 3600)  # half of its 8 vCPUs, a quarter of its 15,715 MiB


def ran(*jobs: Any, **took: Any) -> dict[str, Any]:
    made = row("eu-central-1", [], {"cpu_s": took.get("cpu_s", 7_200)})
    made["attempts"] = [attempt(number, job) for number, job in enumerate(jobs, start=1)]
    return {**made, "pipeline": "metagenome", "peak_mib": took.get("peak_mib", 1_571)}


def test_a_job_is_told_by_its_part_of_the_instance() -> None:
    """Half an instance that stands idle is paid for, and nobody sees it in a run's own cost."""
    (found,) = packed([ran(HOUR)], BOOK)
    assert (found.instance, found.jobs, found.hours) == ("c6id.2xlarge", 1, 1.0)
    assert found.vcpus_given == 0.5
    assert found.memory_given == pytest.approx(0.244, abs=0.001)
    assert found.price_share == pytest.approx((36 + 3.746) / (72 + 16), abs=0.001)
    # Two hours of a processor in one hour: two of eight.
    assert found.vcpus_used == 0.25
    assert found.memory_used == pytest.approx(0.1, abs=0.001)


def test_attempts_that_were_reclaimed_count_as_given_and_not_as_used() -> None:
    """What they used nobody knows; as nothing it would make a good size look wasteful."""
    (found,) = packed([ran((*HOUR[:4], 1800), HOUR)], BOOK)
    assert (found.jobs, found.hours) == (2, 1.5)
    assert found.vcpus_used == 0.25


def test_what_says_nothing_is_not_guessed() -> None:
    """An instance that is not known has no share of it, and an old runner used nothing that is known."""
    unknown = ran((4, 6_000, None, None, 3600))
    old = {**ran(HOUR), "peak_mib": None}
    (found,) = packed([unknown, old], BOOK)
    assert (found.jobs, found.vcpus_used, found.memory_used) == (1, None, None)
