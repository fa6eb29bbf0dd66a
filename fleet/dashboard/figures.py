"""Figures: sums over the history for the charts: throughput, waiting, failures. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from fleet.dashboard.history import Seen
from handlers.run import TERMINAL

MOST_SERIES = 6
OTHERS = "others"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One chart: a row of `values` (None: nothing to tell) for each name, one value for each of `labels`."""

    title: str
    unit: str
    labels: tuple[str, ...]
    values: dict[str, tuple[float | None, ...]]


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
    sizes: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sizes[name] += count
    shown = [name for name, _ in sizes.most_common(MOST_SERIES)]
    values: dict[str, tuple[float | None, ...]] = {
        name: tuple(counts[name, day] for day in days) for name in shown
    }
    if rest := [name for name in sizes if name not in values]:
        values[OTHERS] = tuple(sum(counts[name, day] for name in rest) for day in days)
    return Series(title=title, unit="a day", labels=tuple(days), values=values)
