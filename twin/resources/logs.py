"""CloudWatch Logs: groups."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, taken


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    client, group = target.client("logs"), inputs["name"]
    client.create_log_group(
        logGroupName=group, tags=inputs.get("tags") or {}, **taken(inputs, kmsKeyId="kmsKeyId")
    )
    _retain(target, group, inputs)
    return Made(id=group, outputs={"arn": target.arn("logs", f"log-group:{group}")})


def _retain(target: Target, group: str, inputs: Inputs) -> None:
    if days := inputs.get("retentionInDays"):
        target.client("logs").put_retention_policy(logGroupName=group, retentionInDays=days)


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("logs")
    if changed(change, "retentionInDays"):
        _retain(target, change.id, change.new)
    if changed(change, "kmsKeyId"):
        client.associate_kms_key(logGroupName=change.id, kmsKeyId=change.new["kmsKeyId"])
    if changed(change, "tags"):
        client.tag_resource(resourceArn=change.outputs["arn"], tags=change.new.get("tags") or {})
    return {}


def _read(target: Target, change: Change) -> Inputs | None:
    groups = target.client("logs").describe_log_groups(logGroupNamePrefix=change.id)["logGroups"]
    found = next((group for group in groups if group["logGroupName"] == change.id), None)
    if found is None:
        return None
    days = found.get("retentionInDays")
    return {} if days == change.old.get("retentionInDays") else {"retentionInDays": days}


KINDS = (
    Kind(
        type="aws:cloudwatch/logGroup:LogGroup",
        create=_create,
        update=_update,
        read=_read,
        delete=lambda t, c: t.client("logs").delete_log_group(logGroupName=c.id),
        fixed=frozenset({"name"}),
        named="name",
    ),
)
