"""How full an instance was with all of its jobs, by hand.

A c6id.2xlarge has 8 vCPUs and 16 GiB, of which ECS gives jobs 15,715 MiB; its price is the book's.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cost.book import book_of
from cost.instances import WITHOUT_END, WITHOUT_ID, WITHOUT_TYPE, Held, held_of, instances, together

BOOK = book_of("2026-11-25")
START = datetime(2026, 11, 26, tzinfo=UTC)
ONE, OTHER = "i-0123456789abcdef0", "i-0123456789abcdef1"
WEIGHT = 8 * 9 + 16  # of the instance: nine for a vCPU, one for a GiB


def job(begin_min: float, end_min: float | None, which: str | None = ONE, **changes: Any) -> Held:
    """4 vCPUs and 4,096 MiB from one minute to another; a row's attempt, read as one."""
    attempt = {
        "vcpus": 4,
        "memory_mib": 4_096,
        "instance": "c6id.2xlarge",
        "market": "spot",
        "started": (START + timedelta(minutes=begin_min)).isoformat(),
        "ended": end_min and (START + timedelta(minutes=end_min)).isoformat(),
        **({"instance_id": which} if which else {}),
        **changes,
    }
    row = {"office": "eu", "region": "eu-central-1", "pipeline": "metagenome", "attempts": [attempt]}
    (found,) = held_of(row | {name: changes[name] for name in row.keys() & changes.keys()})
    return found


def test_two_jobs_at_once_and_a_gap_are_told_apart() -> None:
    """An instance that stands half empty is paid for and in no run's cost: nobody would look for it.

    From 0 to 60 and from 30 to 90 minutes, then nothing, then from 150 to 180: three hours, with 60 + 60 + 30
    minutes of jobs, two of them at once for half an hour.
    """
    found = instances([job(0, 60), job(30, 90), job(150, 180)], BOOK)
    (one,) = found.known
    assert (one.office, one.id, one.instance, one.market) == ("eu", ONE, "c6id.2xlarge", "spot")
    filled = one.filled
    assert (filled.jobs, filled.hours, filled.job_hours, filled.most_at_once) == (3, 3.0, 2.5, 2)
    assert filled.mean_at_once == pytest.approx(2.5 / 3)
    # 2.5 hours of 4 vCPUs, of three hours of 8; and of 4 GiB, of 15,715 MiB.
    assert filled.vcpus_given == pytest.approx(10 / 24)
    assert filled.memory_given == pytest.approx(2.5 * 4_096 / (3 * 15_715))
    told = filled.told()
    assert told["vcpu_hours_unused"] == pytest.approx(14)
    assert told["gib_hours_unused"] == pytest.approx(3 * 15_715 / 1024 - 10)
    # Each job bears 40 of 88 of the price for its time.
    spot = BOOK.regions["eu-central-1"].instances["c6id.2xlarge"].spot
    assert spot is not None
    assert filled.usd_unused == pytest.approx(spot * (3 - 2.5 * (36 + 4) / WEIGHT))


def test_who_follows_upon_another_was_not_beside_it() -> None:
    """Two at once on an instance that holds one would be a fault of AWS Batch that is none."""
    (one,) = instances([job(0, 20.1), job(20.1, 40)], BOOK).known
    assert one.filled.most_at_once == 1
    assert one.filled.mean_at_once == pytest.approx(1.0)


def test_an_attempt_without_an_end_is_counted_and_in_no_figure() -> None:
    """Reclaimed, and nobody was told when: a made-up end would be made-up idleness, or made-up work."""
    whole = instances([job(0, 60), job(30, None)], BOOK)
    assert whole.known == instances([job(0, 60)], BOOK).known
    assert whole.left_out == {WITHOUT_ID: 0, WITHOUT_END: 1, WITHOUT_TYPE: 0}
    assert instances([job(30, None)], BOOK).known == ()


def test_who_does_not_know_its_instance_is_counted_as_such() -> None:
    """Taken as alone on one, a run of an older runner would make every instance look half empty."""
    found = instances([job(0, 60, None), job(0, 60, instance="x9.huge"), job(0, 60)], BOOK)
    assert [each.filled.jobs for each in found.known] == [1]
    assert found.left_out == {WITHOUT_ID: 1, WITHOUT_END: 0, WITHOUT_TYPE: 1}


def test_instances_are_parted_by_office_and_the_emptiest_is_first() -> None:
    """Whoever reads the list mends what is at its top."""
    jobs = [job(0, 60), job(0, 60, pipeline="assembly"), job(0, 120, OTHER), job(0, 60, office="us")]
    found = instances(jobs, BOOK).known
    assert [(each.office, each.id, each.filled.jobs) for each in found] == [
        ("eu", OTHER, 1),
        ("us", ONE, 1),
        ("eu", ONE, 2),
    ]
    assert found[2].pipelines == ("assembly", "metagenome")
    assert found[2].filled.vcpus_given == 1


def test_several_instances_are_summed_by_their_hours() -> None:
    """A mean of shares would let a minute's instance weigh what a day's does."""
    full = [job(0, 60), job(0, 60)]
    half = [job(0, 180, OTHER)]
    whole = together(each.filled for each in instances(full + half, BOOK).known)
    assert (whole.jobs, whole.hours, whole.most_at_once) == (3, 4.0, 2)
    assert whole.mean_at_once == pytest.approx(5 / 4)
    assert whole.vcpus_given == pytest.approx((8 + 12) / 32)
    none = together([])
    assert (none.mean_at_once, none.vcpus_given, none.memory_given, none.usd_unused) == (0, 0, 0, 0)


def test_an_instance_without_a_price_has_no_unused_money() -> None:
    """As nothing, it would look full."""
    unpriced = instances([job(0, 60, market="capacity-block")], BOOK).known
    assert unpriced[0].filled.usd_unused is None
    priced = instances([job(0, 60)], BOOK).known
    assert together(each.filled for each in (*unpriced, *priced)).usd_unused is None
