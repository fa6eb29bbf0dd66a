"""DynamoDB: tables."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from typing import Any

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, tag_list, upper

INDEX = "globalSecondaryIndexes"


def _schema(inputs: Inputs) -> list[dict[str, str]]:
    if schemas := inputs.get("keySchemas"):
        return [upper(s) for s in schemas]
    keys = [(inputs.get("hashKey"), "HASH"), (inputs.get("rangeKey"), "RANGE")]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys if name]


def _index(index: Inputs) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if keys := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = keys
    return {"IndexName": index["name"], "KeySchema": _schema(index), "Projection": projection}


def _attributes(inputs: Inputs) -> list[dict[str, str]]:
    return [{"AttributeName": a["name"], "AttributeType": a["type"]} for a in inputs["attributes"]]


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("dynamodb")
    given: dict[str, Any] = {
        "TableName": inputs["name"],
        "BillingMode": inputs.get("billingMode", "PROVISIONED"),
        "AttributeDefinitions": _attributes(inputs),
        "KeySchema": _schema(inputs),
        "DeletionProtectionEnabled": bool(inputs.get("deletionProtectionEnabled", False)),
        "Tags": tag_list(inputs),
    }
    if inputs.get(INDEX):
        given["GlobalSecondaryIndexes"] = [_index(i) for i in inputs[INDEX]]
    if inputs.get("streamEnabled"):
        given["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}
    if encryption := inputs.get("serverSideEncryption"):
        given["SSESpecification"] = {"Enabled": encryption["enabled"], "SSEType": "KMS"}
        if key := encryption.get("kmsKeyArn"):
            given["SSESpecification"]["KMSMasterKeyId"] = key
    arn = client.create_table(**given)["TableDescription"]["TableArn"]
    _backups(target, inputs)
    _expiry(target, inputs)
    return Made(id=inputs["name"], outputs={"arn": arn})


def _backups(target: Target, inputs: Inputs) -> None:
    if inputs.get("pointInTimeRecovery"):
        target.client("dynamodb").update_continuous_backups(
            TableName=inputs["name"],
            PointInTimeRecoverySpecification={
                "PointInTimeRecoveryEnabled": bool(inputs["pointInTimeRecovery"]["enabled"])
            },
        )


def _expiry(target: Target, inputs: Inputs) -> None:
    if ttl := inputs.get("ttl"):
        target.client("dynamodb").update_time_to_live(
            TableName=inputs["name"],
            TimeToLiveSpecification={"Enabled": bool(ttl["enabled"]), "AttributeName": ttl["attributeName"]},
        )


def _update(target: Target, change: Change) -> Outputs:
    client, name = target.client("dynamodb"), change.id
    old = {i["name"]: i for i in change.old.get(INDEX) or []}
    new = {i["name"]: i for i in change.new.get(INDEX) or []}
    # DynamoDB takes one change of an index at a time.
    changes: list[dict[str, Any]] = [{"Delete": {"IndexName": n}} for n, i in old.items() if new.get(n) != i]
    changes += [{"Create": _index(i)} for n, i in new.items() if old.get(n) != i]
    for each in changes:
        client.update_table(
            TableName=name, AttributeDefinitions=_attributes(change.new), GlobalSecondaryIndexUpdates=[each]
        )
    if changed(change, "deletionProtectionEnabled"):
        protected = bool(change.new.get("deletionProtectionEnabled", False))
        client.update_table(TableName=name, DeletionProtectionEnabled=protected)
    if changed(change, "pointInTimeRecovery"):
        _backups(target, change.new)
    if changed(change, "ttl"):
        _expiry(target, change.new)
    if changed(change, "tags"):
        client.tag_resource(ResourceArn=change.outputs["arn"], Tags=tag_list(change.new))
    return {}


KINDS = (
    Kind(
        type="aws:dynamodb/table:Table",
        create=_create,
        update=_update,
        delete=lambda t, c: t.client("dynamodb").delete_table(TableName=c.id),
        fixed=frozenset({"name", "hashKey", "rangeKey"}),
        named="name",
    ),
)
