"""Batch's compute environments, job queues and definitions: what ministack's stub lacks of their calls."""

import copy
import re
from typing import Any

from ministack.core.responses import error_response_json, get_account_id  # type: ignore[import-untyped]
from ministack.services import batch as stub  # type: ignore[import-untyped]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
MAX_RULES = 5  # of evaluateOnExit

Request = dict[str, Any]


def client_error(message: str) -> Any:
    return error_response_json("ClientException", message, 400)


def short(reference: str | None) -> str:
    return (reference or "").rsplit("/", 1)[-1]


def create_job_queue(request: Request) -> Any:
    name = request.get("jobQueueName") or ""
    if not NAME.fullmatch(name):
        return client_error(f"jobQueueName {name!r} must match {NAME.pattern}")
    for entry in request.get("computeEnvironmentOrder") or []:
        if short(entry["computeEnvironment"]) not in stub._compute_envs:
            return client_error(f"Object does not exist: {entry['computeEnvironment']}")
    answer = stub._create_job_queue(request)
    if name in stub._job_queues and "jobStateTimeLimitActions" in request:
        stub._job_queues[name]["jobStateTimeLimitActions"] = request["jobStateTimeLimitActions"]
    return answer


def update_job_queue(request: Request) -> Any:
    queue = stub._job_queues.get(short(request.get("jobQueue")))
    if queue is None:
        return client_error(f"Object does not exist: {request.get('jobQueue')}")
    for key in (
        "state",
        "priority",
        "computeEnvironmentOrder",
        "jobStateTimeLimitActions",
        "schedulingPolicyArn",
    ):
        if key in request:
            queue[key] = request[key]
    return stub._json(200, {k: queue[k] for k in ("jobQueueName", "jobQueueArn")})


def delete_job_queue(request: Request) -> Any:
    queue = stub._job_queues.get(short(request.get("jobQueue")))
    if queue is not None:
        if queue["state"] != "DISABLED":
            return client_error(
                f"Cannot delete, resource is being used: {queue['jobQueueName']} is not DISABLED"
            )
        del stub._job_queues[queue["jobQueueName"]]
    return stub._json(200, {})


def delete_compute_environment(request: Request) -> Any:
    name = short(request.get("computeEnvironment"))
    found = stub._compute_envs.get(name)
    if found is None:
        return stub._json(200, {})
    if found["state"] != "DISABLED":
        return client_error(f"Cannot delete, resource is being used: {name} is not DISABLED")
    for queue in stub._job_queues.values():
        if name in [short(e["computeEnvironment"]) for e in queue["computeEnvironmentOrder"]]:
            return client_error(
                f"Cannot delete, found existing JobQueue relationship: {queue['jobQueueName']}"
            )
    del stub._compute_envs[name]
    return stub._json(200, {})


def register_job_definition(request: Request) -> Any:
    name = request.get("jobDefinitionName") or ""
    if not NAME.fullmatch(name):
        return client_error(f"jobDefinitionName {name!r} must match {NAME.pattern}")
    if request.get("type") != "container" or "containerProperties" not in request:
        return client_error(
            "the twin's Batch takes definitions of the type container with containerProperties"
        )
    if len((request.get("retryStrategy") or {}).get("evaluateOnExit", [])) > MAX_RULES:
        return client_error(f"evaluateOnExit takes at most {MAX_RULES} rules")
    revisions = stub._job_definitions.setdefault(name, [])
    revision = len(revisions) + 1
    arn = stub._jd_arn(name, revision)
    record = {"status": "ACTIVE", **copy.deepcopy(request), "jobDefinitionArn": arn, "revision": revision}
    revisions.append(record)
    return stub._json(200, {"jobDefinitionName": name, "jobDefinitionArn": arn, "revision": revision})


def deregister_job_definition(request: Request) -> Any:
    found = definition(request.get("jobDefinition") or "", active=False)
    if found is None:
        return client_error(f"Object does not exist: {request.get('jobDefinition')}")
    found["status"] = "INACTIVE"
    return stub._json(200, {})


def describe_job_definitions(request: Request) -> Any:
    if references := request.get("jobDefinitions"):
        found = [d for d in (definition(r, active=False) for r in references) if d]
    else:
        named = request.get("jobDefinitionName")
        names = [named] if named else list(stub._job_definitions)
        found = [d for name in names for d in stub._job_definitions.get(name, [])]
    if status := request.get("status"):
        found = [d for d in found if d["status"] == status]
    return stub._json(200, {"jobDefinitions": sorted(found, key=lambda d: -int(d["revision"]))})


def definition(reference: str, *, active: bool = True) -> dict[str, Any] | None:
    """A definition by ARN, name:revision or name (then the newest revision that is active)."""
    if reference.startswith("arn:") and reference.split(":")[4] != get_account_id():
        return None
    name, _, revision = short(reference).partition(":")
    found: list[dict[str, Any]] = [
        r
        for r in stub._job_definitions.get(name, [])
        if (not active or r["status"] == "ACTIVE") and (not revision or str(r["revision"]) == revision)
    ]
    return found[-1] if found else None
