"""A bucket of the bootstrap's: what each setting is for, how it is read and written, what it should be.

All are versioned, encrypted, closed to anything but TLS and the account, and without access lists.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.account import Account, Action, found, holds
from bootstrap.permissions import Document


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """`why` says what versions and lifecycle are for, in the words of the dry run."""

    name: str
    component: str
    policy: Document
    lifecycle: Mapping[str, Any]
    key_arn: Callable[[], str]  # asked when it is needed: the key may just have been made
    versions_why: str
    lifecycle_why: str
    policy_why: str
    locked_days: int | None = None  # no version can be deleted before


def actions(account: Account, wanted: Wanted) -> list[Action]:
    """The bucket, and each of its settings that is not as it should be."""
    s3 = account.client("s3")
    where = {"Bucket": wanted.name, "ExpectedBucketOwner": account.office.account}
    exists = found(s3.head_bucket, "404", "NoSuchBucket", **where)
    due = []
    if exists is None:
        due.append(Action(words=f"make the bucket {wanted.name}", do=lambda: _make(account, wanted)))
    for words, read, value, write in _settings(account, wanted):
        there = None if exists is None else read()
        if not holds(there, value):
            due.append(Action(words=f"{wanted.name}: {words}", do=write))
    return due


def _make(account: Account, wanted: Wanted) -> None:
    region = account.office.region
    # S3: us-east-1 is the place when none is named, and must not be named.
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    lock = {"ObjectLockEnabledForBucket": True} if wanted.locked_days else {}
    account.client("s3").create_bucket(Bucket=wanted.name, **place, **lock)


Setting = tuple[str, Callable[[], Any], Any, Callable[[], object]]


def _settings(account: Account, wanted: Wanted) -> Iterator[Setting]:
    s3, office = account.client("s3"), account.office
    where = {"Bucket": wanted.name, "ExpectedBucketOwner": office.account}

    def read(call: Callable[..., Mapping[str, Any]], *missing: str, part: str = "") -> Callable[[], Any]:
        def reading() -> Any:
            answer = found(call, *missing, **where)
            return answer.get(part) if answer and part else answer

        return reading

    versions = {"Status": "Enabled"}
    yield (
        wanted.versions_why,
        read(s3.get_bucket_versioning),
        versions,
        lambda: s3.put_bucket_versioning(**where, VersioningConfiguration=versions),
    )
    if wanted.locked_days:
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": wanted.locked_days}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
        yield (
            f"lock every object for {wanted.locked_days} days",
            read(
                s3.get_object_lock_configuration,
                "ObjectLockConfigurationNotFoundError",
                part="ObjectLockConfiguration",
            ),
            lock,
            lambda: s3.put_object_lock_configuration(**where, ObjectLockConfiguration=lock),
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
        _encryption(wanted),
        lambda: s3.put_bucket_encryption(**where, ServerSideEncryptionConfiguration=_encryption(wanted)),
    )
    yield (
        wanted.lifecycle_why,
        read(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        wanted.lifecycle,
        lambda: s3.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration=wanted.lifecycle),
    )
    yield (
        wanted.policy_why,
        lambda: _policy(read(s3.get_bucket_policy, "NoSuchBucketPolicy", part="Policy")()),
        wanted.policy,
        lambda: s3.put_bucket_policy(**where, Policy=json.dumps(wanted.policy)),
    )
    tags = account.tag_list(wanted.component)
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


def _encryption(wanted: Wanted) -> dict[str, Any]:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": wanted.key_arn()}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}


def tidy(rule_id: str, **rule: Any) -> dict[str, Any]:
    """A lifecycle of one rule for the whole bucket; what was broken off goes after a week."""
    return {
        "Rules": [
            {
                "ID": rule_id,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                **rule,
            }
        ]
    }
