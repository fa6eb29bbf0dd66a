"""How soon an event of an office stands in headquarters' table, and how soon a lost table is whole again.

Events: headquarters and the office in Europe in a twin, from their stack files. The handlers' own code puts
events of runs on the office's bus, as many a second as RATE; each then goes the real way (rule, headquarters'
bus, rule, queue, fleet function, conditional write). A reader asks the table for every run whose event is not
there yet, by its key, without pause: an event counts as there when an answer has shown it, or a later one of
its run. Senders, reader, functions and all of AWS share this machine.

Rebuild: the ledgers of three offices in a ministack, filled with items that the ledger's own code has made,
and an empty table at headquarters. `fleet rebuild` runs as a command; every row is then compared with the run
that was made.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.offices import deployed
from benchmarks.report import ROOT, Figure, Report
from components.roster import Fleet
from demo.story import Offices
from fleet.access import Access, ledger_table
from fleet.ledgers import digest, expected
from fleet.options import table_of
from handlers import ledger
from handlers.notify import send_event
from handlers.run import FAILED, REJECTED, RUNNING, SUBMITTED, SUCCEEDED, SUPERSEDED, Run
from tests.fleet import lab
from tests.pipeline_images.runner.aws_stand_in import aws_endpoint

EVENTS = int(os.environ.get("TRACKING_EVENTS", "12000"))
RATE = float(os.environ.get("TRACKING_RATE", "100"))
ITEMS = int(os.environ.get("TRACKING_ITEMS", "100000"))
WITHIN_S, REBUILT_WITHIN_S = 2.0, 300.0
WARM_UP = 200  # events before the measured ones: the function's first start is not an event's way
WAY = ("received", SUBMITTED, RUNNING, SUCCEEDED)  # of each run, an event each
TOGETHER = 250  # runs that are on their way at a time
SENDERS = 6
PATIENCE_S = 60.0
MOST_IN_A_BATCH = 25  # of BatchWriteItem
FILLERS = 4
ENDS = (SUCCEEDED,) * 17 + (FAILED, REJECTED, SUPERSEDED)

OFFICE = "eu"


def measure(console: Console) -> Report:
    with deployed(console) as offices:
        events = Events(offices)
        events.send(WARM_UP, first=10_000_000)
        events.send(EVENTS, first=0)
    console.print(f"{len(events.seen):,} events seen")
    rebuilt = _rebuilt(console)
    return _report(events, rebuilt)


# --- events ---


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A measured event: when its PutEvents was called and when a reader had it, in epoch seconds."""

    put: float
    there: float


class Events:
    """Events on their way, and those that have come."""

    def __init__(self, offices: Offices) -> None:
        access = Access(fleet=Fleet.load(ROOT), endpoint=offices.twin.endpoint)
        self._context = access.context(access.fleet.office(OFFICE))
        self._table = table_of(access)
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], float] = {}  # (run id, revision) → put
        self._sending = False
        self.seen: list[Shown] = []
        self.lost: list[tuple[str, int]] = []
        self.took_s = 0.0
        self.most_waiting = 0

    def send(self, count: int, *, first: int) -> None:
        """`count` events at RATE; returns when all have been seen, or none has come for PATIENCE_S."""
        self.seen, self._sending = [], True
        reader = threading.Thread(target=self._read)
        reader.start()
        began, events = time.time(), enumerate(_events(count, first))
        guard = threading.Lock()

        def sender() -> None:
            while True:
                with guard:
                    number, run = next(events, (0, None))
                if run is None:
                    return
                time.sleep(max(0.0, began + number / RATE - time.time()))
                put = time.time()
                with self._lock:
                    self._waiting[(run.run_id, run.revision)] = put
                send_event(self._context, replace(run, updated=_iso(put)))

        with ThreadPoolExecutor(SENDERS) as pool:
            for done in [pool.submit(sender) for _ in range(SENDERS)]:
                done.result()
        self.took_s, self._sending = time.time() - began, False
        reader.join()

    def _read(self) -> None:
        last = time.time()
        while True:
            with self._lock:
                waiting = dict(self._waiting)
            self.most_waiting = max(self.most_waiting, len(waiting))
            if not waiting:
                if not self._sending:
                    return
                last = time.time()
                time.sleep(0.005)
                continue
            keys = dict.fromkeys((OFFICE, run_id) for run_id, _ in waiting)
            held = {row["run_id"]: row["revision"] for row in self._table.runs(keys)}
            now = time.time()
            there = [key for key in waiting if held.get(key[0], 0) >= key[1]]
            with self._lock:
                for key in there:
                    self.seen.append(Shown(put=self._waiting.pop(key), there=now))
            last = now if there else last
            if now - last > PATIENCE_S:
                self.lost = list(waiting)
                return
            time.sleep(0.01)


def _events(count: int, first: int) -> Iterator[Run]:
    """Runs in groups that go their way side by side, so that a run's events are seconds apart."""

    def all_of_them() -> Iterator[Run]:
        for group in itertools.count(first, TOGETHER):
            runs = [
                lab.run(number, project=f"project-{number % 40}") for number in range(group, group + TOGETHER)
            ]
            for revision, state in enumerate(WAY, 1):
                for run in runs:
                    yield replace(run, state=state, revision=revision)

    return itertools.islice(all_of_them(), count)


# --- rebuild ---


@dataclass(frozen=True, kw_only=True)
class Rebuilt:
    rebuild_s: float
    check_s: float
    written: int
    rows: int
    different: int
    checked: int  # exit code of `fleet check`


def _rebuilt(console: Console) -> Rebuilt:
    with tempfile.TemporaryDirectory() as folder, aws_endpoint(Path(folder) / "ministack.log") as endpoint:
        offices = lab.three_offices(lab.access_of(endpoint))
        names = [each.name for each in offices.access.fleet.offices]
        begun = time.perf_counter()
        for place, name in enumerate(names):
            _fill(offices, name, range(place, ITEMS, len(names)))
        console.print(f"{ITEMS:,} runs and their samples put within {time.perf_counter() - begun:.0f} s")
        rebuild_s, (code, told) = _timed(endpoint, "rebuild", "--yes", "--json")
        if code:
            raise RuntimeError(f"`fleet rebuild` ended with {code}: {told}")
        rows = different = 0
        for place, name in enumerate(names):
            made = {run.run_id: run for run in _runs(range(place, ITEMS, len(names)))}
            for row in table_of(offices.access).of_office(name):
                rows += 1
                run = made.pop(row["run_id"], None)
                right = run and digest(expected(run, offices.office(name), None)) == digest(row)
                different += not right
            different += len(made)
        check_s, (checked, _) = _timed(endpoint, "check", "--json")
    return Rebuilt(
        rebuild_s=rebuild_s,
        check_s=check_s,
        written=json.loads(told)["written"],
        rows=rows,
        different=different,
        checked=checked,
    )


def _timed(endpoint: str, *words: str) -> tuple[float, tuple[int, str]]:
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "fleet", "--endpoint", endpoint, *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return time.perf_counter() - begun, (done.returncode, done.stdout or done.stderr)


def _runs(numbers: range) -> Iterator[Run]:
    for number in numbers:
        run = lab.run(number, project=f"project-{number % 40}", attempts=())
        attempt = replace(
            lab.run(0).attempts[0],
            job_id=f"job-{number}",
            submitted=lab.at(1),
            started=lab.at(60),
            ended=lab.at(900),
        )
        lost = replace(attempt, failure="spot", reason="Host EC2 terminated.", decision="Again at once.")
        attempts = (lost, replace(attempt, number=2)) if number % 10 == 0 else (attempt,)
        yield lab.moved(run, ENDS[number % len(ENDS)], seconds=900, attempts=attempts)


@dataclass
class _Taken:
    """In the place of DynamoDB's client: the items that the ledger's code would have put."""

    items: list[dict[str, Any]] = field(default_factory=list)

    def transact_write_items(self, TransactItems: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.items += [each["Put"]["Item"] for each in TransactItems]
        return {}


def _fill(offices: lab.Offices, name: str, numbers: range) -> None:
    """Each run and its sample, as the ledger claims them; what has ended and been told is no longer open."""
    office = offices.office(name)
    context = offices.access.context(office)
    taken = _Taken()
    claiming = replace(context, clients=replace(context.clients, dynamodb=taken))
    dynamodb, table = offices.access.client("dynamodb", office), ledger_table(office)

    def write(items: list[dict[str, Any]]) -> None:
        left: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        while left:
            left = dynamodb.batch_write_item(RequestItems={table: left})["UnprocessedItems"].get(table, [])

    def batches() -> Iterator[list[dict[str, Any]]]:
        for run in _runs(numbers):
            ledger.claim(claiming, run, None, None)
            if len(taken.items) >= MOST_IN_A_BATCH - 1:
                yield [{k: v for k, v in item.items() if k != ledger.OPEN} for item in taken.items]
                taken.items.clear()
        yield [{k: v for k, v in item.items() if k != ledger.OPEN} for item in taken.items]

    made = batches()
    with ThreadPoolExecutor(FILLERS) as pool:
        while some := list(itertools.islice(made, 100)):  # no more in hand than that
            list(pool.map(write, some))


# --- what came of it ---


def _report(events: Events, rebuilt: Rebuilt) -> Report:
    took = sorted(each.there - each.put for each in events.seen)
    rate = EVENTS / events.took_s
    p99 = _part(took, 0.99)
    faults = []
    if p99 > WITHIN_S:
        faults.append(f"p99 of an event's way is {p99:.2f} s, not {WITHIN_S:.0f} s at most")
    if events.lost or len(took) != EVENTS:
        faults.append(f"{EVENTS - len(took)} events never came")
    if rate < 0.99 * RATE:
        faults.append(f"only {rate:.1f} events a second could be put, not {RATE:.0f}")
    if rebuilt.rebuild_s > REBUILT_WITHIN_S:
        faults.append(f"the rebuild took {rebuilt.rebuild_s:.0f} s, not {REBUILT_WITHIN_S:.0f} s at most")
    if rebuilt.different or rebuilt.rows != ITEMS or rebuilt.written != ITEMS or rebuilt.checked:
        faults.append(
            f"{rebuilt.different} of {rebuilt.rows:,} rows are not as their runs are;"
            f" {rebuilt.written:,} were written, and `fleet check` ended with {rebuilt.checked}"
        )
    return Report(
        title=f"Headquarters' table: {EVENTS:,} events through the twin, a rebuild from {ITEMS:,} runs",
        figures=[
            Figure(name="events put", value=rate, unit="1/s"),
            Figure(name="from the put to the row, median", value=_part(took, 0.5), unit="s"),
            Figure(name="p95", value=_part(took, 0.95), unit="s"),
            Figure(name="p99", value=p99, unit=f"s, at most {WITHIN_S:.0f}"),
            Figure(name="slowest", value=took[-1], unit="s"),
            Figure(name="most events on their way at once", value=events.most_waiting),
            Figure(name="events that never came", value=EVENTS - len(took), unit="must be 0"),
            Figure(name="rebuild", value=rebuilt.rebuild_s, unit=f"s, at most {REBUILT_WITHIN_S:.0f}"),
            Figure(name="rows written", value=rebuilt.written),
            Figure(name="rows unlike their run", value=rebuilt.different, unit="must be 0"),
            Figure(name="check", value=rebuilt.check_s, unit="s"),
        ],
        detail={"events": EVENTS, "rate": RATE, "items": ITEMS, "took_s": [round(each, 3) for each in took]},
        faults=faults,
    )


def _part(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
