"""How soon the dashboard's first view of 50,000 runs is there, and how soon its charts are whole.

The rows are in a ministack's table, with the indexes of headquarters'; the page is asked over HTTP as a
browser does. The stand-in's own query time is in the figures; AWS's is not.
"""

import itertools
import os
import random
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from boto3.dynamodb.types import TypeSerializer
from rich.console import Console

from benchmarks.report import Figure, Report
from fleet.access import fleet_table
from fleet.dashboard.app import application
from fleet.dashboard.guard import COOKIE, Secret
from fleet.dashboard.picture import Picture
from fleet.ledgers import expected
from fleet.options import now
from handlers.run import FAILED, RECEIVED, RUNNING, SUBMITTED, SUCCEEDED
from tests.fleet import lab
from tests.pipeline_images.runner.aws_stand_in import aws_endpoint

RUNS = int(os.environ.get("DASHBOARD_RUNS", "50000"))
OPEN_ONES = 600
TARGET_S = 1.0
VIEWS = 5
MOST_IN_A_BATCH = 25  # of DynamoDB


def measure(console: Console) -> Report:
    with tempfile.TemporaryDirectory() as folder, aws_endpoint(Path(folder) / "ministack.log") as endpoint:
        offices = lab.three_offices(lab.access_of(endpoint))
        begun = time.perf_counter()
        _fill(offices)
        console.print(f"{RUNS:,} rows put within {time.perf_counter() - begun:.0f} s")
        return _measured(offices)


def _measured(offices: lab.Offices) -> Report:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret = Secret()
    begun = time.perf_counter()
    picture = Picture(access=offices.access, clock=now)
    config = uvicorn.Config(
        application(picture, secret, port), host="127.0.0.1", port=port, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    picture.start()
    thread.start()
    while not server.started:
        time.sleep(0.005)
    cookies = {COOKIE: secret.token}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=60) as client:
        first, size = _view(client)
        from_start = time.perf_counter() - begun
        while not picture.history.complete:
            time.sleep(0.1)
        whole = time.perf_counter() - begun
        later = [_view(client)[0] for _ in range(VIEWS)]
        sized = [_view(client, "/resources")[0] for _ in range(VIEWS)]
        kept = len(picture.history.runs())
    picture.stop()
    server.should_exit = True
    thread.join(10)
    faults = [
        f"the first view of {what} took {seconds:.2f} s, not {TARGET_S:.0f} s at most"
        for what, seconds in (("the overview", first), ("the resources of all runs", sized[0]))
        if seconds > TARGET_S
    ]
    if kept != RUNS:
        faults.append(f"{kept:,} runs are in the charts, not {RUNS:,}")
    return Report(
        title=f"Dashboard over {RUNS:,} runs, {OPEN_ONES} of them open, in a stand-in's table",
        figures=[
            Figure(name="first view", value=first, unit="s"),
            Figure(name="first view, from the start of the server", value=from_start, unit="s"),
            Figure(name="charts whole, from the start of the server", value=whole, unit="s"),
            Figure(name="view with whole charts, median", value=sorted(later)[VIEWS // 2], unit="s"),
            Figure(name="view with whole charts, slowest", value=max(later), unit="s"),
            Figure(name="resources of all runs, first view", value=sized[0], unit="s"),
            Figure(name="resources of all runs, median", value=sorted(sized)[VIEWS // 2], unit="s"),
            Figure(name="size of the page", value=size / 1024, unit="KiB"),
        ],
        detail={"runs": RUNS, "later_s": later, "resources_s": sized},
        faults=faults,
    )


def _view(client: httpx.Client, path: str = "/") -> tuple[float, int]:
    begun = time.perf_counter()
    answer = client.get(path)
    answer.raise_for_status()
    return time.perf_counter() - begun, len(answer.content)


def _fill(offices: lab.Offices) -> None:
    serialize = TypeSerializer().serialize
    dynamodb = offices.access.headquarters("dynamodb")
    rows = _rows(offices)
    while batch := list(itertools.islice(rows, MOST_IN_A_BATCH)):
        requests = [{"PutRequest": {"Item": {k: serialize(v) for k, v in row.items()}}} for row in batch]
        while requests:
            answer = dynamodb.batch_write_item(RequestItems={fleet_table(): requests})
            requests = answer.get("UnprocessedItems", {}).get(fleet_table(), [])


def _rows(offices: lab.Offices) -> Iterator[dict[str, Any]]:
    """Runs of the last six days, spread over offices and projects; the youngest are open."""
    dice = random.Random(7)
    names = [each.name for each in offices.access.fleet.offices]
    made = {name: expected(lab.run(1), offices.office(name), None) for name in names}
    end = datetime.now(UTC)
    for number in range(RUNS):
        office = names[number % len(names)]
        open_one = number < OPEN_ONES
        state = (
            dice.choice((RECEIVED, SUBMITTED, RUNNING))
            if open_one
            else dice.choices((SUCCEEDED, FAILED), (95, 5))[0]
        )
        at = end - timedelta(seconds=60 + (number / 10 if open_one else number * 10))
        started, uploaded = at - timedelta(minutes=20), at - timedelta(minutes=20 + dice.expovariate(0.1))
        run, project, sample = f"r{number:032x}", f"project-{number % 40}", f"S{number}"
        attempt = made[office]["attempts"][0] | {"started": _iso(started), "submitted": _iso(uploaded)}
        # Six at a time on an instance of four hours.
        attempt |= {"instance": "c6id.8xlarge", "market": "spot", "instance_id": f"i-{number // 72:017x}"}
        if not open_one:
            attempt |= {"ended": _iso(at)}
        if state == FAILED:
            attempt |= {"class": dice.choice(("memory", "disk", "spot"))}
        yield made[office] | {
            "pk": f"office#{office}",
            "sk": f"run#{run}",
            "run_id": run,
            "project": project,
            "sample": sample,
            "state": state,
            "updated": _iso(at),
            "uploaded": _iso(uploaded),
            "attempts": [attempt],
            "peak_mib": dice.randrange(1_000, 5_000) if state == SUCCEEDED else None,
            "by_sample": f"sample#metagenome/{project}/{sample}",
            "by_project": f"project#{project}",
            "by_state": f"state#{state}",
        }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
