"""Picture: the state of the fleet as the page shows it, renewed behind the page's back.

A request is answered from what is known; it never waits for an office. `version` rises with each change of
what is shown, for the stream that tells browsers.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from components.office import Office
from fleet import overview
from fleet.access import Access, Unreachable, in_each
from fleet.dashboard.capacity import Capacity, ask_capacity
from fleet.dashboard.health import Health, ask_health
from fleet.dashboard.history import History, Seen
from fleet.options import chosen, table_of
from fleet.overview import Standing
from fleet.table import OPEN_STATES

EVERY_S = 3.0
# Offices are asked less often than the table: what they tell changes slowly, and every call is of theirs.
OFFICES_EVERY_S = 20.0
_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Picture:
    access: Access
    clock: Callable[[], datetime]
    days: int = 7
    history: History = field(init=False)
    standings: dict[str, Standing] = field(default_factory=dict)
    capacities: dict[str, list[Capacity] | Exception] = field(default_factory=dict)
    healths: dict[str, Health | Exception] = field(default_factory=dict)
    trouble: str | None = None  # why headquarters' own table could not be asked
    version: int = 0
    _asked: datetime | None = None
    _first: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.offices: list[Office] = chosen(self.access, None)
        names = [each.name for each in self.offices]
        self.history = History(table=table_of(self.access), offices=names, clock=self.clock, days=self.days)

    def wait(self, seconds: float) -> None:
        """Until the open runs have been read once, or as long: an early page is better than none."""
        self._first.wait(seconds)

    def start(self) -> None:
        for renew, every in ((self.renew_runs, EVERY_S), (self.renew_offices, OFFICES_EVERY_S)):
            self._threads.append(threading.Thread(target=self._keep_up, args=(renew, every), daemon=True))
            self._threads[-1].start()

    def stop(self, wait_s: float = 0.0) -> None:
        """Ask no more; wait so long for each question that is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(wait_s)

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def renew_runs(self) -> None:
        before = self._state()
        self.history.read_open()
        self._first.set()
        self._changed()
        self.history.read(self._changed)
        if self._state() != before:
            self._changed()

    def renew_offices(self) -> None:
        at = self.clock()
        # Ended runs are counted by the history: here they are asked for from now on, which is none.
        begin = (at + timedelta(days=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        found = {each.office: each for each in overview.standings(self.access, begin, at, self.offices)}
        capacities = in_each(self.offices, lambda office: ask_capacity(self.access, office))
        healths = in_each(self.offices, partial(ask_health, self.access, runs=self.history.runs()))
        known = (self.standings, str(self.capacities), str(self.healths))
        if (found, str(capacities), str(healths)) != known:
            self.standings, self.capacities, self.healths = found, capacities, healths
            self._changed()

    def _state(self) -> dict[tuple[str, str], int]:
        return {(one.office, one.run_id): one.revision for one in self.history.runs()}

    def _changed(self) -> None:
        self.version += 1

    def _keep_up(self, renew: Callable[[], None], every: float) -> None:
        while not self._stop.is_set():
            try:
                renew()
                trouble = None
            except (Unreachable, BotoCoreError, ClientError) as error:
                trouble = str(error)
            except Exception:
                # A thread that dies in silence leaves a page that looks alive: it says so, and goes on.
                _log.exception("the picture could not be renewed")
                trouble = "the picture could not be renewed: see the server's log"
            if trouble != self.trouble:
                self.trouble = trouble
                self._changed()
            self._stop.wait(every)


def open_runs(runs: list[Seen]) -> dict[str, list[Seen]]:
    """Live runs by stage, the longest in it first."""
    return {
        state: sorted((one for one in runs if one.state == state), key=lambda one: one.updated)
        for state in OPEN_STATES
    }
