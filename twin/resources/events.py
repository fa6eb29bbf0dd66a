"""EventBridge: buses, rules and targets."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

import json

from twin.resources.kind import (
    Change,
    Inputs,
    Kind,
    Made,
    Outputs,
    Target,
    changed,
    setting,
    tag_list,
    taken,
    upper,
)

DEFAULT_BUS = "default"


def _bus(inputs: Inputs) -> str:
    return str(inputs.get("eventBusName") or DEFAULT_BUS)


def _create_bus(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("events").create_event_bus(
        Name=inputs["name"],
        Tags=tag_list(inputs),
        **taken(inputs, KmsKeyIdentifier="kmsKeyIdentifier", Description="description"),
    )
    return Made(id=inputs["name"], outputs={"arn": made["EventBusArn"]})


def _update_bus(target: Target, change: Change) -> Outputs:
    client = target.client("events")
    if changed(change, "kmsKeyIdentifier", "description"):
        client.update_event_bus(
            Name=change.id,
            **taken(change.new, KmsKeyIdentifier="kmsKeyIdentifier", Description="description"),
        )
    if changed(change, "tags"):
        client.tag_resource(ResourceARN=change.outputs["arn"], Tags=tag_list(change.new))
    return {}


def _put_rule(target: Target, inputs: Inputs) -> str:
    arn = target.client("events").put_rule(
        Name=inputs["name"],
        EventBusName=_bus(inputs),
        State=inputs.get("state", "ENABLED"),
        Tags=tag_list(inputs),
        **taken(
            inputs,
            EventPattern="eventPattern",
            ScheduleExpression="scheduleExpression",
            Description="description",
            RoleArn="roleArn",
        ),
    )["RuleArn"]
    return str(arn)


def _create_rule(target: Target, name: str, inputs: Inputs) -> Made:
    return Made(id=inputs["name"], outputs={"arn": _put_rule(target, inputs)})


def _update_rule(target: Target, change: Change) -> Outputs:
    return {"arn": _put_rule(target, change.new)}


def _delete_rule(target: Target, change: Change) -> None:
    target.client("events").delete_rule(Name=change.id, EventBusName=_bus(change.old))


def _put_target(target: Target, inputs: Inputs) -> None:
    entry = {
        "Id": inputs["targetId"],
        "Arn": inputs["arn"],
        **taken(inputs, RoleArn="roleArn", Input="input"),
    }
    for name in ("deadLetterConfig", "retryPolicy"):
        if inputs.get(name):
            entry[name[:1].upper() + name[1:]] = upper(inputs[name])
    if transformer := inputs.get("inputTransformer"):
        entry["InputTransformer"] = {
            "InputPathsMap": transformer.get("inputPaths", {}),
            "InputTemplate": transformer["inputTemplate"],
        }
    if retry := entry.get("RetryPolicy"):
        retry["MaximumEventAgeInSeconds"] = int(retry.get("MaximumEventAgeInSeconds", 86400))
    answer = target.client("events").put_targets(
        Rule=inputs["rule"], EventBusName=_bus(inputs), Targets=[entry]
    )
    if answer.get("FailedEntryCount"):
        raise ValueError(f"PutTargets on {inputs['rule']}: {json.dumps(answer['FailedEntries'])}")


def _create_target(target: Target, name: str, inputs: Inputs) -> Made:
    _put_target(target, inputs)
    return Made(id=f"{_bus(inputs)}-{inputs['rule']}-{inputs['targetId']}")


def _update_target(target: Target, change: Change) -> Outputs:
    _put_target(target, change.new)
    return {}


def _delete_target(target: Target, change: Change) -> None:
    target.client("events").remove_targets(
        Rule=change.old["rule"], EventBusName=_bus(change.old), Ids=[change.old["targetId"]]
    )


def _put_bus_policy(target: Target, inputs: Inputs) -> None:
    target.client("events").put_permission(EventBusName=_bus(inputs), Policy=inputs["policy"])


def _remove_bus_policy(target: Target, inputs: Inputs) -> None:
    target.client("events").remove_permission(EventBusName=_bus(inputs), RemoveAllPermissions=True)


KINDS = (
    Kind(
        type="aws:cloudwatch/eventBus:EventBus",
        create=_create_bus,
        update=_update_bus,
        delete=lambda t, c: t.client("events").delete_event_bus(Name=c.id),
        fixed=frozenset({"name"}),
        named="name",
    ),
    setting(
        "aws:cloudwatch/eventBusPolicy:EventBusPolicy", _put_bus_policy, _remove_bus_policy, id="eventBusName"
    ),
    Kind(
        type="aws:cloudwatch/eventRule:EventRule",
        create=_create_rule,
        update=_update_rule,
        delete=_delete_rule,
        fixed=frozenset({"name", "eventBusName"}),
        named="name",
    ),
    Kind(
        type="aws:cloudwatch/eventTarget:EventTarget",
        create=_create_target,
        update=_update_target,
        delete=_delete_target,
        fixed=frozenset({"rule", "eventBusName", "targetId"}),
        named="targetId",
    ),
)
