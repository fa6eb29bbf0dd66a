"""AWS Batch: compute environments, job queues and job definitions."""
# ruff: noqa: ARG001, ARG005 - every kind takes the same arguments, whether it needs them or not

import json
from typing import Any

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, taken

# The provider's words, where they are not AWS's.
RESOURCE_WORDS = {
    "maxVcpus": "maxvCpus",
    "minVcpus": "minvCpus",
    "desiredVcpus": "desiredvCpus",
    "ec2Configurations": "ec2Configuration",
}


def _resources(inputs: Inputs) -> dict[str, Any]:
    given = inputs.get("computeResources") or {}
    resources = {RESOURCE_WORDS.get(k, k): v for k, v in given.items() if v is not None}
    if configurations := resources.get("ec2Configuration"):
        words = {"imageIdOverride": "imageIdOverride", "imageType": "imageType"}
        resources["ec2Configuration"] = [
            {words[k]: v for k, v in c.items() if k in words} for c in configurations
        ]
    return resources


def _create_environment(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("batch").create_compute_environment(
        computeEnvironmentName=inputs["name"],
        type=inputs["type"],
        state=inputs.get("state", "ENABLED"),
        computeResources=_resources(inputs),
        tags=inputs.get("tags") or {},
        **taken(inputs, serviceRole="serviceRole"),
    )
    return Made(id=made["computeEnvironmentName"], outputs={"arn": made["computeEnvironmentArn"]})


def _update_environment(target: Target, change: Change) -> Outputs:
    resources = _resources(change.new)
    kept = {k: v for k, v in resources.items() if k not in ("type", "spotIamFleetRole")}
    target.client("batch").update_compute_environment(
        computeEnvironment=change.id,
        state=change.new.get("state", "ENABLED"),
        computeResources=kept,
        **taken(change.new, serviceRole="serviceRole", updatePolicy="updatePolicy"),
    )
    return {}


def _delete_environment(target: Target, change: Change) -> None:
    client = target.client("batch")
    client.update_compute_environment(computeEnvironment=change.id, state="DISABLED")
    client.delete_compute_environment(computeEnvironment=change.id)


def _queue(inputs: Inputs) -> dict[str, Any]:
    queue = {
        "state": inputs["state"],
        "priority": int(inputs["priority"]),
        "computeEnvironmentOrder": [
            {"order": int(e["order"]), "computeEnvironment": e["computeEnvironment"]}
            for e in inputs.get("computeEnvironmentOrders", [])
        ],
    }
    return queue | taken(inputs, jobStateTimeLimitActions="jobStateTimeLimitActions")


def _create_queue(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("batch").create_job_queue(
        jobQueueName=inputs["name"], tags=inputs.get("tags") or {}, **_queue(inputs)
    )
    return Made(id=made["jobQueueArn"], outputs={"arn": made["jobQueueArn"]})


def _update_queue(target: Target, change: Change) -> Outputs:
    if changed(change, "state", "priority", "computeEnvironmentOrders", "jobStateTimeLimitActions"):
        target.client("batch").update_job_queue(jobQueue=change.id, **_queue(change.new))
    return {}


def _delete_queue(target: Target, change: Change) -> None:
    client = target.client("batch")
    client.update_job_queue(jobQueue=change.id, state="DISABLED")
    client.delete_job_queue(jobQueue=change.id)


def _register(target: Target, inputs: Inputs) -> Made:
    given: dict[str, Any] = {
        "jobDefinitionName": inputs["name"],
        "type": inputs["type"],
        "containerProperties": json.loads(inputs["containerProperties"]),
        "propagateTags": bool(inputs.get("propagateTags", False)),
        "tags": inputs.get("tags") or {},
        **taken(
            inputs, platformCapabilities="platformCapabilities", parameters="parameters", timeout="timeout"
        ),
    }
    if retry := inputs.get("retryStrategy"):
        rules = retry.get("evaluateOnExits")
        given["retryStrategy"] = {
            "attempts": retry["attempts"],
            **({"evaluateOnExit": rules} if rules else {}),
        }
    made = target.client("batch").register_job_definition(**given)
    arn, revision = made["jobDefinitionArn"], made["revision"]
    return Made(id=arn, outputs={"arn": arn, "arnPrefix": arn.rsplit(":", 1)[0], "revision": revision})


def _update_definition(target: Target, change: Change) -> Outputs:
    """A change is a new revision; what named the ARN is told."""
    made = _register(target, change.new)
    if change.new.get("deregisterOnNewRevision", True):
        target.client("batch").deregister_job_definition(jobDefinition=change.outputs["arn"])
    return made.outputs


def _delete_definition(target: Target, change: Change) -> None:
    """As the provider: all of its active revisions."""
    client = target.client("batch")
    found = client.describe_job_definitions(jobDefinitionName=change.old["name"], status="ACTIVE")
    for definition in found["jobDefinitions"]:
        client.deregister_job_definition(jobDefinition=definition["jobDefinitionArn"])


KINDS = (
    Kind(
        type="aws:batch/computeEnvironment:ComputeEnvironment",
        create=_create_environment,
        update=_update_environment,
        delete=_delete_environment,
        fixed=frozenset({"name", "type", "eksConfiguration"}),
        named="name",
    ),
    Kind(
        type="aws:batch/jobQueue:JobQueue",
        create=_create_queue,
        update=_update_queue,
        delete=_delete_queue,
        fixed=frozenset({"name"}),
        named="name",
    ),
    Kind(
        type="aws:batch/jobDefinition:JobDefinition",
        create=lambda t, n, i: _register(t, i),
        update=_update_definition,
        delete=_delete_definition,
        fixed=frozenset({"name", "type"}),
        named="name",
    ),
)
