"""Packing: how much of the instances that jobs ran on they were given, and how much of that they used.

By each job's own share, neighbours or not; what an instance had left over beside all of its jobs is in
`cost.instances`. What a killed or reclaimed attempt used is not known; those count as given.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cost.book import Book
from handlers.cost import HOUR_S, share
from handlers.release import usable_mib
from handlers.run import SUCCEEDED


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Jobs of one pipeline on one type of instance. Shares are of the instance's, weighed by time; `used` are
    of the attempts that said what they took, None if none did.
    """

    pipeline: str
    instance: str
    market: str
    jobs: int
    hours: float
    price_share: float  # the part of the instance's price that a job bears
    vcpus_given: float
    memory_given: float
    vcpus_used: float | None
    memory_used: float | None


@dataclass(kw_only=True)
class _Sum:
    jobs: int = 0
    seconds: float = 0.0
    price: float = 0.0
    vcpus: float = 0.0
    memory: float = 0.0
    told_s: float = 0.0
    cpu: float = 0.0
    peak: float = 0.0


def packed(rows: Iterable[Mapping[str, Any]], book: Book) -> list[Packed]:
    """Of rows of headquarters' table; the most hours first. Types that the book lacks are left out."""
    sums: dict[tuple[str, str, str], _Sum] = {}
    for row in rows:
        prices = book.regions.get(str(row.get("region")))
        attempts = row.get("attempts") or []
        for each in attempts:
            instance = prices.instances.get(str(each.get("instance"))) if prices else None
            if instance is None or not each.get("started") or not each.get("ended"):
                continue
            key = (str(row["pipeline"]), str(each["instance"]), str(each.get("market") or ""))
            found = sums.setdefault(key, _Sum())
            seconds = max(0.0, _seconds(each["started"], each["ended"]))
            memory = usable_mib(int(instance.memory_gib))
            found.jobs += 1
            found.seconds += seconds
            found.price += seconds * share(
                each["vcpus"], each["memory_mib"], instance.vcpus, instance.memory_gib
            )
            found.vcpus += seconds * each["vcpus"] / instance.vcpus
            found.memory += seconds * each["memory_mib"] / memory
            used = row.get("used") or {}
            if row["state"] == SUCCEEDED and each is attempts[-1] and row.get("peak_mib") and "cpu_s" in used:
                found.told_s += seconds
                found.cpu += used["cpu_s"] / instance.vcpus
                found.peak += seconds * row["peak_mib"] / memory
    made = [_packed(*key, found) for key, found in sums.items() if found.seconds]
    return sorted(made, key=lambda each: -each.hours)


def _packed(pipeline: str, instance: str, market: str, found: _Sum) -> Packed:
    return Packed(
        pipeline=pipeline,
        instance=instance,
        market=market,
        jobs=found.jobs,
        hours=found.seconds / HOUR_S,
        price_share=found.price / found.seconds,
        vcpus_given=found.vcpus / found.seconds,
        memory_given=found.memory / found.seconds,
        vcpus_used=found.cpu / found.told_s if found.told_s else None,
        memory_used=found.peak / found.told_s if found.told_s else None,
    )


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
