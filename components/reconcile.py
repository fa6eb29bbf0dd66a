"""Reconcile: every five minutes uploads, ledger and AWS Batch are compared, and what fell between them is
mended.

Events are delivered at least once, but not for ever: EventBridge gives up after a day. This is what makes
"nothing is lost" true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.function import HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.names import RULE_LIMIT, physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.tags import tags

SCHEDULE = "rate(5 minutes)"
# Below the schedule's period, so that two passes do not overlap; a pass stops by itself and the next one goes
# on.
FUNCTION_TIMEOUT_S = 240


@dataclass(frozen=True, kw_only=True)
class ReconcileArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    may: Sequence[Permission]
    environment: Mapping[str, pulumi.Input[str]]


class Reconcile(pulumi.ComponentResource):
    """Schedule → the function that mends."""

    def __init__(self, name: str, args: ReconcileArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Reconcile", name, None, opts)
        self.function = HandlerFunction(
            name,
            HandlerFunctionArgs(
                office=args.office,
                key=args.key,
                notices=args.notices,
                handler="handlers.reconcile.handler",
                purpose="Compares uploads, ledger and AWS Batch, and mends what fell between",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=args.may,
                environment=args.environment,
            ),
            opts=child_of(self),
        )
        rule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            name=physical(args.office.name, "reconcile", limit=RULE_LIMIT),
            description="Time to reconcile",
            schedule_expression=SCHEDULE,
            tags=tags(args.office.name, "reconcile"),
            opts=child_of(self),
        )
        allowed = aws.lambda_.Permission(
            f"{name}-by-schedule",
            statement_id="schedule",
            action="lambda:InvokeFunction",
            function=self.function.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=child_of(rule),
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-no-retries",
            function_name=self.function.name,
            # The next pass is the retry; an old one need not be made up for.
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=300,
            opts=child_of(rule),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-function",
            rule=rule.name,
            target_id="function",
            arn=self.function.arn,
            opts=child_of(rule, after=[allowed]),
        )
        self.register_outputs({})
