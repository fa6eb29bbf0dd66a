"""Watch: every change of every run as it comes to headquarters."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet.table import Filter, FleetTable, Row, queries
from fleet.text import since

# An event may come this late and is still seen: rows are asked for by the time of the transition.
LATEST_S = 900


@dataclass(kw_only=True)
class Changes:
    """What changed since the last look, by the revisions that were seen then."""

    table: FleetTable
    offices: Sequence[str]
    clock: Callable[[], datetime]
    _seen: dict[tuple[str, str], int] = field(default_factory=dict)
    _begun: bool = False

    def look(self) -> list[Row]:
        """Rows that are new or changed, the oldest first; the first look only learns what is there."""
        begin = since(f"{LATEST_S}s", self.clock())
        fresh = [row for row in self._rows(begin) if self._is_new(row)]
        first, self._begun = not self._begun, True
        return [] if first else fresh[::-1]

    def recent(self, most: int) -> list[Row]:
        return self.table.page(queries(Filter(), self.offices), most).rows[:most]

    def _rows(self, begin: str) -> Iterator[Row]:
        return self.table.newest_first(queries(Filter(since=begin), self.offices))

    def _is_new(self, row: Row) -> bool:
        key = (row["office"], row["run_id"])
        new = self._seen.get(key, 0) < int(row["revision"])
        self._seen[key] = max(row["revision"], self._seen.get(key, 0))
        return new


def until(clock: Callable[[], datetime], seconds: float | None) -> Callable[[], bool]:
    """Whether there is time left; without `seconds` there always is."""
    end = None if seconds is None else clock() + timedelta(seconds=seconds)
    return lambda: end is None or clock() < end
