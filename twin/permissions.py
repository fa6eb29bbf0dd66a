"""IAM for Batch and logs, as AWS judges them.

ministack knows no resource of Batch's calls, so that only a policy over `*` would allow them: each is checked
on the resources that its request names, SubmitJob on the queue and the definition. What is done in a log
group is checked on `<group>:*`, the ARN that policies must name for it.
"""

import json
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-untyped]
from ministack.services import iam, sts  # type: ignore[import-untyped]

# AWS: the actions of Batch that cannot be limited to a resource are checked on "*".
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html
NAMED = {
    "submitjob": ("jobQueue", "jobDefinition"),
    "terminatejob": ("jobId",),
    "canceljob": ("jobId",),
    "updatejobqueue": ("jobQueue",),
    "updatecomputeenvironment": ("computeEnvironment",),
}
KINDS = {
    "jobQueue": "job-queue",
    "jobDefinition": "job-definition",
    "jobId": "job",
    "computeEnvironment": "compute-environment",
}

_SESSION = re.compile(r"^arn:aws:sts::(\d+):assumed-role/([^/]+)/.*$")

_boundary: ContextVar[str | None] = ContextVar("the boundary of the role of this IAM call", default=None)
_further: ContextVar[list[str]] = ContextVar("further resources of this Batch call")
_resource_of = iam_actions.extract_resource_arn
_enforce = iam_evaluator.enforce
_condition_key = iam_evaluator._resolve_condition_key
_principal_keys = iam_evaluator._principal_keys


def batch_resources(call: str, request: dict[str, Any], region: str, account: str) -> list[str]:
    found = []
    for name in NAMED.get(call.lower(), ()):
        value = str(request.get(name) or "")
        found.append(
            value if value.startswith("arn:") else f"arn:aws:batch:{region}:{account}:{KINDS[name]}/{value}"
        )
    return found or ["*"]


def resource_of(
    service: str, method: str, path: str, headers: Any, body: bytes, query: Any, region: str, account: str
) -> str:
    _boundary.set(boundary_of(body, account) if service == "iam" else None)
    if service != "batch":
        found = str(_resource_of(service, method, path, headers, body, query, region, account))
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
        in_group = service == "logs" and ":log-group:" in found and not found.endswith(":*")
        return f"{found}:*" if in_group else found
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        request = {}
    first, *further = batch_resources(path.rstrip("/").rsplit("/", 1)[-1], request, region, account)
    _further.set(further)
    return first


def boundary_of(body: bytes, account: str) -> str | None:
    """What IAM tells policies of a call's role: the boundary that is asked for, or that it has."""
    asked = parse_qs((body or b"").decode(errors="replace"))
    if boundary := asked.get("PermissionsBoundary"):
        return boundary[0]
    if asked.get("Action") == ["CreateRole"] or "RoleName" not in asked:
        return None
    role = iam._roles.get_scoped(account, None, asked["RoleName"][0]) or {}
    return role.get("PermissionsBoundary")


def enforce(access_key: str, action: str, service: str, region: str, **more: Any) -> Any:
    denied = _enforce(access_key, action, service, region, **more)
    if denied is None and service == "batch":
        for resource in _further.get([]):
            denied = denied or _enforce(
                access_key, action, service, region, **{**more, "resource_arn": resource}
            )
    return denied


def condition_key(key: str, context: Any) -> Any:
    """Three keys as AWS gives them.

    The twin listens on this machine alone, without TLS: its HTTP stands for the HTTPS that policies ask for.
    aws:PrincipalArn is the role's, not its session's, which is what ministack gives.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    match key.lower():
        case "iam:permissionsboundary":
            return _boundary.get()
        case "aws:securetransport":
            return "true"
        case "aws:principalarn":
            return _SESSION.sub(r"arn:aws:iam::\1:role/\2", context.principal_arn)
    return _condition_key(key, context)


def principal_keys(credential: Any) -> dict[str, Any]:
    """With aws:TokenIssueTime, which ministack does not know: when the session was given."""
    keys: dict[str, Any] = dict(_principal_keys(credential))
    issued = sts._sessions.get(credential.access_key_id, {}).get("IssuedAt")
    if issued is not None:
        keys["aws:tokenissuetime"] = datetime.fromtimestamp(issued, UTC).isoformat(timespec="seconds")
    return keys


def install() -> None:
    iam_evaluator._principal_keys = principal_keys
    iam_evaluator._resolve_condition_key = condition_key
    iam_actions.extract_resource_arn = resource_of
    iam_evaluator.enforce = enforce
