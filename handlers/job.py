"""A job as AWS Batch tells of it: events of state changes and DescribeJobs' answer have the same shape."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.context import iso
from handlers.failures import End

STATE_CHANGE = "Batch Job State Change"
QUEUE_BLOCKED = "Batch Job Queue Blocked"
# Of these, the functions are not told: a run is submitted when its job's id is in the ledger, and the next
# states say all that these would.
UNTOLD = ("SUBMITTED", "PENDING", "STARTING")
_NAME = re.compile(r"(r[0-9a-f]{32})-([1-9][0-9]*)")


@dataclass(frozen=True, kw_only=True)
class Job:
    """`started` and `stopped` are ISO 8601; `created` is epoch seconds."""

    run_id: str
    attempt: int
    job_id: str
    queue: str  # ARN
    status: str
    end: End
    created: float
    started: str | None = None
    stopped: str | None = None


def job_of(detail: Mapping[str, Any]) -> Job | None:
    """The job in an event's detail or in DescribeJobs' answer; None if it is no run's."""
    name = _NAME.fullmatch(detail["jobName"])
    if name is None:
        return None
    container = detail.get("container") or {}
    last = (detail.get("attempts") or [{}])[-1]
    last_container = last.get("container") or {}
    exit_code = container.get("exitCode", last_container.get("exitCode"))
    return Job(
        run_id=name.group(1),
        attempt=int(name.group(2)),
        job_id=detail["jobId"],
        queue=detail.get("jobQueue", ""),
        status=detail["status"],
        end=End(
            status_reason=detail.get("statusReason") or last.get("statusReason") or "",
            container_reason=container.get("reason") or last_container.get("reason") or "",
            exit_code=None if exit_code is None else int(exit_code),
        ),
        created=detail.get("createdAt", 0) / 1000,
        started=_time(detail.get("startedAt")),
        stopped=_time(detail.get("stoppedAt")),
    )


def _time(milliseconds: int | None) -> str | None:
    return iso(milliseconds / 1000) if milliseconds else None
