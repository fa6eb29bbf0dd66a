"""A run's logs: what the runner and the pipeline said during an attempt, and what every function said of the
run, from upload to delivery.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from components.names import physical
from components.office import Office
from fleet.access import Access, job_log_group
from fleet.find import NotFound
from fleet.output import Refused
from fleet.table import Row
from fleet.text import moment
from handlers.log import RUN_ID

POLL_S = 2.0
METRICS = '{"_aws"'  # how a line begins that CloudWatch makes metrics of
# What every line of a function has.
_USUAL = (
    *("level", "location", "message", "timestamp", "service", RUN_ID, "xray_trace_id"),
    *("cold_start", "function_name", "function_memory_size", "function_arn", "function_request_id"),
    *("exception", "exception_name", "stack_trace"),
)
ENDED = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True, kw_only=True)
class Line:
    """`at`: milliseconds of the epoch."""

    at: int
    text: str


def job_of_attempt(row: Row, number: int | None) -> str:
    """The Batch job of an attempt (the last one without a number); raises NotFound."""
    attempts = {each["number"]: each for each in row.get("attempts", [])}
    wanted = number or max(attempts, default=0)
    if wanted not in attempts:
        raise NotFound(
            f"{row['run_id']} has the attempts {', '.join(map(str, sorted(attempts)))}, no {wanted}"
        )
    job: str | None = attempts[wanted].get("job_id")
    if job is None:
        raise NotFound(f"attempt {wanted} of {row['run_id']} has no job: {row.get('message', '')}")
    return job


def lines(
    access: Access,
    office: Office,
    job_id: str,
    *,
    follow: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Line]:
    """The log of a job from its beginning; with `follow` until the job has ended."""
    batch, logs = access.client("batch", office), access.client("logs", office)
    reader: Stream | None = None
    while True:
        job = _job(batch, office, job_id)
        name = job.get("container", {}).get("logStreamName")
        if reader is None and name:
            reader = Stream(logs=logs, group=job_log_group(office), name=name)
        if reader is not None:
            yield from reader.read_on()
        if job["status"] in ENDED or not follow:
            if reader is None:
                raise NotFound(_no_stream(job))
            return
        sleep(POLL_S)


def of_functions(access: Access, office: Office, row: Row) -> list[Line]:
    """Every line of the office's functions, and of headquarters', that bears the run's id; the oldest first.

    Each text begins with the function's name.
    """
    home = access.fleet.headquarters
    places = [(office, step) for step in ("intake", "progress", "reconcile", "desk")]
    places += [(office, "delivery")] if office.agreements else []
    found: list[Line] = []
    for where, step in (*places, (home, "fleet")):
        pages = (
            access.client("logs", where)
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=f"/aws/lambda/{physical(where.name, step)}",
                startTime=int(_began(row) * 1000),
                filterPattern=f'{{ $.{RUN_ID} = "{row["run_id"]}" }}',
            )
        )
        events = (event for page in pages for event in page["events"])
        found += [Line(at=each["timestamp"], text=f"{step}: {_words(each['message'])}") for each in events]
    return sorted(found, key=lambda line: line.at)


def _began(row: Row) -> float:
    then = moment(row.get("uploaded")) or moment(row.get("updated"))
    return then.timestamp() if then else 0.0


def _words(message: str) -> str:
    """A function's line as people read it: its message, then what else it says of the case."""
    try:
        told = json.loads(message)
    except ValueError:
        return message.rstrip()
    if not isinstance(told, dict):
        return message.rstrip()
    more = ", ".join(f"{name} {told[name]}" for name in told if name not in _USUAL)
    return f"{told.get('level', '')} {told.get('message', '')}{f' ({more})' if more else ''}".strip()


@dataclass(kw_only=True)
class Stream:
    """A log stream, read from its beginning on; `token` is the place that was reached."""

    logs: Any
    group: str
    name: str
    token: str | None = None

    def read_on(self) -> Iterator[Line]:
        """What has come since the last time."""
        while True:
            place = {"nextToken": self.token} if self.token else {}
            answer = self.logs.get_log_events(
                logGroupName=self.group, logStreamName=self.name, startFromHead=True, **place
            )
            for event in answer["events"]:
                if not event["message"].startswith(METRICS):
                    yield Line(at=event["timestamp"], text=event["message"])
            before, self.token = self.token, answer["nextForwardToken"]
            # CloudWatch gives the same token again at the end, and sometimes an empty page before it.
            if self.token == before:
                return


def _job(batch: Any, office: Office, job_id: str) -> Any:
    found = batch.describe_jobs(jobs=[job_id])["jobs"]
    if not found:
        raise Refused(
            f"AWS Batch of {office.name} no longer knows job {job_id} (it forgets ended jobs after about a"
            f" week); its log is still in the log group {job_log_group(office)}, by the time it ran"
        )
    return found[0]


def _no_stream(job: Any) -> str:
    why = job.get("statusReason") or "it has not started"
    return f"job {job['jobId']} is {job['status']} and has no log: {why}"
