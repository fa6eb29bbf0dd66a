"""KMS: keys and their aliases."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, tag_list, taken


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    client = target.client("kms")
    key = client.create_key(
        Description=inputs.get("description", ""),
        Tags=tag_list(inputs, "TagKey", "TagValue"),
        **taken(inputs, Policy="policy", KeySpec="customerMasterKeySpec", KeyUsage="keyUsage"),
    )["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        client.enable_key_rotation(KeyId=key["KeyId"])
    return Made(id=key["KeyId"], outputs={"keyId": key["KeyId"], "arn": key["Arn"]})


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("kms")
    if changed(change, "policy"):
        client.put_key_policy(KeyId=change.id, PolicyName="default", Policy=change.new["policy"])
    if changed(change, "description"):
        client.update_key_description(KeyId=change.id, Description=change.new.get("description", ""))
    if changed(change, "enableKeyRotation"):
        turn = (
            client.enable_key_rotation if change.new.get("enableKeyRotation") else client.disable_key_rotation
        )
        turn(KeyId=change.id)
    if changed(change, "tags"):
        client.tag_resource(KeyId=change.id, Tags=tag_list(change.new, "TagKey", "TagValue"))
    return {}


def _delete(target: Target, change: Change) -> None:
    days = int(change.old.get("deletionWindowInDays", 30))
    target.client("kms").schedule_key_deletion(KeyId=change.id, PendingWindowInDays=days)


def _create_alias(target: Target, name: str, inputs: Inputs) -> Made:
    target.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return Made(id=inputs["name"], outputs={"arn": target.arn("kms", inputs["name"])})


def _update_alias(target: Target, change: Change) -> Outputs:
    target.client("kms").update_alias(AliasName=change.id, TargetKeyId=change.new["targetKeyId"])
    return {}


KINDS = (
    Kind(
        type="aws:kms/key:Key",
        create=_create,
        update=_update,
        delete=_delete,
        fixed=frozenset({"customerMasterKeySpec", "keyUsage"}),
    ),
    Kind(
        type="aws:kms/alias:Alias",
        create=_create_alias,
        update=_update_alias,
        delete=lambda t, c: t.client("kms").delete_alias(AliasName=c.id),
        fixed=frozenset({"name"}),
        named="name",
    ),
)
