"""References: databases live in headquarters' bucket and replicate to every office's, whose file pins their
versions.

Headquarters' side is a role and the bucket's replication rules; an office's side is what its bucket's policy
lets that role do. S3 refuses a rule whose destination does not exist: apply a new office before headquarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.bucket import Bucket
from components.key import OfficeKey
from components.names import REPLICATION_ROLE, boundary_arn, bucket_name, key_alias, replication_role_arn
from components.office import Office
from components.options import child_of
from components.permission import Permission, inline_policy, root_of, trust_service_plainly
from components.tags import tags


def accept_from_headquarters(office: Office, headquarters: Office) -> list[dict[str, Any]]:
    """Statements of an office's bucket policy: headquarters' replication role may add references, nothing
    more.
    """
    if office.headquarters:
        return []
    bucket = f"arn:aws:s3:::{bucket_name(office.name, 'references', office.account)}"
    # S3 refuses a policy that names a role which does not exist yet; the account with a condition needs no
    # order.
    by_role = {
        "Principal": {"AWS": root_of(headquarters.account)},
        "Condition": {"ArnEquals": {"aws:PrincipalArn": replication_role_arn(headquarters.account)}},
    }
    return [
        {
            "Sid": "HeadquartersReplicatesObjects",
            "Effect": "Allow",
            "Action": [
                "s3:ReplicateObject",
                "s3:ReplicateDelete",
                "s3:ReplicateTags",
                "s3:ObjectOwnerOverrideToBucketOwner",
            ],
            "Resource": f"{bucket}/*",
            **by_role,
        },
        {
            "Sid": "HeadquartersSeesVersioning",
            "Effect": "Allow",
            "Action": ["s3:GetBucketVersioning", "s3:PutBucketVersioning"],
            "Resource": bucket,
            **by_role,
        },
    ]


@dataclass(frozen=True, kw_only=True)
class ReferencesReplicationArgs:
    headquarters: Office
    branches: Sequence[Office]
    bucket: Bucket
    key: OfficeKey


class ReferencesReplication(pulumi.ComponentResource):
    """One replication rule for each branch, from headquarters' references bucket."""

    def __init__(
        self, name: str, args: ReferencesReplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:headquarters:ReferencesReplication", name, None, opts)
        role = aws.iam.Role(
            name,
            name=REPLICATION_ROLE,
            permissions_boundary=boundary_arn(args.headquarters.name, args.headquarters.account),
            assume_role_policy=trust_service_plainly("s3.amazonaws.com"),
            tags=tags(args.headquarters.name, "references"),
            opts=child_of(self),
        )
        allowed = aws.iam.RolePolicy(
            f"{name}-policy",
            name="replicate-references",
            role=role.name,
            policy=inline_policy([*_source(args), *(p for b in args.branches for p in _destination(b))]),
            opts=child_of(role),
        )
        aws.s3.BucketReplicationConfig(
            f"{name}-rules",
            bucket=args.bucket.name,
            role=role.arn,
            rules=[_rule(branch, priority) for priority, branch in enumerate(args.branches, start=1)],
            opts=child_of(self, after=[args.bucket.versioning, allowed]),
        )
        self.register_outputs({"role_arn": role.arn})


def _source(args: ReferencesReplicationArgs) -> list[Permission]:
    return [
        Permission(
            sid="ReadRules",
            actions=("s3:GetReplicationConfiguration", "s3:ListBucket"),
            resources=[args.bucket.arn],
        ),
        Permission(
            sid="ReadReferencesForReplication",
            actions=(
                "s3:GetObjectVersionForReplication",
                "s3:GetObjectVersionAcl",
                "s3:GetObjectVersionTagging",
            ),
            resources=[pulumi.Output.concat(args.bucket.arn, "/*")],
        ),
        args.key.use,
    ]


def _destination(branch: Office) -> list[Permission]:
    bucket = f"arn:aws:s3:::{bucket_name(branch.name, 'references', branch.account)}"
    title = branch.name.capitalize()
    return [
        Permission(
            sid=f"ReplicateTo{title}",
            actions=(
                "s3:ReplicateObject",
                "s3:ReplicateDelete",
                "s3:ReplicateTags",
                "s3:ObjectOwnerOverrideToBucketOwner",
            ),
            resources=[f"{bucket}/*"],
        ),
        Permission(
            sid=f"EncryptIn{title}",
            actions=("kms:Encrypt", "kms:GenerateDataKey"),
            # The key's id is the branch's own matter; the conditions leave just the key of that bucket.
            resources=[f"arn:aws:kms:{branch.region}:{branch.account}:key/*"],
            conditions={
                "StringEquals": {"kms:ViaService": f"s3.{branch.region}.amazonaws.com"},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [bucket, f"{bucket}/*"]},
            },
        ),
    ]


def _rule(branch: Office, priority: int) -> aws.s3.BucketReplicationConfigRuleArgs:
    bucket = f"arn:aws:s3:::{bucket_name(branch.name, 'references', branch.account)}"
    return aws.s3.BucketReplicationConfigRuleArgs(
        id=f"to-{branch.name}",
        priority=priority,
        status="Enabled",
        filter=aws.s3.BucketReplicationConfigRuleFilterArgs(prefix=""),
        # A reference that headquarters deletes stays where a release still pins it.
        delete_marker_replication=aws.s3.BucketReplicationConfigRuleDeleteMarkerReplicationArgs(
            status="Disabled"
        ),
        source_selection_criteria=aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaArgs(
            sse_kms_encrypted_objects=(
                aws.s3.BucketReplicationConfigRuleSourceSelectionCriteriaSseKmsEncryptedObjectsArgs(
                    status="Enabled"
                )
            )
        ),
        destination=aws.s3.BucketReplicationConfigRuleDestinationArgs(
            account=branch.account,
            bucket=bucket,
            access_control_translation=(
                aws.s3.BucketReplicationConfigRuleDestinationAccessControlTranslationArgs(owner="Destination")
            ),
            encryption_configuration=(
                aws.s3.BucketReplicationConfigRuleDestinationEncryptionConfigurationArgs(
                    # S3 takes an alias's ARN as well as a key's; only the alias is known from here.
                    replica_kms_key_id=(
                        f"arn:aws:kms:{branch.region}:{branch.account}:{key_alias(branch.name)}"
                    )
                )
            ),
        ),
    )
