"""How much work a night's census is: the office's reading and telling, and headquarters' comparing.

Ledger and table are a ministack's, whose own time is in the figures; AWS's is not.
"""

import itertools
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from rich.console import Console

from benchmarks.report import Figure, Report
from fleet.access import fleet_table, ledger_table
from fleet.ledgers import expected
from handlers import census, ledger
from handlers import fleet as fleet_events
from handlers.census import COUNT_AFTER_S, DAY_S
from handlers.items import present
from tests.fleet import lab
from tests.handlers.aws_fakes import sqs
from tests.pipeline_images.runner.aws_stand_in import aws_endpoint

RUNS = int(os.environ.get("CENSUS_RUNS", "20000"))
MISSING = 7
MOST_IN_A_BATCH = 25  # of DynamoDB


class Bus:
    """Keeps what is put on it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.calls = self.bytes = 0

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        for each in Entries:
            self.bytes += len(each["Detail"].encode())
            self.events.append(
                {
                    "source": each["Source"],
                    "detail-type": each["DetailType"],
                    "account": "222222222222",
                    "region": "eu-central-1",
                    "detail": json.loads(each["Detail"]),
                }
            )
        return {"FailedEntryCount": 0, "Entries": Entries}


def measure(console: Console) -> Report:
    with tempfile.TemporaryDirectory() as folder, aws_endpoint(Path(folder) / "ministack.log") as endpoint:
        offices = lab.three_offices(lab.access_of(endpoint))
        begun = time.perf_counter()
        _fill(offices)
        console.print(f"{RUNS:,} runs and rows put within {time.perf_counter() - begun:.0f} s")
        return _measured(offices)


def _measured(offices: lab.Offices) -> Report:
    bus, now = Bus(), time.time() + 3 * DAY_S
    context = offices.access.context(offices.office("eu"))
    context = replace(context, clients=replace(context.clients, events=bus), clock=lambda: now)
    calls: Counter[str] = Counter()
    for client in (context.clients.dynamodb, offices.access.headquarters("dynamodb")):
        client.meta.events.register(
            "before-call.dynamodb", lambda model, **_: calls.update([model.name]), unique_id="count"
        )
    begun, cpu = time.perf_counter(), time.process_time()
    census.handle({}, context)
    census.handle({}, replace(context, clock=lambda: now + COUNT_AFTER_S))
    told_s, told_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    told_calls = dict(calls)
    calls.clear()
    headquarters, slowest = offices.headquarters_context, 0.0
    begun, cpu = time.perf_counter(), time.process_time()
    for event in bus.events:
        one = time.perf_counter()
        assert fleet_events.handle(sqs(event), headquarters) == {"batchItemFailures": []}
        slowest = max(slowest, time.perf_counter() - one)
    compared_s, compared_cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    found = dict(headquarters.of_offices["eu"])
    wanted = {"RunsDiffering": MISSING, "CensusesCompared": 1}
    return Report(
        title=f"A census of {RUNS:,} runs, {MISSING} of them missing at headquarters",
        figures=[
            Figure(name="office: read and told", value=told_s, unit="s"),
            Figure(name="office: of that, processor", value=told_cpu_s, unit="s"),
            Figure(name="office: pages of the ledger", value=told_calls["Scan"]),
            Figure(name="office: calls to DynamoDB", value=sum(told_calls.values())),
            Figure(name="office: calls to EventBridge", value=bus.calls),
            Figure(name="events", value=len(bus.events)),
            Figure(name="largest event", value=max(_size(each) for each in bus.events) / 1024, unit="KiB"),
            Figure(name="all events", value=bus.bytes / 2**20, unit="MiB"),
            Figure(name="headquarters: compared", value=compared_s, unit="s"),
            Figure(name="headquarters: of that, processor", value=compared_cpu_s, unit="s"),
            Figure(name="headquarters: slowest event", value=slowest, unit="s"),
            Figure(name="headquarters: calls to DynamoDB", value=sum(calls.values())),
        ],
        detail={"runs": RUNS, "office": told_calls, "headquarters": dict(calls)},
        faults=[] if found == wanted else [f"headquarters found {found}, not {wanted}"],
    )


def _size(event: dict[str, Any]) -> int:
    return len(json.dumps(event["detail"]).encode())


def _fill(offices: lab.Offices) -> None:
    eu = offices.office("eu")
    home, here = offices.access.client("dynamodb", eu), offices.access.headquarters("dynamodb")
    one = lab.moved(lab.run(1), "succeeded")
    ids = [f"r{number * 2654435761 % 2**32:08x}{number:024x}" for number in range(RUNS)]
    item = {**ledger._whole(one), "announced": one.revision}
    row = expected(one, eu, None)
    prefix = one.results_prefix.removesuffix(f"{one.run_id}/")
    _put(home, ledger_table(eu), (present({**item, **ledger.run_key(each)}) for each in ids))
    rows = (
        {**row, "sk": f"run#{each}", "run_id": each, "results_prefix": f"{prefix}{each}/"} for each in ids
    )
    _put(here, fleet_table(), itertools.islice(rows, MISSING, None))


def _put(dynamodb: Any, table: str, items: Iterator[dict[str, Any]]) -> None:
    serialize = TypeSerializer().serialize
    while batch := list(itertools.islice(items, MOST_IN_A_BATCH)):
        requests = [{"PutRequest": {"Item": {k: serialize(v) for k, v in each.items()}}} for each in batch]
        while requests:
            answer = dynamodb.batch_write_item(RequestItems={table: requests})
            requests = answer.get("UnprocessedItems", {}).get(table, [])
