"""All 40,320 orders of one sample's eight events: one outcome.

Two versions of an upload, each told twice, and four events of the second one's job, of which the last comes
twice. Twins are alike, so 5,040 orders stand for all; each is played from the beginning.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import factorial
from typing import Any

from campaign.account import Account, make_clients_cheap
from campaign.batch import Batch
from campaign.offices import OFFICES, START_S, listen
from campaign.queue import MAX_RECEIVES, VISIBILITY_TIMEOUT_S
from campaign.rates import CALM
from campaign.simulation import Simulation
from handlers import intake, progress
from handlers.keys import Sample
from handlers.upload import Upload

KEY = "metagenome/P/S/input.tar"
FOLDER = "metagenome/P/S/"
COUNTS = {"first upload": 2, "second upload": 2, "RUNNABLE": 1, "RUNNING": 1, "SUCCEEDED": 2}


@dataclass(frozen=True, kw_only=True)
class Orders:
    """`orders` were played, each for `alike` that differ only in which twin comes first."""

    orders: int
    alike: int
    outcomes: dict[str, int]
    dead: int

    @property
    def covered(self) -> int:
        return self.orders * self.alike


def distinct(counts: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """Every order of the names, each as often as its count says."""
    if not any(counts.values()):
        yield ()
    for name, count in counts.items():
        if count:
            for rest in distinct({**counts, name: count - 1}):
                yield (name, *rest)


def play(order: tuple[str, ...]) -> tuple[str, int]:
    """The outcome of one order as a text, and how many events ended in the dead-letter queue."""
    simulation = Simulation(START_S)
    number, region = OFFICES["eu"]
    account = Account(simulation, "eu", number, region, rates=CALM, seed="orders")
    account.batch = batch = Batch(simulation, account, lambda _: None, lambda _: None)
    batch.containers_run = False
    events = _events(account)
    waiting = [(name, 1) for name in order]
    dead = 0
    while waiting:
        (name, receives), *waiting = waiting
        handle = intake.handle if "upload" in name else progress.handle
        record = {"messageId": "m", "body": json.dumps(events[name])}
        context = account.context_until(simulation.now + 60, name)
        if handle({"Records": [record]}, context)["batchItemFailures"]:
            if receives == MAX_RECEIVES:
                dead += 1
            else:
                waiting.append((name, receives + 1))
        if all(received > 1 for _, received in waiting):
            simulation.now += VISIBILITY_TIMEOUT_S  # only what comes back is left
    return _outcome(account), dead


def _events(account: Account) -> dict[str, dict[str, Any]]:
    bucket, office = account.office.uploads, account.office
    first, second = (account.put(bucket, KEY, body) for body in (b"first", b"second"))
    upload = Upload(
        sample=Sample(pipeline="metagenome", project="P", sample="S"),
        bucket=bucket,
        version_id=second.version_id,
        sequencer=None,
        size=len(second.body),
        content="",
        uploaded="",
    )
    release = office.releases["metagenome"]
    run_id = intake.first_run(upload, release, "").run_id
    prefix = f"{FOLDER}{run_id}/"
    account.put(office.results, f"{prefix}report.html", b"report")
    manifest = {
        "schema": 1,
        "run_id": run_id,
        "attempt": 1,
        "release_digest": release.digest,
        "upload": {"version_id": second.version_id},
        "files": [{"path": "report.html", "size": 6, "sha256": "0" * 64}],
    }
    account.put(office.results, f"{prefix}manifest.json", json.dumps(manifest).encode())
    uploads = {
        name: {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": bucket},
                "object": {"key": KEY, "version-id": version.version_id, "sequencer": version.sequencer},
            },
        }
        for name, version in (("first upload", first), ("second upload", second))
    }
    job_id = Batch.id_of(account.name, f"{run_id}-1", 0)
    job = {
        "jobId": job_id,
        "jobName": f"{run_id}-1",
        "jobQueue": office.job_queue,
        "createdAt": 0,
        "container": {},
    }
    states = {
        status: {
            "source": "aws.batch",
            "detail-type": "Batch Job State Change",
            "detail": {**job, "status": status},
        }
        for status in ("RUNNABLE", "RUNNING", "SUCCEEDED")
    }
    return {**uploads, **states}


def _outcome(account: Account) -> str:
    """What branch and ledger show; times differ with the order, and are left out."""
    items = account.table.items
    sample = items.get(f"sample#{FOLDER.rstrip('/')}", {})
    runs = {pk: item["state"]["S"] for pk, item in items.items() if pk.startswith("run#")}
    newest = f"run#{sample['run_id']['S']}" if sample else ""
    others = sorted(state for pk, state in runs.items() if pk != newest)
    held = account.objects.get((account.office.results, f"{FOLDER}status.json"))
    status = json.loads(held[-1].body) if held else {}
    jobs = account.batch.jobs.values()
    return json.dumps(
        {
            "newest version": sample.get("version_id", {}).get("S"),
            "its run": runs.get(newest),
            "another run": [state for state in others if state != "superseded"],
            "status.json": [status.get("state"), (status.get("upload") or {}).get("version_id")],
            "jobs of the newest run": sum(job["jobName"].startswith(newest[4:]) for job in jobs),
            "jobs of an older run left alive": sum(
                job["status"] == "SUBMITTED" and not job["jobName"].startswith(newest[4:]) for job in jobs
            ),
        }
    )


def every_order(step: int = 1) -> Orders:
    """Play each `step`-th of the distinct orders."""
    random.seed(0)
    make_clients_cheap()
    listen()
    outcomes: dict[str, int] = {}
    played = dead = 0
    for number, order in enumerate(distinct(COUNTS)):
        if number % step:
            continue
        outcome, lost = play(order)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        played, dead = played + 1, dead + lost
    alike = 1
    for count in COUNTS.values():
        alike *= factorial(count)
    return Orders(orders=played, alike=alike, outcomes=outcomes, dead=dead)
