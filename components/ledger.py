"""The ledger: the office's table of runs. Every change of a run is one conditional write."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.key import OfficeKey
from components.names import physical
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.tags import tags


def index_key(partition: str, sort: str) -> list[aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs]:
    """The key of a global secondary index."""
    return [
        aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=partition, key_type="HASH"),
        aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(attribute_name=sort, key_type="RANGE"),
    ]


@dataclass(frozen=True, kw_only=True)
class LedgerArgs:
    office: Office
    key: OfficeKey


class Ledger(pulumi.ComponentResource):
    """The table `globalbi-<office>-ledger` (pk, sk) and its index of runs that are not yet at their end."""

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Ledger", name, None, opts)
        table = aws.dynamodb.Table(
            name,
            name=physical(args.office.name, "ledger"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[
                aws.dynamodb.TableAttributeArgs(name=attribute, type="S")
                for attribute in ("pk", "sk", "open", "updated")
            ],
            global_secondary_indexes=[
                # Only runs that are not terminal carry `open`, so the index stays as small as the work in
                # hand.
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name="by_state", key_schemas=index_key("open", "updated"), projection_type="ALL"
                )
            ],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(
                enabled=True, kms_key_arn=args.key.arn
            ),
            deletion_protection_enabled=True,
            tags=tags(args.office.name, "ledger"),
            opts=child_of(self, keep=True),
        )
        self.table_name, self.arn = table.name, table.arn
        self.claim = Permission(
            sid="ClaimAndFollowRuns",
            actions=(
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:ConditionCheckItem",  # within a transaction
                "dynamodb:Query",
            ),
            resources=[table.arn],
        )
        self.find_open = Permission(
            sid="FindOpenRuns",
            actions=("dynamodb:Query",),
            resources=[pulumi.Output.concat(table.arn, "/index/by_state")],
        )
        # A job renews its lease and leaves its last words; what it may change its conditions say.
        self.lease = Permission(sid="HoldLease", actions=("dynamodb:UpdateItem",), resources=[table.arn])
        self.deliver = Permission(
            sid="FollowDeliveries", actions=("dynamodb:GetItem", "dynamodb:PutItem"), resources=[table.arn]
        )
        self.register_outputs({"table_name": self.table_name})
