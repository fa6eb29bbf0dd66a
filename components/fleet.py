"""Fleet: all offices seen from headquarters.

Every office forwards "Run State Changed" from its own bus to headquarters' (`Forwarding`); there a queue and
a function keep the table of all runs (`FleetHome`). Only metadata travels, and at an office's wish without
names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.alarms import CENSUS_MISSING, RUNS_DIFFER, alarm
from components.events import PATIENCE, Route, RouteArgs, arn_of
from components.function import VISIBILITY_FACTOR, HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.ledger import index_key
from components.names import FLEET, RULE_LIMIT, boundary_arn, fleet_bus_arn, physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission, inline_policy, policy, root_of, trust_service
from components.queue import BufferedQueue, BufferedQueueArgs, DeadLetterQueue, DeadLetterQueueArgs
from components.tags import tags
from handlers.census import COUNT, PART
from handlers.metrics import DIMENSION
from handlers.notify import DETAIL_TYPE, SOURCE

FUNCTION_TIMEOUT_S = 30
# What offices send to headquarters.
DETAIL_TYPES = (DETAIL_TYPE, PART, COUNT)
INDEXES = ("by_sample", "by_state", "by_project", "by_office", "by_release")


@dataclass(frozen=True, kw_only=True)
class ForwardingArgs:
    office: Office
    headquarters: Office
    key: OfficeKey
    notices: Notices


class Forwarding(pulumi.ComponentResource):
    """An office's rule that sends its runs' states to headquarters' bus, with a dead-letter queue of its
    own.
    """

    def __init__(self, name: str, args: ForwardingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Forwarding", name, None, opts)
        office, headquarters = args.office, args.headquarters
        bus = fleet_bus_arn(headquarters.account, headquarters.region)
        labels = tags(office.name, "forwarding")
        rule_name = physical(office.name, "to-headquarters", limit=RULE_LIMIT)
        self.dead_letters = DeadLetterQueue(
            f"{name}-dead-letters",
            DeadLetterQueueArgs(
                office=office, key=args.key, notices=args.notices, rule_arns=[arn_of(office, rule_name)]
            ),
            opts=child_of(self),
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=physical(office.name, "to-headquarters"),
            permissions_boundary=boundary_arn(office.name, office.account),
            assume_role_policy=trust_service("events.amazonaws.com", office.account),
            tags=labels,
            opts=child_of(self),
        )
        aws.iam.RolePolicy(
            f"{name}-may",
            name="send",
            role=role.name,
            policy=inline_policy(
                [Permission(sid="SendToHeadquarters", actions=("events:PutEvents",), resources=[bus])]
            ),
            opts=child_of(role),
        )
        rule = aws.cloudwatch.EventRule(
            name,
            name=rule_name,
            description="States of this office's runs, for headquarters",
            event_pattern=pulumi.Output.json_dumps({"source": [SOURCE], "detail-type": list(DETAIL_TYPES)}),
            tags=labels,
            opts=child_of(self),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-bus",
            rule=rule.name,
            target_id="headquarters",
            arn=bus,
            role_arn=role.arn,
            retry_policy=PATIENCE,
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=self.dead_letters.arn),
            opts=child_of(rule),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class FleetHomeArgs:
    headquarters: Office
    offices: Sequence[Office]
    key: OfficeKey
    notices: Notices


class FleetHome(pulumi.ComponentResource):
    """Headquarters' bus, queue, function and table of all runs."""

    def __init__(self, name: str, args: FleetHomeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:headquarters:FleetHome", name, None, opts)
        hq = args.headquarters
        bus = self._bus(name, args)
        table = self._table(name, args)
        rule = FLEET
        self.queue = BufferedQueue(
            f"{FLEET}-queue",
            BufferedQueueArgs(
                office=hq,
                key=args.key,
                notices=args.notices,
                visibility_timeout_s=VISIBILITY_FACTOR * FUNCTION_TIMEOUT_S,
                rule_arns=[arn_of(hq, rule, FLEET)],
            ),
            opts=child_of(self),
        )
        self.function = HandlerFunction(
            physical(hq.name, "fleet"),
            HandlerFunctionArgs(
                office=hq,
                key=args.key,
                notices=args.notices,
                handler="handlers.fleet.handler",
                purpose="Keeps the table of all offices' runs",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=[
                    Permission(
                        sid="KeepFleetTable",
                        actions=("dynamodb:PutItem",),
                        resources=[table.arn],
                    ),
                    Permission(
                        sid="CompareWithOffices",
                        actions=("dynamodb:BatchGetItem", "dynamodb:Query"),
                        resources=[table.arn],
                    ),
                ],
                environment={"FLEET_TABLE": table.name},
                source=self.queue,
            ),
            opts=child_of(self),
        )
        Route(
            f"{name}-route",
            RouteArgs(
                office=hq,
                rule=rule,
                description="States of the runs of all offices",
                pattern={
                    "source": [SOURCE],
                    "detail-type": list(DETAIL_TYPES),
                    "account": sorted(office.account for office in args.offices),
                },
                queue=self.queue,
                bus=bus.name,
            ),
            opts=child_of(self),
        )
        for office in args.offices:
            self._alarms(name, args, office)
        self.bus_arn, self.table_name = bus.arn, table.name
        self.register_outputs({"bus_arn": self.bus_arn, "table_name": self.table_name})

    def _bus(self, name: str, args: FleetHomeArgs) -> aws.cloudwatch.EventBus:
        bus = aws.cloudwatch.EventBus(
            f"{name}-bus",
            name=FLEET,
            description="States of the runs of all offices",
            tags=tags(args.headquarters.name, "fleet"),
            opts=child_of(self),
        )
        aws.cloudwatch.EventBusPolicy(
            f"{name}-bus-policy",
            event_bus_name=bus.name,
            policy=policy(
                [
                    {
                        "Sid": "OfficesSendTheirRunsStates",
                        "Effect": "Allow",
                        "Principal": {"AWS": sorted(root_of(office.account) for office in args.offices)},
                        "Action": "events:PutEvents",
                        "Resource": bus.arn,
                    }
                ]
            ),
            opts=child_of(bus),
        )
        return bus

    def _alarms(self, name: str, args: FleetHomeArgs, office: Office) -> None:
        """On what an office's nightly census says, and on its absence."""
        for rule in (RUNS_DIFFER, CENSUS_MISSING):
            alarm(
                f"{name}-{office.name}-{rule.name}",
                rule,
                office=args.headquarters,
                notices=args.notices,
                parent=self,
                component="fleet",
                of={DIMENSION: office.name},
            )

    def _table(self, name: str, args: FleetHomeArgs) -> aws.dynamodb.Table:
        return aws.dynamodb.Table(
            f"{name}-table",
            name=FLEET,
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[
                aws.dynamodb.TableAttributeArgs(name=attribute, type="S")
                for attribute in ("pk", "sk", *INDEXES, "updated")
            ],
            # Each index's key attribute is called as the index is.
            global_secondary_indexes=[
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name=index, key_schemas=index_key(index, "updated"), projection_type="ALL"
                )
                for index in INDEXES
            ],
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(
                enabled=True, kms_key_arn=args.key.arn
            ),
            deletion_protection_enabled=True,
            tags=tags(args.headquarters.name, "fleet"),
            opts=child_of(self, keep=True),
        )
