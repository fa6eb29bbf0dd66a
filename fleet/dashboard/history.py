"""History: what the charts are drawn from, kept in the server's memory.

Sums over 50,000 runs cannot be asked of DynamoDB within a second: it charges and pages by what it reads
(1 MB a page), not by what it gives. So the runs of the last days are read once, behind the page's back and
newest first, as a few words each; from then on only what changed is asked for, by the index of its office
and time. The page says how far back it has read.
"""

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cost.instances import Held, held_of
from cost.run import Cost, cost_of
from fleet.sync import Used, used_by
from fleet.table import OPEN_STATES, FleetTable, Query, Row
from fleet.text import moment, since
from fleet.watch import LATEST_S

_ONLY = (
    "office", "run_id", "pipeline", "project", "sample", "state", "revision", "updated", "uploaded", "times",
    "attempt", "attempts", "message", "region", "used", "size", "release_digest", "references", "peak_mib",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A run in a few words. `waited_s`: from its upload to the first start of a job."""

    office: str
    run_id: str
    pipeline: str
    project: str
    sample: str
    state: str
    revision: int
    attempt: int
    updated: datetime
    waited_s: float | None
    failures: tuple[tuple[datetime, str], ...]  # of each attempt that failed: when, and its class
    vcpus: int
    message: str
    used: Used
    cost: Cost
    held: tuple[Held, ...] = ()
    peak_mib: int | None = None

    @property
    def where(self) -> str:
        return f"{self.pipeline}/{self.project}/{self.sample}"


def seen(row: Row) -> Seen | None:
    """None for a row that has no time: it stands in no chart."""
    updated = moment(row.get("updated"))
    if updated is None:
        return None
    attempts = row.get("attempts") or []
    begun = moment(row.get("uploaded"))
    started = min(filter(None, (moment(each.get("started")) for each in attempts)), default=None)
    return Seen(
        **{name: str(row.get(name, "")) for name in ("office", "run_id", "pipeline", "project", "sample")},
        state=str(row["state"]),
        revision=int(row["revision"]),
        attempt=int(row.get("attempt") or 1),
        updated=updated,
        waited_s=max(0.0, (started - begun).total_seconds()) if begun and started else None,
        failures=tuple(
            (moment(each.get("ended")) or updated, str(each["class"]))
            for each in attempts
            if each.get("class")
        ),
        vcpus=int(attempts[-1].get("vcpus") or 0) if attempts else 0,
        message=str(row.get("message", "")),
        used=_shared(used_by(row)),
        cost=cost_of(row),
        held=held_of(row),
        peak_mib=row.get("peak_mib"),
    )


@functools.lru_cache(maxsize=1024)
def _shared(used: Used) -> Used:
    """One of each for all runs: there are few, and 50,000 runs."""
    return used


@dataclass(kw_only=True)
class History:
    table: FleetTable
    offices: Sequence[str]
    clock: Callable[[], datetime]
    days: int = 7
    complete: bool = False  # the first reading has come to its end
    _runs: dict[tuple[str, str], Seen] = field(default_factory=dict)
    _looked: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def read_open(self) -> None:
        """Open runs of any age: few at any time, and the first thing that is looked at."""
        for state in OPEN_STATES:
            self._keep(self.table.rows(Query(index="by_state", key=f"state#{state}", only=_ONLY)))

    def read(self, each_page: Callable[[], None] = lambda: None) -> None:
        """What changed since the last reading, the first time all of the last days."""
        at = self.clock()
        late = timedelta(seconds=LATEST_S)
        begin = self._looked - late if self._looked else at - timedelta(days=self.days)
        for office in self.offices:
            query = Query(
                index="by_office", key=f"office#{office}", since=since(begin.isoformat(), at), only=_ONLY
            )
            self._keep(self.table.rows(query), each_page)
        self._looked, self.complete = at, True
        self._forget(at - timedelta(days=self.days))

    def runs(self) -> list[Seen]:
        with self._lock:
            return list(self._runs.values())

    def _keep(self, rows: Iterable[Row], each_page: Callable[[], None] = lambda: None) -> None:
        for number, row in enumerate(rows, start=1):
            one = seen(row)
            if one is None:
                continue
            with self._lock:
                known = self._runs.get((one.office, one.run_id))
                if known is None or known.revision < one.revision:
                    self._runs[one.office, one.run_id] = one
            if number % 2000 == 0:
                each_page()

    def _forget(self, before: datetime) -> None:
        with self._lock:
            for key, one in list(self._runs.items()):
                if one.updated < before and one.state not in OPEN_STATES:
                    del self._runs[key]
