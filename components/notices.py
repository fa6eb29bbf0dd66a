"""Notices: the office's alarms and budget warnings reach its contacts by e-mail, and the people of a project
hear of its runs that need them.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.names import physical
from components.office import Office
from components.options import child_of
from components.permission import policy
from components.tags import tags

# Where the addresses of chats' webhooks are kept: each is put there by hand, encrypted.
CHAT_PARAMETERS = "/globalbi/{office}/chat/"


@dataclass(frozen=True, kw_only=True)
class NoticesArgs:
    office: Office
    key_arn: pulumi.Input[str]


def _topic(
    name: str, args: NoticesArgs, part: str, statement: Mapping[str, Any], parent: pulumi.Resource
) -> aws.sns.Topic:
    """An encrypted topic; `statement` says who may publish to it, or must not."""
    topic = aws.sns.Topic(
        name,
        name=physical(args.office.name, part),
        kms_master_key_id=args.key_arn,
        tags=tags(args.office.name, "notices"),
        opts=child_of(parent),
    )
    aws.sns.TopicPolicy(
        f"{name}-policy",
        arn=topic.arn,
        policy=policy([{**statement, "Action": "sns:Publish", "Resource": topic.arn}]),
        opts=child_of(topic),
    )
    return topic


class ProjectNotices(pulumi.ComponentResource):
    """A topic for the people of projects. A subscription lets through what is sent to its entries of
    `globalbi:notifications` alone.
    """

    def __init__(self, name: str, args: NoticesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:ProjectNotices", name, None, opts)
        office = args.office
        topic = _topic(
            name,
            args,
            "project-notices",
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            self,
        )
        self.topic_arn = topic.arn
        # SNS has one subscription of an address to a topic, so all its entries are in one filter.
        entries: dict[str, list[str]] = defaultdict(list)
        for project, each in office.settings.notifications.items():
            for email in each.emails:
                entries[email].append(project)
        for email, projects in sorted(entries.items()):
            aws.sns.TopicSubscription(
                f"{name}-{email}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                filter_policy=json.dumps({"to": sorted(set(projects))}, ensure_ascii=False),
                opts=child_of(topic),
            )
        self.register_outputs({"topic_arn": self.topic_arn})


class Notices(pulumi.ComponentResource):
    """An encrypted topic with one e-mail subscription for each contact, who confirms it once, and the
    office's budget.
    """

    def __init__(self, name: str, args: NoticesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Notices", name, None, opts)
        office = args.office
        topic = _topic(
            name,
            args,
            "notices",
            {
                "Sid": "AlarmsOfThisAccount",
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": office.account}},
            },
            self,
        )
        self.topic_arn = topic.arn
        self.alarm_arns: list[pulumi.Output[str]] = []  # of all that publish here (`components.alarms`)
        for index, contact in enumerate(office.settings.contacts):
            aws.sns.TopicSubscription(
                f"{name}-{index}", topic=topic.arn, protocol="email", endpoint=contact, opts=child_of(topic)
            )
        aws.budgets.Budget(
            f"{name}-budget",
            name=physical(office.name, "monthly", limit=100),
            budget_type="COST",
            limit_amount=str(office.settings.budget.monthly_usd),
            limit_unit="USD",
            time_unit="MONTHLY",
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(office.settings.contacts),
                )
                for kind, percent in (("ACTUAL", 80.0), ("ACTUAL", 100.0), ("FORECASTED", 100.0))
            ],
            tags=tags(office.name, "notices"),
            opts=child_of(self),
        )
        self.register_outputs({"topic_arn": self.topic_arn})
