"""A burst of uploads through the twin, in real time: what comes in, what is submitted, and whether once.

A sequencing centre that finishes a run uploads all of its samples at once. Each upload must become one job,
and no more than 50 jobs may be submitted in any second, AWS Batch's limit for an account. The compute
environments are disabled, so that jobs wait and no container takes the processor from what is measured. All
of AWS and all functions share this machine with the uploaders: the figures are lower bounds for what the
code can do, and say nothing of what AWS can.
"""

import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console

from benchmarks.offices import compute, deployed
from benchmarks.report import Figure, Report
from demo.story import Offices

UPLOADS = 5_000
WITHIN_S = 60
UPLOADERS = 8
LIMIT_PER_S = 50  # SubmitJob, for an account
PATIENCE_S = 1_800
OPEN_QUEUES = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What the ledger says of the burst's runs. Moments are epoch seconds."""

    claimed: list[float]
    states: Counter[str]
    run_ids: set[str]


def measure(console: Console, uploads: int | None = None) -> Report:
    count = uploads or int(os.environ.get("BURST_UPLOADS", UPLOADS))
    with deployed(console) as offices:
        compute(offices, "eu", "DISABLED")
        began = time.time()
        put = upload_all(offices, count, began)
        console.print(f"{count:,} uploads took {put[-1] - began:.0f} s")
        drained = wait_until_submitted(offices, console, count, began)
        jobs = all_jobs(offices)
        ledger = read_ledger(offices)
    return report(count, began, put, drained, jobs, ledger)


def upload_all(offices: Offices, count: int, began: float) -> list[float]:
    """Uploads evenly, UPLOADS in WITHIN_S, or as fast as the twin takes them; when each was taken."""
    bucket, branch = offices.outputs["eu"]["uploads_bucket"], offices.branch("eu")
    taken: list[float] = []
    lock = threading.Lock()

    def put(number: int) -> None:
        due = began + number * WITHIN_S / UPLOADS
        time.sleep(max(0.0, due - time.time()))
        key = f"metagenome/burst/sample {number:05d}/input.tar"
        branch.put_object(Bucket=bucket, Key=key, Body=f"sample {number}".encode())
        with lock:
            taken.append(time.time())

    with ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(put, range(count)))
    return sorted(taken)


def wait_until_submitted(offices: Offices, console: Console, count: int, began: float) -> float:
    """Until intake's queue is empty and stays so; the moment it became empty."""
    sqs = offices.twin.client("sqs", "eu")
    urls = [url for url in sqs.list_queues()["QueueUrls"] if "intake" in url and "dead" not in url]
    empty_since, told = 0.0, time.time()
    while time.time() - began < PATIENCE_S:
        found = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(OPEN_QUEUES))["Attributes"]
            for url in urls
        ]
        waiting = sum(int(each.get(name, 0)) for each in found for name in OPEN_QUEUES)
        if waiting:
            empty_since = 0.0
        elif not empty_since:
            empty_since = time.time()
        elif time.time() - empty_since > 3:
            return empty_since
        if time.time() - told > 15:
            console.print(f"{time.time() - began:5.0f} s: {waiting:,} of {count:,} wait for intake")
            told = time.time()
        time.sleep(0.5)
    return time.time()


def all_jobs(offices: Offices) -> list[dict[str, Any]]:
    batch = offices.twin.client("batch", "eu")
    queues = [queue["jobQueueArn"] for queue in batch.describe_job_queues()["jobQueues"]]
    pages = (
        page
        for queue in queues
        for page in batch.get_paginator("list_jobs").paginate(
            jobQueue=queue, filters=[{"name": "AFTER_CREATED_AT", "values": ["0"]}]
        )
    )
    return [job for page in pages for job in page["jobSummaryList"]]


def read_ledger(offices: Offices) -> Ledger:
    read = TypeDeserializer().deserialize
    pages = (
        offices.twin.client("dynamodb", "eu")
        .get_paginator("scan")
        .paginate(
            TableName=offices.outputs["eu"]["ledger_table"],
            FilterExpression="sk = :run",
            ExpressionAttributeValues={":run": {"S": "run"}},
        )
    )
    runs = [{k: read(v) for k, v in item.items()} for page in pages for item in page["Items"]]
    return Ledger(
        claimed=sorted(datetime.fromisoformat(run["times"]["received"]).timestamp() for run in runs),
        states=Counter(run["state"] for run in runs),
        run_ids={run["pk"].removeprefix("run#") for run in runs},
    )


def most_in_any_second(moments: list[float]) -> int:
    """The largest number of moments in a window of one second, wherever it begins."""
    most, first = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def report(
    count: int, began: float, put: list[float], drained: float, jobs: list[dict[str, Any]], ledger: Ledger
) -> Report:
    submitted = sorted(job["createdAt"] / 1000 for job in jobs)
    of_run = Counter(job["jobName"].partition("-")[0] for job in jobs)
    twice = sum(jobs - 1 for jobs in of_run.values())
    lost = count - len(of_run)
    most = most_in_any_second(submitted)
    took = submitted[-1] - submitted[0]
    figures = [
        Figure(name="uploads", value=count),
        Figure(name="uploads a second, mean", value=count / (put[-1] - began), unit="1/s"),
        Figure(name="last upload taken", value=put[-1] - began, unit="s after the first"),
        Figure(name="last run claimed", value=ledger.claimed[-1] - began, unit="s after the first upload"),
        Figure(name="last job submitted", value=submitted[-1] - began, unit="s after the first upload"),
        Figure(name="intake's queue empty", value=drained - began, unit="s after the first upload"),
        Figure(name="submissions a second, mean", value=len(jobs) / took, unit="1/s"),
        Figure(name="submissions in any second, most", value=most, unit=f"1/s, at most {LIMIT_PER_S}"),
        Figure(name="longest pause between submissions", value=_longest_pause(submitted), unit="s"),
        Figure(name="jobs", value=len(jobs)),
        Figure(name="uploads without a job", value=lost, unit="must be 0"),
        Figure(name="jobs beyond one for each upload", value=twice, unit="must be 0"),
    ]
    faults = []
    if lost:
        faults.append(f"{lost} uploads have no job")
    if twice:
        faults.append(f"{twice} jobs were submitted twice")
    if most > LIMIT_PER_S:
        faults.append(f"{most} submissions in one second: AWS Batch takes {LIMIT_PER_S}")
    if set(of_run) != ledger.run_ids:
        faults.append(f"{len(set(of_run) ^ ledger.run_ids)} runs are in Batch or in the ledger only")
    by_second = Counter(int(moment - began) for moment in submitted)
    return Report(
        title=f"{count:,} uploads at once, to one office, through the twin",
        figures=figures,
        detail={
            "states": dict(ledger.states),
            "submissions_by_second": [by_second[s] for s in range(max(by_second) + 1)],
            "uploads_by_second": list(Counter(int(moment - began) for moment in put).values()),
        },
        faults=faults,
    )


def _longest_pause(moments: list[float]) -> float:
    return max((after - before for before, after in pairwise(moments)), default=0.0)
