"""State: the bucket that holds the office's state and the key that encrypts what is secret in it.

Both stand in the office's own account and region: who breaks into one office has the state of no other.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bootstrap import names, permissions
from bootstrap.account import Account, Action, found, holds

# How long a state of before can be brought back, and how many are kept however old.
OLD_STATE_DAYS, OLD_STATES_KEPT = 365, 50
COMPONENT = "state"
NOT_YET = "arn:aws:kms:the-key-that-is-to-be-made"


def key(account: Account) -> list[Action]:
    """The key, found by its alias; one that an interrupted run left without a name is taken up."""
    kms, alias = account.client("kms"), names.secrets_alias(account.office)
    policy = json.dumps(permissions.key_policy(account.office))
    key_id = _key_id(account)
    if key_id is None:
        orphan = _nameless(account)

        def make() -> None:
            made = (
                orphan
                or kms.create_key(
                    Description=f"Secrets in the state of the office {account.office.name}",
                    Policy=policy,
                    Tags=[{"TagKey": k, "TagValue": v} for k, v in account.tags(COMPONENT).items()],
                )["KeyMetadata"]["KeyId"]
            )
            kms.enable_key_rotation(KeyId=made)
            kms.create_alias(AliasName=alias, TargetKeyId=made)

        return [Action(words=f"{'name the' if orphan else 'make a'} KMS key, {alias}", do=make)]
    actions = []
    if not kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]:
        actions.append(
            Action(words=f"turn over {alias} every year", do=lambda: kms.enable_key_rotation(KeyId=key_id))
        )
    there = kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"]
    if json.loads(there) != json.loads(policy):
        actions.append(
            Action(
                words=f"set the policy of {alias}",
                do=lambda: kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy),
            )
        )
    return actions


def _key_id(account: Account) -> str | None:
    alias = names.secrets_alias(account.office)
    answer = found(account.client("kms").describe_key, "NotFoundException", KeyId=alias)
    return str(answer["KeyMetadata"]["KeyId"]) if answer else None


def key_arn(account: Account) -> str:
    alias = names.secrets_alias(account.office)
    answer = found(account.client("kms").describe_key, "NotFoundException", KeyId=alias)
    return str(answer["KeyMetadata"]["Arn"]) if answer else NOT_YET


def _nameless(account: Account) -> str | None:
    kms = account.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for each in page["Keys"]:
            tags = found(kms.list_resource_tags, "AccessDeniedException", KeyId=each["KeyId"]) or {"Tags": []}
            have = {tag["TagKey"]: tag["TagValue"] for tag in tags["Tags"]}
            named = kms.list_aliases(KeyId=each["KeyId"])["Aliases"]
            usable = kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
            if holds(have, account.tags(COMPONENT)) and not named and usable:
                return str(each["KeyId"])
    return None


def bucket(account: Account) -> list[Action]:
    """The bucket, and each of its settings that is not as it should be."""
    s3, name = account.client("s3"), names.state_bucket(account.office)
    where = {"Bucket": name, "ExpectedBucketOwner": account.office.account}
    exists = found(s3.head_bucket, "404", "NoSuchBucket", **where)
    actions = []
    if exists is None:
        actions.append(Action(words=f"make the bucket {name}", do=lambda: _make_bucket(account)))
    for words, read, wanted, write in _settings(account):
        there = None if exists is None else read()
        if not holds(there, wanted):
            actions.append(Action(words=f"{name}: {words}", do=write))
    return actions


def _make_bucket(account: Account) -> None:
    region = account.office.region
    # S3: us-east-1 is the place when none is named, and must not be named.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    account.client("s3").create_bucket(Bucket=names.state_bucket(account.office), **place)


Setting = tuple[str, Callable[[], Any], Any, Callable[[], object]]


def _settings(account: Account) -> Iterator[Setting]:
    """What each setting is for, how it is read, what it should be, and how it is written."""
    s3, office = account.client("s3"), account.office
    where = {"Bucket": names.state_bucket(office), "ExpectedBucketOwner": office.account}

    def read(call: Callable[..., Mapping[str, Any]], *missing: str, part: str = "") -> Callable[[], Any]:
        def reading() -> Any:
            answer = found(call, *missing, **where)
            return answer.get(part) if answer and part else answer

        return reading

    versions = {"Status": "Enabled"}
    yield (
        "keep every state of before",
        read(s3.get_bucket_versioning),
        versions,
        lambda: s3.put_bucket_versioning(**where, VersioningConfiguration=versions),
    )
    blocks = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    yield (
        "block all public access",
        read(
            s3.get_public_access_block,
            "NoSuchPublicAccessBlockConfiguration",
            part="PublicAccessBlockConfiguration",
        ),
        blocks,
        lambda: s3.put_public_access_block(**where, PublicAccessBlockConfiguration=blocks),
    )
    owner = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    yield (
        "no access lists",
        read(s3.get_bucket_ownership_controls, "OwnershipControlsNotFoundError", part="OwnershipControls"),
        owner,
        lambda: s3.put_bucket_ownership_controls(**where, OwnershipControls=owner),
    )
    yield (
        "encrypt with the key",
        read(
            s3.get_bucket_encryption,
            "ServerSideEncryptionConfigurationNotFoundError",
            part="ServerSideEncryptionConfiguration",
        ),
        _encryption(account),
        # The key may have been made since.
        lambda: s3.put_bucket_encryption(**where, ServerSideEncryptionConfiguration=_encryption(account)),
    )
    lifecycle = _lifecycle()
    yield (
        f"forget states of before after {OLD_STATE_DAYS} days, but the last {OLD_STATES_KEPT}",
        read(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        lifecycle,
        lambda: s3.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration=lifecycle),
    )
    policy = permissions.state_policy(office)
    yield (
        "refuse plain HTTP, other accounts and the deletion of history",
        lambda: _policy(read(s3.get_bucket_policy, "NoSuchBucketPolicy", part="Policy")()),
        policy,
        lambda: s3.put_bucket_policy(**where, Policy=json.dumps(policy)),
    )
    tags = account.tag_list(COMPONENT)
    yield (
        "say whose it is",
        lambda: sorted(
            read(s3.get_bucket_tagging, "NoSuchTagSet", part="TagSet")() or [], key=lambda tag: tag["Key"]
        ),
        tags,
        lambda: s3.put_bucket_tagging(**where, Tagging={"TagSet": tags}),
    )


def _policy(text: str | None) -> Any:
    return json.loads(text) if text else None


def _encryption(account: Account) -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn(account)}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}


def _lifecycle() -> dict[str, Any]:
    return {
        "Rules": [
            {
                "ID": "old-states",
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "NoncurrentVersionExpiration": {
                    "NoncurrentDays": OLD_STATE_DAYS,
                    "NewerNoncurrentVersions": OLD_STATES_KEPT,
                },
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    }
