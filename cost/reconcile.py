"""Reconciliation: what the platform says its runs cost, beside what AWS billed for them.

By office, day and project: the sums of both, their difference, and what it comes of. Only instances are
compared, since only they are on the bill by run; a run's day is that of its hours, not of its end.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cost.book import book_of
from cost.report import Line
from handlers.cost import HOUR_S, share

UNKNOWN = "(unknown)"


@dataclass(frozen=True, kw_only=True)
class Share:
    """What an attempt cost in one day."""

    day: str
    usd: float
    vcpu_hours: float


@dataclass(kw_only=True)
class Row:
    """An office's project in one day; US dollars.

    `missing` is the platform's figure for runs that are not on the bill that day, `strange` the bill's for
    runs that the platform does not know then. `by_time` and `by_price` part what is left of the difference:
    hours that AWS counted and the platform did not, and the same hours at another price.
    """

    platform: float = 0.0
    billed: float = 0.0
    missing: float = 0.0
    strange: float = 0.0
    by_time: float = 0.0
    by_price: float = 0.0

    @property
    def difference(self) -> float:
        return self.billed - self.platform


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """`rows` by (office, day, project). `untagged` and `unused` are on the bill and no run's; `unpriced`:
    attempts whose cost the platform does not know, as `run id, attempt: why`.
    """

    rows: Mapping[tuple[str, str, str], Row]
    untagged: float
    unused: float
    unpriced: tuple[str, ...] = field(default=())

    @property
    def total(self) -> Row:
        found = Row()
        for row in self.rows.values():
            for name in vars(found):
                setattr(found, name, getattr(found, name) + getattr(row, name))
        return found


@dataclass(kw_only=True)
class _Pair:
    """A run's day: the platform's figure and the bill's."""

    office: str
    project: str
    usd: float = 0.0
    hours: float = 0.0
    billed: float = 0.0
    billed_hours: float = 0.0
    known: bool = False
    on_bill: bool = False


def reconcile(lines: Iterable[Line], runs: Iterable[Mapping[str, Any]]) -> Reconciled:
    """`runs` as `fleet samples --json` tells them. Days that the report does not have are left out."""
    billed: dict[tuple[str, str], list[Line]] = defaultdict(list)
    untagged = unused = 0.0
    days = set()
    for line in lines:
        days.add(line.day)
        unused += line.unused_usd
        if line.run:
            billed[line.run, line.day].append(line)
        else:
            untagged += line.usd
    projects: dict[str, tuple[str, str]] = {}
    pairs: dict[tuple[str, str], _Pair] = {}
    unpriced: list[str] = []
    for run in runs:
        projects[run["run_id"]] = (run["office"], run["project"])
        for each in _shares(run, unpriced):
            if each.day in days:
                pair = _pair(pairs, projects, run["run_id"], each.day, run["office"])
                pair.usd, pair.hours, pair.known = pair.usd + each.usd, pair.hours + each.vcpu_hours, True
    for (run_id, day), found in billed.items():
        pair = _pair(pairs, projects, run_id, day, found[0].office)
        pair.billed += sum(line.usd for line in found)
        pair.billed_hours += sum(line.vcpu_hours for line in found)
        pair.on_bill = True
    return Reconciled(rows=_rows(pairs), untagged=untagged, unused=unused, unpriced=tuple(unpriced))


def _pair(
    pairs: dict[tuple[str, str], _Pair],
    projects: Mapping[str, tuple[str, str]],
    run_id: str,
    day: str,
    office: str,
) -> _Pair:
    known = projects.get(run_id, (office or UNKNOWN, UNKNOWN))
    return pairs.setdefault((run_id, day), _Pair(office=known[0], project=known[1]))


def _rows(pairs: Mapping[tuple[str, str], _Pair]) -> dict[tuple[str, str, str], Row]:
    rows: dict[tuple[str, str, str], Row] = defaultdict(Row)
    for (_, day), pair in sorted(pairs.items()):
        row = rows[pair.office, day, pair.project]
        row.platform += pair.usd
        row.billed += pair.billed
        if not pair.on_bill:
            row.missing += pair.usd
        elif not pair.known:
            row.strange += pair.billed
        else:
            hourly = pair.usd / pair.hours if pair.hours else 0.0
            by_time = (pair.billed_hours - pair.hours) * hourly
            row.by_time += by_time
            row.by_price += pair.billed - pair.usd - by_time
    return dict(sorted(rows.items()))


def _shares(run: Mapping[str, Any], unpriced: list[str]) -> Iterator[Share]:
    """A run's attempts by the days of their hours; what cannot be priced is put into `unpriced`."""
    prices = book_of(run.get("updated")).regions.get(str(run.get("region")))
    for attempt in run.get("attempts") or []:
        if not attempt.get("started"):
            continue
        name = f"{run['run_id']}, attempt {attempt['number']}"
        instance = prices.instances.get(str(attempt.get("instance"))) if prices else None
        hourly = instance.price(attempt.get("market")) if instance else None
        if instance is None or hourly is None or not attempt.get("ended"):
            why = "it has not ended" if not attempt.get("ended") else "no price of its instance"
            unpriced.append(f"{name}: {why} ({attempt.get('instance') or 'type not known'})")
            continue
        part = share(attempt["vcpus"], attempt["memory_mib"], instance.vcpus, instance.memory_gib)
        for day, seconds in _days(_moment(attempt["started"]), _moment(attempt["ended"])):
            yield Share(
                day=day,
                usd=part * hourly * seconds / HOUR_S,
                vcpu_hours=attempt["vcpus"] * seconds / HOUR_S,
            )


def _days(start: datetime, end: datetime) -> Iterator[tuple[str, float]]:
    """The seconds of each day of UTC."""
    while start < end:
        midnight = datetime.combine(start.date() + timedelta(days=1), datetime.min.time(), UTC)
        until = min(end, midnight)
        yield start.date().isoformat(), (until - start).total_seconds()
        start = until


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
