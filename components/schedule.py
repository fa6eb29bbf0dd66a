"""Schedules: a function that runs every so often, and is not started again for a time that was missed."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.function import HandlerFunction
from components.names import RULE_LIMIT, physical
from components.office import Office
from components.options import child_of
from components.tags import tags


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    office: Office
    part: str  # of the names: globalbi-<office>-<part>
    expression: str  # rate(…) or cron(…)
    description: str
    function: HandlerFunction


class Schedule(pulumi.ComponentResource):
    """An EventBridge rule that invokes a function."""

    def __init__(self, name: str, args: ScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Schedule", name, None, opts)
        rule = aws.cloudwatch.EventRule(
            name,
            name=physical(args.office.name, args.part, limit=RULE_LIMIT),
            description=args.description,
            schedule_expression=args.expression,
            tags=tags(args.office.name, args.part),
            opts=child_of(self),
        )
        allowed = aws.lambda_.Permission(
            f"{name}-may",
            statement_id="schedule",
            action="lambda:InvokeFunction",
            function=args.function.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=child_of(rule),
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-no-retries",
            function_name=args.function.name,
            # The next time is the retry; an old one need not be made up for.
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=300,
            opts=child_of(rule),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-function",
            rule=rule.name,
            target_id="function",
            arn=args.function.arn,
            opts=child_of(rule, after=[allowed]),
        )
        self.register_outputs({})
