"""Schedules: EventBridge's clock calls a function, and the next call is the retry."""

import pulumi
import pulumi_aws as aws

from components.function import HandlerFunction
from components.names import RULE_LIMIT, physical
from components.office import Office
from components.options import child_of
from components.tags import tags


def every(
    name: str,
    office: Office,
    *,
    part: str,
    expression: str,
    description: str,
    function: HandlerFunction,
    parent: pulumi.ComponentResource,
) -> None:
    """Call `function` at each `expression`, such as rate(5 minutes)."""
    rule = aws.cloudwatch.EventRule(
        f"{name}-schedule",
        name=physical(office.name, part, limit=RULE_LIMIT),
        description=description,
        schedule_expression=expression,
        tags=tags(office.name, part),
        opts=child_of(parent),
    )
    allowed = aws.lambda_.Permission(
        f"{name}-by-schedule",
        statement_id="schedule",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        opts=child_of(rule),
    )
    aws.lambda_.FunctionEventInvokeConfig(
        f"{name}-no-retries",
        function_name=function.name,
        # The next pass is the retry; an old one need not be made up for.
        maximum_retry_attempts=0,
        maximum_event_age_in_seconds=300,
        opts=child_of(rule),
    )
    aws.cloudwatch.EventTarget(
        f"{name}-function",
        rule=rule.name,
        target_id="function",
        arn=function.arn,
        opts=child_of(rule, after=[allowed]),
    )
