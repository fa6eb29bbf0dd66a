"""The ledger: the office's table of runs. Every change of a run is one conditional write."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pulumi
import pulumi_aws as aws

from components.key import OfficeKey
from components.names import physical
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.tags import tags
from handlers.ledger import INDEXES, PAGE_INDEX, PROJECTED
from handlers.outbox import INDEX as DUE_INDEX

PROJECTIONS: Mapping[str, Mapping[str, Any]] = {
    index: {"projection_type": "INCLUDE", "non_key_attributes": list(attributes)}
    if attributes
    else {"projection_type": "KEYS_ONLY"}
    for index, attributes in PROJECTED.items()
}


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
    """The table `globalbi-<office>-ledger` (pk, sk) and its indexes: runs that are open, the runs of
    a project, what is due.
    """

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
                for attribute in dict.fromkeys(("pk", "sk", *chain.from_iterable(INDEXES.values())))
            ],
            # Only runs that are not terminal carry `open`, and only what waits to be done carries `due`, so
            # those indexes stay as small as the work in hand.
            global_secondary_indexes=[
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name=index, key_schemas=index_key(*INDEXES[index]), **PROJECTIONS[index]
                )
                for index in INDEXES
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
            # A transaction asks for no more than its writes do.
            actions=("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
            resources=[table.arn],
        )
        self.find_open = Permission(
            sid="FindOpenRuns",
            actions=("dynamodb:Query",),
            resources=[pulumi.Output.concat(table.arn, "/index/by_state")],
        )
        self.find_due = Permission(
            sid="FindWhatIsDue",
            actions=("dynamodb:Query",),
            resources=[pulumi.Output.concat(table.arn, f"/index/{DUE_INDEX}")],
        )
        self.read_projects = Permission(
            sid="ReadRunsOfProjects",
            actions=("dynamodb:Query",),
            resources=[pulumi.Output.concat(table.arn, f"/index/{PAGE_INDEX}")],
        )
        # A cohort is claimed while its list is still the newest: the project is checked in the transaction.
        self.claim_projects = Permission(
            sid="ClaimProjectsAsTheyAre",
            actions=("dynamodb:ConditionCheckItem", "dynamodb:Query"),
            resources=[table.arn],
        )
        self.keep = Permission(
            sid="KeepWhatIsToldAndMade",
            actions=("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
            resources=[table.arn],
        )
        # The one who reads everything, once a night; it changes nothing but notes of the office.
        self.take_census = Permission(sid="ReadAllOnce", actions=("dynamodb:Scan",), resources=[table.arn])
        self.keep_notes = Permission(
            sid="KeepNotes",
            actions=("dynamodb:GetItem", "dynamodb:PutItem"),
            resources=[table.arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["note#*"]}},
        )
        # A job renews its lease and leaves its last words; what it may change its conditions say.
        self.lease = Permission(sid="HoldLease", actions=("dynamodb:UpdateItem",), resources=[table.arn])
        self.deliver = Permission(
            sid="FollowDeliveries", actions=("dynamodb:GetItem", "dynamodb:PutItem"), resources=[table.arn]
        )
        self.erase = Permission(
            sid="EraseItems",
            actions=("dynamodb:DeleteItem", "dynamodb:PutItem"),
            resources=[table.arn],
        )
        self.register_outputs({"table_name": self.table_name})
