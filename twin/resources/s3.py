"""S3: buckets and what is set on them."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from typing import Any

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, setting, tag_list, upper

REGION_WITHOUT_CONSTRAINT = "us-east-1"
PRIVATE = ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets")


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    bucket = inputs["bucket"]
    where = (
        {}
        if target.region == REGION_WITHOUT_CONSTRAINT
        else {"CreateBucketConfiguration": {"LocationConstraint": target.region}}
    )
    target.client("s3").create_bucket(Bucket=bucket, **where)
    _tag(target, bucket, inputs)
    return Made(
        id=bucket,
        outputs={
            "bucket": bucket,
            "arn": f"arn:aws:s3:::{bucket}",
            "region": target.region,
            "bucketRegionalDomainName": f"{bucket}.s3.{target.region}.amazonaws.com",
        },
    )


def _tag(target: Target, bucket: str, inputs: Inputs) -> None:
    target.client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(inputs)})


def _update(target: Target, change: Change) -> Outputs:
    _tag(target, change.id, change.new)
    return {}


def _delete(target: Target, change: Change) -> None:
    """As the provider: without forceDestroy a bucket that is not empty stays, and S3 says so."""
    client = target.client("s3")
    if change.old.get("forceDestroy"):
        for page in client.get_paginator("list_object_versions").paginate(Bucket=change.id):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=change.id, Key=entry["Key"], VersionId=entry["VersionId"])
    client.delete_bucket(Bucket=change.id)


def _versioning(target: Target, inputs: Inputs) -> None:
    status = inputs["versioningConfiguration"]["status"]
    target.client("s3").put_bucket_versioning(
        Bucket=inputs["bucket"], VersioningConfiguration={"Status": status}
    )


def _read_versioning(target: Target, change: Change) -> Inputs:
    kept = change.old["versioningConfiguration"]
    status = target.client("s3").get_bucket_versioning(Bucket=change.id).get("Status", "Suspended")
    return {} if status == kept["status"] else {"versioningConfiguration": {**kept, "status": status}}


def _suspend(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_bucket_versioning(
        Bucket=inputs["bucket"], VersioningConfiguration={"Status": "Suspended"}
    )


def _encryption(target: Target, inputs: Inputs) -> None:
    rules = []
    for rule in inputs["rules"]:
        default = rule["applyServerSideEncryptionByDefault"]
        how = {"SSEAlgorithm": default["sseAlgorithm"]}
        if key := default.get("kmsMasterKeyId"):
            how["KMSMasterKeyID"] = key
        rules.append(
            {
                "ApplyServerSideEncryptionByDefault": how,
                "BucketKeyEnabled": bool(rule.get("bucketKeyEnabled", False)),
            }
        )
    target.client("s3").put_bucket_encryption(
        Bucket=inputs["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
    )


def _public_access(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_public_access_block(
        Bucket=inputs["bucket"],
        PublicAccessBlockConfiguration=upper({n: bool(inputs.get(n, False)) for n in PRIVATE}),
    )


def _read_public_access(target: Target, change: Change) -> Inputs | None:
    client = target.client("s3")
    try:
        found = client.get_public_access_block(Bucket=change.id)["PublicAccessBlockConfiguration"]
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        return None
    there = {name: bool(found.get(name[:1].upper() + name[1:])) for name in PRIVATE}
    return {name: value for name, value in there.items() if value != bool(change.old.get(name))}


def _ownership(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_bucket_ownership_controls(
        Bucket=inputs["bucket"],
        OwnershipControls={"Rules": [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]},
    )


def _lifecycle(target: Target, inputs: Inputs) -> None:
    rules = []
    for rule in inputs["rules"]:
        entry = upper({k: v for k, v in rule.items() if k != "id"})
        entry["ID"] = rule["id"]
        if "NoncurrentVersionExpiration" in entry:
            entry["NoncurrentVersionExpiration"] = {
                k: int(v) for k, v in entry["NoncurrentVersionExpiration"].items()
            }
        if "Expiration" in entry:
            entry["Expiration"] = {k: int(v) for k, v in entry["Expiration"].items()}
        rules.append(entry)
    target.client("s3").put_bucket_lifecycle_configuration(
        Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": rules}
    )


def _notification(target: Target, inputs: Inputs) -> None:
    unknown = set(inputs) - {"bucket", "eventbridge", "region"}
    if unknown:
        raise NotImplementedError(
            f"a bucket's notifications take only eventbridge, not {sorted(unknown)}: add it here"
        )
    target.client("s3").put_bucket_notification_configuration(
        Bucket=inputs["bucket"],
        NotificationConfiguration={"EventBridgeConfiguration": {}} if inputs.get("eventbridge") else {},
    )


def _no_notification(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_bucket_notification_configuration(
        Bucket=inputs["bucket"], NotificationConfiguration={}
    )


def _replication_rule(rule: Inputs) -> dict[str, Any]:
    entry: dict[str, Any] = upper(rule)
    if "Id" in entry:
        entry["ID"] = entry.pop("Id")
    key = (rule.get("destination") or {}).get("encryptionConfiguration")
    if key:
        entry["Destination"]["EncryptionConfiguration"] = {"ReplicaKmsKeyID": key["replicaKmsKeyId"]}
    return entry


def _replication(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_bucket_replication(
        Bucket=inputs["bucket"],
        ReplicationConfiguration={
            "Role": inputs["role"],
            "Rules": [_replication_rule(rule) for rule in inputs["rules"]],
        },
    )


def _put_policy(target: Target, inputs: Inputs) -> None:
    target.client("s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])


KINDS = (
    Kind(
        type="aws:s3/bucket:Bucket",
        create=_create,
        update=_update,
        delete=_delete,
        fixed=frozenset({"bucket", "objectLockEnabled"}),
        named="bucket",
    ),
    setting(
        "aws:s3/bucketVersioning:BucketVersioning", _versioning, _suspend, id="bucket", read=_read_versioning
    ),
    setting(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        _encryption,
        lambda t, i: t.client("s3").delete_bucket_encryption(Bucket=i["bucket"]),
        id="bucket",
    ),
    setting(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        _public_access,
        lambda t, i: t.client("s3").delete_public_access_block(Bucket=i["bucket"]),
        id="bucket",
        read=_read_public_access,
    ),
    setting(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        _ownership,
        lambda t, i: t.client("s3").delete_bucket_ownership_controls(Bucket=i["bucket"]),
        id="bucket",
    ),
    setting(
        "aws:s3/bucketPolicy:BucketPolicy",
        _put_policy,
        lambda t, i: t.client("s3").delete_bucket_policy(Bucket=i["bucket"]),
        id="bucket",
    ),
    setting(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        _lifecycle,
        lambda t, i: t.client("s3").delete_bucket_lifecycle(Bucket=i["bucket"]),
        id="bucket",
    ),
    setting("aws:s3/bucketNotification:BucketNotification", _notification, _no_notification, id="bucket"),
    setting(
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        _replication,
        lambda t, i: t.client("s3").delete_bucket_replication(Bucket=i["bucket"]),
        id="bucket",
    ),
)
