"""Figures: sums over the history for the charts: throughput, waiting, failures. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TypeVar

from fleet.dashboard.history import Seen
from handlers.run import TERMINAL

N = TypeVar("N", int, float)
MOST_SERIES = 6
OTHERS = "others"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One chart: a row of `values` (None: nothing to tell) for each name, one value for each of `labels`."""

    title: str
    unit: str
    labels: tuple[str, ...]
    values: Mapping[str, tuple[float | None, ...]]


def days_of(now: datetime, count: int) -> list[str]:
    """The last days, the oldest first, in UTC."""
    today = now.astimezone(UTC)
    return [(today - timedelta(days=back)).strftime("%m-%d") for back in reversed(range(count))]


def _day(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%m-%d")


def throughput(runs: Iterable[Seen], days: Sequence[str], by: Callable[[Seen], str]) -> Series:
    found = ((by(one), _day(one.updated)) for one in runs if one.state in TERMINAL)
    return _counted("Runs that ended", found, days)


def failures(runs: Iterable[Seen], days: Sequence[str]) -> Series:
    found = ((kind, _day(when)) for one in runs for when, kind in one.failures)
    return _counted("Failed attempts by class", found, days)


def costs(runs: Iterable[Seen], days: Sequence[str], by: Callable[[Seen], str]) -> Series:
    """US dollars of the runs that ended on a day, as far as known; the unit tells of how many not all is."""
    sums: defaultdict[tuple[str, str], float] = defaultdict(float)
    incomplete = 0
    for one in runs:
        if one.state in TERMINAL and _day(one.updated) in days:
            sums[by(one), _day(one.updated)] += one.cost.total
            incomplete += bool(one.cost.unknown)
    found = _summed(sums, days)
    values = {name: tuple(round(value, 4) for value in row) for name, row in found.items()}
    lacking = f", at least: of {incomplete} runs not all is known" if incomplete else ""
    return Series(title="Cost of runs that ended", unit=f"USD{lacking}", labels=tuple(days), values=values)


def waiting(runs: Iterable[Seen], days: Sequence[str], by: Callable[[Seen], str]) -> Series:
    """The median wait in minutes of the runs that were last heard of on a day."""
    waits: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    sizes: Counter[str] = Counter()
    for one in runs:
        if one.waited_s is not None:
            waits[by(one), _day(one.updated)].append(one.waited_s / 60)
            sizes[by(one)] += 1
    return Series(
        title="Waiting for a machine (median)",
        unit="minutes",
        labels=tuple(days),
        values={
            name: tuple(round(median(waits[name, day]), 1) if (name, day) in waits else None for day in days)
            for name, _ in sizes.most_common(MOST_SERIES)
        },
    )


def _counted(title: str, found: Iterable[tuple[str, str]], days: Sequence[str]) -> Series:
    counts = Counter(each for each in found if each[1] in set(days))
    values = {name: tuple(row) for name, row in _summed(counts, days).items()}
    return Series(title=title, unit="a day", labels=tuple(days), values=values)


def _summed(amounts: Mapping[tuple[str, str], N], days: Sequence[str]) -> dict[str, list[N]]:
    """Amounts by (name, day) as a row for each of the largest names, and one for all others."""
    sizes: defaultdict[str, float] = defaultdict(float)
    for (name, _), amount in amounts.items():
        sizes[name] += amount
    largest = sorted(sizes, key=lambda name: sizes[name], reverse=True)
    shown, rest = largest[:MOST_SERIES], largest[MOST_SERIES:]
    rows = {name: [amounts.get((name, day), 0) for day in days] for name in shown}
    if rest:
        rows[OTHERS] = [sum(amounts.get((name, day), 0) for name in rest) for day in days]
    return rows
