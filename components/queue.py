"""Queues: what stands between a source of events and a function, so that nothing is lost while the function
cannot.

Every queue has a dead-letter queue, an alarm on it, and an alarm on the age of its oldest message.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.alarms import DEAD_LETTERS, alarm, queue_late
from components.key import OfficeKey
from components.names import QUEUE_LIMIT, shortened
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission, policy
from components.tags import tags

# SQS keeps a message at most 14 days: time for people to look at a dead letter.
DEAD_LETTER_SECONDS = 14 * 24 * 3600
RETENTION_SECONDS = 4 * 24 * 3600
# A poll waits as long as SQS allows, so that an empty queue costs next to nothing.
LONG_POLL_SECONDS = 20
# One data key serves five minutes of messages.
DATA_KEY_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class DeadLetterQueueArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    rule_arns: Sequence[str] = ()  # EventBridge rules that put here what they cannot deliver


class DeadLetterQueue(pulumi.ComponentResource):
    """Where a message waits for a person, with an alarm on the first one."""

    def __init__(
        self, name: str, args: DeadLetterQueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:office:DeadLetterQueue", name, None, opts)
        self.queue = _queue(self, name, args.office, args.key, retention=DEAD_LETTER_SECONDS)
        self.arn, self.url, self.name = self.queue.arn, self.queue.url, self.queue.name
        _accept_from_rules(self.queue, name, args.rule_arns)
        alarm(
            f"{name}-not-empty",
            DEAD_LETTERS,
            office=args.office,
            notices=args.notices,
            parent=self,
            component="queue",
            of={"QueueName": self.queue.name},
        )
        self.register_outputs({"url": self.url})


@dataclass(frozen=True, kw_only=True)
class BufferedQueueArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    visibility_timeout_s: int
    max_receives: int = 5
    max_age_s: int = 900  # an older message than this alarms
    rule_arns: Sequence[str] = ()  # EventBridge rules that send here


class BufferedQueue(pulumi.ComponentResource):
    """A queue, its dead-letter queue and their alarms."""

    def __init__(
        self, name: str, args: BufferedQueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:office:BufferedQueue", name, None, opts)
        # A rule's own dead letters are the same events in the same form: they wait in the same place.
        self.dead_letters = DeadLetterQueue(
            f"{name}-dead-letters",
            DeadLetterQueueArgs(
                office=args.office, key=args.key, notices=args.notices, rule_arns=args.rule_arns
            ),
            opts=child_of(self),
        )
        queue = _queue(
            self,
            name,
            args.office,
            args.key,
            retention=RETENTION_SECONDS,
            visibility=args.visibility_timeout_s,
            redrive_policy=self.dead_letters.arn.apply(
                lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": args.max_receives})
            ),
        )
        self.arn, self.url, self.name = queue.arn, queue.url, queue.name
        _accept_from_rules(queue, name, args.rule_arns)
        aws.sqs.RedriveAllowPolicy(
            f"{name}-redrive",
            queue_url=self.dead_letters.url,
            redrive_allow_policy=queue.arn.apply(
                lambda arn: json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn]})
            ),
            opts=child_of(self.dead_letters),
        )
        alarm(
            f"{name}-late",
            queue_late(args.max_age_s),
            office=args.office,
            notices=args.notices,
            parent=self,
            component="queue",
            of={"QueueName": queue.name},
        )
        self.consume = Permission(
            sid="ConsumeQueue",
            # What Lambda's poller asks for, as in AWSLambdaSQSQueueExecutionRole.
            actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            resources=[queue.arn],
        )
        self.register_outputs({"url": self.url})


def _queue(
    parent: pulumi.Resource,
    name: str,
    office: Office,
    key: OfficeKey,
    *,
    retention: int,
    visibility: int = 30,
    redrive_policy: pulumi.Input[str] | None = None,
) -> aws.sqs.Queue:
    return aws.sqs.Queue(
        name,
        name=shortened(name, QUEUE_LIMIT),
        kms_master_key_id=key.arn,
        kms_data_key_reuse_period_seconds=DATA_KEY_SECONDS,
        message_retention_seconds=retention,
        visibility_timeout_seconds=visibility,
        receive_wait_time_seconds=LONG_POLL_SECONDS,
        redrive_policy=redrive_policy,
        tags=tags(office.name, "queue"),
        opts=child_of(parent),
    )


def _accept_from_rules(queue: aws.sqs.Queue, name: str, rule_arns: Sequence[str]) -> None:
    tls_only = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue.arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    from_rules = {
        "Sid": "EventsOfTheseRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(rule_arns)}},
    }
    aws.sqs.QueuePolicy(
        f"{name}-policy",
        queue_url=queue.url,
        policy=policy([tls_only, from_rules] if rule_arns else [tls_only]),
        opts=child_of(queue),
    )
