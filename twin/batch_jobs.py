"""A Batch job as the twin's engine keeps it: what DescribeJobs shows, and what only the engine knows."""

import copy
import json
import re
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope  # type: ignore[import-untyped]
from ministack.services import batch as stub  # type: ignore[import-untyped]
from ministack.services import eventbridge

FINAL = ("SUCCEEDED", "FAILED")
DEFAULT_LOG_GROUP = "/aws/batch/job"
OVERRIDABLE = ("command", "environment", "resourceRequirements", "instanceType")

Shown = dict[str, Any]


@dataclass(kw_only=True)
class Attempt:
    """One container: what it needs, and how to stop it."""

    name: str
    office: str
    image: str
    command: list[str]
    environment: dict[str, str]
    memory_mib: int
    user: str | None = None  # None: the image's own
    read_only_root: bool = False
    mounts: list[tuple[str, str, bool]] = field(
        default_factory=list
    )  # of the host, in the container, read-only
    instance: tuple[str, str] | None = None  # what it would run on on AWS: type and market
    stopped: threading.Event = field(default_factory=threading.Event)
    at_once: bool = False  # without a SIGTERM before: the host is gone


@dataclass(frozen=True, kw_only=True)
class End:
    """How a container ended: no exit code when it never ran or its host was lost."""

    exit_code: int | None
    reason: str = ""


@dataclass(kw_only=True)
class Job:
    shown: Shown
    account: str
    region: str
    definition: dict[str, Any]
    current: Attempt | None = None
    environment: str = ""  # the compute environment that its attempt takes vCPUs of
    stop_reason: str = ""
    host_lost: bool = False
    saying: threading.Lock = field(default_factory=threading.Lock)

    @property
    def id(self) -> str:
        return str(self.shown["jobId"])

    @property
    def queue(self) -> str:
        return str(self.shown["jobQueue"]).rsplit("/", 1)[-1]

    @property
    def done(self) -> bool:
        return self.shown["status"] in FINAL

    def scope(self) -> Any:
        return request_scope(self.account, self.region)

    def change(self, status: str, **more: Any) -> None:
        """The new state, and the event that tells of it, in the account and region of the job."""
        with self.saying:
            self.shown.update(status=status, **more)
            self.tell("Batch Job State Change")

    def tell(self, detail_type: str, **more: Any) -> None:
        event = {
            "Source": "aws.batch",
            "DetailType": detail_type,
            "Detail": json.dumps(copy.deepcopy(self.shown) | more),
            "Resources": [self.shown["jobArn"]],
        }
        with self.scope():
            eventbridge._put_events({"Entries": [event]}, allow_aws_source=True)

    def stop(self, reason: str, *, host_lost: bool = False, at_once: bool = False) -> None:
        self.stop_reason, self.host_lost = reason, host_lost
        if self.current:
            self.current.at_once = at_once
            self.current.stopped.set()

    def needs(self, kind: str, default: float) -> float:
        values = {r["type"]: float(r["value"]) for r in self.shown["container"]["resourceRequirements"]}
        return values.get(kind, default)

    def kept(self) -> dict[str, Any]:
        return {
            "shown": self.shown,
            "account": self.account,
            "region": self.region,
            "definition": self.definition,
        }

    def action(self, end: End, status_reason: str) -> str:
        """RETRY or EXIT: the first rule all of whose conditions match; where none does, Batch retries."""
        values = {
            "onExitCode": "" if end.exit_code is None else str(end.exit_code),
            "onReason": end.reason,
            "onStatusReason": status_reason,
        }
        for rule in self.shown["retryStrategy"].get("evaluateOnExit", []):
            if all(fnmatchcase(values[k], rule[k]) for k in values if k in rule):
                return str(rule["action"]).upper()
        return "RETRY"


def new_job(request: dict[str, Any], definition: dict[str, Any], queue: str) -> Job:
    """The definition with the request's overrides on top."""
    job_id = new_uuid()
    container = copy.deepcopy(definition["containerProperties"])
    overrides = request.get("containerOverrides") or {}
    parameters = {**definition.get("parameters", {}), **request.get("parameters", {})}
    command = overrides.get("command") or container.get("command") or []
    container["command"] = [re.sub(r"Ref::(\w+)", lambda m: parameters.get(m[1], m[0]), w) for w in command]
    container["environment"] = _merged("name", container, overrides, "environment")
    container["resourceRequirements"] = _merged("type", container, overrides, "resourceRequirements")
    for kept in ("volumes", "mountPoints", "ulimits", "secrets", "networkInterfaces"):
        container.setdefault(kept, [])
    tags = definition.get("tags", {}) if request.get("propagateTags", definition.get("propagateTags")) else {}
    shown: Shown = {
        "jobId": job_id,
        "jobArn": stub._job_arn(job_id),
        "jobName": request["jobName"],
        "jobQueue": stub._jq_arn(queue),
        "jobDefinition": definition["jobDefinitionArn"],
        "createdAt": stub._now_ms(),
        "attempts": [],
        "dependsOn": request.get("dependsOn") or [],
        "parameters": parameters,
        "propagateTags": bool(request.get("propagateTags", definition.get("propagateTags", False))),
        "platformCapabilities": definition.get("platformCapabilities", ["EC2"]),
        "tags": {**tags, **(request.get("tags") or {})},
        "retryStrategy": request.get("retryStrategy") or definition.get("retryStrategy") or {"attempts": 1},
        "container": container,
        "isCancelled": False,
        "isTerminated": False,
    }
    if timeout := request.get("timeout") or definition.get("timeout"):
        shown["timeout"] = timeout
    return Job(shown=shown, account=get_account_id(), region=get_region(), definition=definition)


def _merged(key: str, declared: dict[str, Any], overrides: dict[str, Any], what: str) -> list[dict[str, Any]]:
    entries = [*(declared.get(what) or []), *(overrides.get(what) or [])]
    return list({entry[key]: entry for entry in entries}.values())
