"""Routes: EventBridge rules that put matching events into a queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.names import rule_arn
from components.office import Office
from components.options import child_of
from components.queue import BufferedQueue
from components.tags import tags

# EventBridge's own limits: it tries for 24 hours, then the dead-letter queue takes the event.
PATIENCE = aws.cloudwatch.EventTargetRetryPolicyArgs(
    maximum_event_age_in_seconds=86_400, maximum_retry_attempts=185
)


@dataclass(frozen=True, kw_only=True)
class RouteArgs:
    office: Office
    rule: str  # its physical name
    description: str
    pattern: Mapping[str, Any]
    queue: BufferedQueue
    bus: pulumi.Input[str] | None = None  # the default bus when None


class Route(pulumi.ComponentResource):
    """One rule with one target. The queue must name the rule's ARN (`arn_of`) in its policy."""

    def __init__(self, name: str, args: RouteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Route", name, None, opts)
        rule = aws.cloudwatch.EventRule(
            name,
            name=args.rule,
            description=args.description,
            event_bus_name=args.bus,
            event_pattern=pulumi.Output.json_dumps(args.pattern),
            tags=tags(args.office.name, "route"),
            opts=child_of(self),
        )
        aws.cloudwatch.EventTarget(
            f"{name}-queue",
            rule=rule.name,
            event_bus_name=args.bus,
            target_id="queue",
            arn=args.queue.arn,
            retry_policy=PATIENCE,
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(
                arn=args.queue.dead_letters.arn
            ),
            opts=child_of(rule),
        )
        self.register_outputs({})


def arn_of(office: Office, rule: str, bus: str | None = None) -> str:
    return rule_arn(office.account, office.region, rule, bus)
