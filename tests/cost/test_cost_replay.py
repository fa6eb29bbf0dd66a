"""What past runs would have cost under a change."""

from dataclasses import replace as changed
from typing import Any

import pytest

from cost.book import book_of
from cost.replay import Pipeline, Terms, replay
from cost.run import cost_of
from handlers.release import Linear, Release
from handlers.run import FAILED, SUCCEEDED

BOOK = book_of("2026-11-25")
RELEASE = Release(
    pipeline="metagenome",
    version="1.0.0",
    digest="sha256:" + "0" * 64,
    job_definition="",
    references={},
    vcpus=4,
    memory_mib=Linear(base=6000, per_gib=0),
    max_memory_mib=100_000,
    scratch_gib=Linear(base=10, per_gib=0),
    time_limit_minutes=Linear(base=60, per_gib=0),
)
TERMS = Terms(release=RELEASE, families=("c6id", "m6id", "r6id"), retries={"spot": 3, "memory": 3, "disk": 2})


def attempt(number: int, failure: str | None = None, *, minutes: int = 60, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "class": failure,
        "vcpus": 4,
        "memory_mib": 6000,
        "instance": "c6id.2xlarge",
        "market": "spot",
        "started": "2026-11-26T01:00:00+00:00",
        "ended": f"2026-11-26T{1 + minutes // 60:02}:{minutes % 60:02}:00+00:00",
        **more,
    }


def row(*attempts: dict[str, Any], state: str = SUCCEEDED, **more: Any) -> dict[str, Any]:
    return {
        "pipeline": "metagenome",
        "region": "eu-central-1",
        "state": state,
        "updated": "2026-11-26T04:00:00.000Z",
        "size": 2**30,
        "used": {"output_bytes": 0, "s3:GetObject": 10},
        "attempts": list(attempts),
        **more,
    }


def one(told: dict[str, Any], **terms: Any) -> Pipeline:
    (found,) = replay([told], {"metagenome": changed(TERMS, **terms)}, BOOK).values()
    return found


def released(**changes: Any) -> Release:
    return changed(RELEASE, **changes)


def memory(mib: int) -> Release:
    return released(memory_mib=Linear(base=mib, per_gib=0))


def test_without_a_change_every_run_costs_what_it_did() -> None:
    """Else every comment shows a saving that is none."""
    reclaimed = row(
        attempt(1, "spot", minutes=30), attempt(2, market="on-demand"), updated="2026-11-27T00:00:00Z"
    )
    grown = row(attempt(1, "memory"), attempt(2, memory_mib=12_000))
    found = replay([reclaimed, grown], {"metagenome": TERMS}, BOOK)["metagenome"]
    assert found.runs == 2
    assert found.after == pytest.approx(found.before)
    assert found.before == pytest.approx(cost_of(reclaimed, BOOK).total + cost_of(grown, BOOK).total)
    assert (found.spared, found.less, found.unfinished, found.unpriced) == (0, 0, 0, 0)


def test_more_memory_costs_its_share_of_the_instance() -> None:
    """Calculated by hand: (9·4 + 11.72 GiB) / (9·8 + 16) of a c6id.2xlarge on Spot, for an hour."""
    found = one(row(attempt(1)), release=memory(12_000))
    fixed = cost_of(row(attempt(1)), BOOK)
    part = (36 + 12_000 / 1024) / 88
    volume = 0.0952 * 50 / 730 * part
    assert found.after == pytest.approx(0.1981 * part + volume + fixed.requests)
    assert found.before < 0.1981 * part


def test_an_attempt_that_failed_for_memory_is_spared_when_the_first_now_has_it() -> None:
    """The reason for which people raise memory; without this it always looks dearer."""
    grown = row(attempt(1, "memory"), attempt(2, memory_mib=12_000))
    found = one(grown, release=memory(12_000))
    assert found.spared == 1
    assert found.after == pytest.approx(one(row(attempt(2, memory_mib=12_000))).before)
    few = one(grown, release=memory(8_000))
    assert few.spared == 0  # nobody knows whether 8,000 were enough
    assert few.after is not None
    assert few.after > few.before


def test_a_full_disk_is_spared_by_the_vcpus_that_bring_it() -> None:
    grown = row(attempt(1, "disk"), attempt(2, vcpus=8))
    assert one(grown, release=released(vcpus=8)).spared == 1
    assert one(grown, release=released(vcpus=6)).spared == 0


def test_less_memory_than_sufficed_is_told() -> None:
    """A saving that ends in runs out of memory is none."""
    found = one(row(attempt(1)), release=memory(3_000))
    assert (found.less, found.runs) == (1, 1)
    assert found.after is not None
    assert found.after < found.before
    failed = row(attempt(1, "unknown"), state=FAILED)
    assert one(failed, release=memory(3_000)).less == 0


def test_a_family_that_is_given_up_is_priced_as_the_cheapest_that_stays() -> None:
    """The market stays: a run on demand is not priced as Spot."""
    told = row(attempt(1, market="on-demand"))
    found = one(told, families=("m6id", "r6id"))
    cheapest = min(
        cost_of(row(attempt(1, market="on-demand", instance=instance)), BOOK).total
        for instance in ("m6id.large", "r6id.large")
    )
    assert found.after == pytest.approx(cheapest)
    assert found.after != pytest.approx(found.before)


def test_a_family_without_a_price_is_left_out_and_counted() -> None:
    found = one(row(attempt(1)), families=("i7ie",))
    assert (found.runs, found.unpriced, found.before, found.after) == (0, 1, 0, 0)
    unknown = one(row(attempt(1, instance=None, market=None)))
    assert (unknown.runs, unknown.unpriced) == (0, 1)


def test_fewer_further_attempts_end_a_run_earlier_and_that_is_told() -> None:
    """It is cheaper, and the sample has no result."""
    reclaimed = row(attempt(1, "spot"), attempt(2, "capacity"), attempt(3))
    found = one(reclaimed, retries={"spot": 1})
    assert found.unfinished == 1
    assert found.after == pytest.approx(
        cost_of(row(attempt(1), attempt(2)), BOOK).total
    )  # capacity draws on the same budget
    assert one(reclaimed, retries={"spot": 2}).unfinished == 0


def test_attempts_that_never_had_a_container_draw_on_the_budget_too() -> None:
    waited = row(attempt(1, "pull", started=None, ended=None), attempt(2))
    assert one(waited, retries={"pull": 0}).unfinished == 1
    assert one(waited, retries={"pull": 1}).unfinished == 0


def test_a_pipeline_that_leaves_the_office_has_no_cost_to_come() -> None:
    found = replay([row(attempt(1), pipeline="old")], {"metagenome": TERMS}, BOOK)
    assert found["old"].after is None
    assert found["old"].before > 0
