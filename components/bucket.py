"""Buckets of an office: uploads, results and references.

All are versioned, encrypted with the office's key, private, and closed to anything but TLS. What a user of a
bucket needs is a permission beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.key import OfficeKey
from components.names import bucket_name
from components.office import Office
from components.options import child_of
from components.permission import Permission, policy
from components.tags import tags

Content = Literal["uploads", "results", "references"]

# An upload that was broken off costs until its parts are gone.
ABORT_MULTIPART_DAYS = 7
# How long an overwritten or deleted version can still be brought back.
OLD_VERSION_DAYS: Mapping[Content, int] = {"uploads": 30, "results": 90, "references": 365}


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    office: Office
    content: Content
    key: OfficeKey
    sends_events: bool = False
    pipelines: Sequence[str] = ()  # whose folders hold what the office's retention is about
    statements: Sequence[Mapping[str, Any]] = field(default_factory=tuple)  # of its policy, beside TLS only


class Bucket(pulumi.ComponentResource):
    """One bucket, `globalbi-<office>-<content>-<account>`."""

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Bucket", name, None, opts)
        office = args.office
        self.physical_name = bucket_name(office.name, args.content, office.account)
        bucket = aws.s3.Bucket(
            name,
            bucket=self.physical_name,
            tags=tags(office.name, args.content),
            opts=child_of(self, keep=True),
        )
        self.name, self.arn = bucket.bucket, bucket.arn
        inside = child_of(bucket)
        self.versioning = aws.s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=inside,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="aws:kms", kms_master_key_id=args.key.arn
                        )
                    ),
                    bucket_key_enabled=True,  # one KMS call for many objects instead of one each
                )
            ],
            opts=inside,
        )
        closed = aws.s3.BucketPublicAccessBlock(
            f"{name}-private",
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=inside,
        )
        aws.s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.id,
            # No ACLs: what is in the bucket is the office's, whoever put it there.
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=inside,
        )
        aws.s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.id,
            policy=policy([_tls_only(self.physical_name), *args.statements]),
            # Two changes of a bucket's access at once meet OperationAborted.
            opts=child_of(bucket, after=[closed]),
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.id,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="tidy",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=(
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=ABORT_MULTIPART_DAYS
                        )
                    ),
                    noncurrent_version_expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=OLD_VERSION_DAYS[args.content]
                        )
                    ),
                ),
                *_retention(args),
            ],
            # Without versioning a rule on old versions is refused.
            opts=child_of(bucket, after=[self.versioning]),
        )
        if args.sends_events:
            aws.s3.BucketNotification(f"{name}-events", bucket=bucket.id, eventbridge=True, opts=inside)
        self._grant(args.content.capitalize())
        self.register_outputs({"bucket": self.name, "arn": self.arn})

    def _grant(self, content: str) -> None:
        """What its users may need, each by itself."""
        objects = pulumi.Output.concat(self.arn, "/*")
        # HeadObject is GetObject. What names a version is an action of its own.
        self.read = Permission(sid=f"Read{content}", actions=("s3:GetObject",), resources=[objects])
        self.read_versions = Permission(
            sid=f"ReadVersionsOf{content}", actions=("s3:GetObjectVersion",), resources=[objects]
        )
        # Without this a missing object is answered with 403 instead of 404.
        self.list = Permission(sid=f"List{content}", actions=("s3:ListBucket",), resources=[self.arn])
        self.list_versions = Permission(
            sid=f"ListVersionsOf{content}", actions=("s3:ListBucketVersions",), resources=[self.arn]
        )
        self.write = Permission(sid=f"Write{content}", actions=("s3:PutObject",), resources=[objects])

    def within(self, permission: Permission, *prefixes: str) -> Permission:
        """`permission` on this bucket's objects, narrowed to keys that start with one of `prefixes`."""
        return replace(
            permission, resources=[pulumi.Output.concat(self.arn, f"/{prefix}*") for prefix in prefixes]
        )


def _retention(args: BucketArgs) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
    """What is older expires as if it were deleted, and its version after OLD_VERSION_DAYS. Of the results the
    tombstones and the keys of passports stay: a rule for each pipeline's folder, none for all.
    """
    days = args.office.settings.retention.of(args.content)
    return [
        aws.s3.BucketLifecycleConfigurationRuleArgs(
            id=f"retention-{pipeline}",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=f"{pipeline}/"),
            # S3 also removes the delete markers that this leaves, when no version is behind them any more.
            expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
        )
        for pipeline in args.pipelines
        if days is not None
    ]


def _tls_only(name: str) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
