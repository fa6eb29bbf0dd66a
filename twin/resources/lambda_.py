"""Lambda: functions, their sources and permissions."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

import time
from typing import Any

from twin.archive import zipped
from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, taken, upper

POLL_S = 0.05
READY_WITHIN_S = 20


def _settings(inputs: Inputs) -> dict[str, Any]:
    # Layers are left out: the twin's own Python has what they hold. ministack runs functions in it.
    settings = {
        "Role": inputs["role"],
        "Handler": inputs["handler"],
        "Runtime": inputs["runtime"],
        "Timeout": inputs.get("timeout", 3),
        "MemorySize": inputs.get("memorySize", 128),
        "Environment": {"Variables": (inputs.get("environment") or {}).get("variables") or {}},
        **taken(inputs, Description="description", KMSKeyArn="kmsKeyArn"),
    }
    for name in ("tracingConfig", "loggingConfig", "deadLetterConfig"):
        if inputs.get(name):
            settings[name[:1].upper() + name[1:]] = upper(inputs[name])
    return settings


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("lambda")
    made = client.create_function(
        FunctionName=inputs["name"],
        Architectures=inputs.get("architectures") or ["x86_64"],
        Code={"ZipFile": zipped(inputs["code"])},
        Tags=inputs.get("tags") or {},
        **_settings(inputs),
    )
    if reserved := inputs.get("reservedConcurrentExecutions"):
        client.put_function_concurrency(FunctionName=inputs["name"], ReservedConcurrentExecutions=reserved)
    return Made(id=inputs["name"], outputs={"arn": made["FunctionArn"], "version": "$LATEST"})


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("lambda")
    if changed(change, "code"):
        client.update_function_code(FunctionName=change.id, ZipFile=zipped(change.new["code"]))
        _ready(client, change.id)
    if _settings(change.old) != _settings(change.new):
        client.update_function_configuration(FunctionName=change.id, **_settings(change.new))
        _ready(client, change.id)
    if changed(change, "reservedConcurrentExecutions"):
        reserved = change.new.get("reservedConcurrentExecutions")
        if reserved:
            client.put_function_concurrency(FunctionName=change.id, ReservedConcurrentExecutions=reserved)
        else:
            client.delete_function_concurrency(FunctionName=change.id)
    if changed(change, "tags"):
        client.tag_resource(Resource=change.outputs["arn"], Tags=change.new.get("tags") or {})
    return {}


def _read(target: Target, change: Change) -> Inputs | None:
    client = target.client("lambda")
    try:
        found = client.get_function_configuration(FunctionName=change.id)
    except client.exceptions.ResourceNotFoundException:
        return None
    there = {"timeout": found["Timeout"], "memorySize": found["MemorySize"], "handler": found["Handler"]}
    return {name: value for name, value in there.items() if change.old.get(name, value) != value}


def _ready(client: Any, name: str) -> None:
    """Lambda takes no second change while one is under way."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        state = client.get_function_configuration(FunctionName=name).get("LastUpdateStatus", "Successful")
        if state == "Successful":
            return
        time.sleep(POLL_S)
    raise TimeoutError(f"the function {name} did not take its update within {READY_WITHIN_S} s")


def _mapping(inputs: Inputs) -> dict[str, Any]:
    settings = taken(
        inputs,
        BatchSize="batchSize",
        MaximumBatchingWindowInSeconds="maximumBatchingWindowInSeconds",
        FunctionResponseTypes="functionResponseTypes",
        Enabled="enabled",
    )
    if scaling := inputs.get("scalingConfig"):
        settings["ScalingConfig"] = upper(scaling)
    return settings


def _create_mapping(target: Target, name: str, inputs: Inputs) -> Made:
    made = target.client("lambda").create_event_source_mapping(
        EventSourceArn=inputs["eventSourceArn"], FunctionName=inputs["functionName"], **_mapping(inputs)
    )
    return Made(id=made["UUID"], outputs={"uuid": made["UUID"], "functionArn": made["FunctionArn"]})


def _update_mapping(target: Target, change: Change) -> Outputs:
    target.client("lambda").update_event_source_mapping(
        UUID=change.id, FunctionName=change.new["functionName"], **_mapping(change.new)
    )
    return {}


def _permit(target: Target, name: str, inputs: Inputs) -> Made:
    statement = inputs.get("statementId") or name
    target.client("lambda").add_permission(
        FunctionName=inputs["function"],
        StatementId=statement,
        Action=inputs["action"],
        Principal=inputs["principal"],
        **taken(inputs, SourceArn="sourceArn", SourceAccount="sourceAccount"),
    )
    return Made(id=statement)


def _forbid(target: Target, change: Change) -> None:
    target.client("lambda").remove_permission(FunctionName=change.old["function"], StatementId=change.id)


def _invoke_config(target: Target, inputs: Inputs) -> None:
    target.client("lambda").put_function_event_invoke_config(
        FunctionName=inputs["functionName"],
        **taken(
            inputs,
            MaximumRetryAttempts="maximumRetryAttempts",
            MaximumEventAgeInSeconds="maximumEventAgeInSeconds",
        ),
        **(
            {"DestinationConfig": upper(inputs["destinationConfig"])}
            if inputs.get("destinationConfig")
            else {}
        ),
    )


def _create_invoke_config(target: Target, name: str, inputs: Inputs) -> Made:
    _invoke_config(target, inputs)
    return Made(id=inputs["functionName"])


def _update_invoke_config(target: Target, change: Change) -> Outputs:
    _invoke_config(target, change.new)
    return {}


KINDS = (
    Kind(
        type="aws:lambda/function:Function",
        create=_create,
        update=_update,
        read=_read,
        delete=lambda t, c: t.client("lambda").delete_function(FunctionName=c.id),
        fixed=frozenset({"name", "packageType"}),
        named="name",
    ),
    Kind(
        type="aws:lambda/eventSourceMapping:EventSourceMapping",
        create=_create_mapping,
        update=_update_mapping,
        delete=lambda t, c: t.client("lambda").delete_event_source_mapping(UUID=c.id),
        fixed=frozenset({"eventSourceArn"}),
    ),
    Kind(type="aws:lambda/permission:Permission", create=_permit, delete=_forbid),
    Kind(
        type="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        create=_create_invoke_config,
        update=_update_invoke_config,
        delete=lambda t, c: t.client("lambda").delete_function_event_invoke_config(FunctionName=c.id),
        fixed=frozenset({"functionName"}),
    ),
)
