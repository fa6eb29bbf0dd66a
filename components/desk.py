"""Desk: what a branch is told unasked. Once a minute the pages of changed projects are made, and people hear
of runs that need them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.bucket import Bucket
from components.function import HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.ledger import Ledger
from components.notices import CHAT_PARAMETERS, Notices, NoticesArgs, ProjectNotices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.schedule import Schedule, ScheduleArgs
from handlers.page import NAME

SCHEDULE = "rate(1 minute)"
# Below the schedule's period, so that two passes do not overlap; what is left is still due at the next.
FUNCTION_TIMEOUT_S = 55
MEMORY_MIB = 512  # a project of 10,000 runs is held at once


@dataclass(frozen=True, kw_only=True)
class DeskArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    ledger: Ledger
    results: Bucket
    environment: Mapping[str, pulumi.Input[str]]


class Desk(pulumi.ComponentResource):
    """Schedule → the function that makes pages and sends notices, and the topic it sends to."""

    def __init__(self, name: str, args: DeskArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Desk", name, None, opts)
        office = args.office
        told = office.settings.notifications
        self.project_notices = ProjectNotices(
            f"{name}-notices", NoticesArgs(office=office, key_arn=args.key.arn), opts=child_of(self)
        )
        parameters = CHAT_PARAMETERS.format(office=office.name)
        self.function = HandlerFunction(
            name,
            HandlerFunctionArgs(
                office=office,
                key=args.key,
                notices=args.notices,
                handler="handlers.desk.handler",
                purpose="Makes the pages of changed projects, and sends notices to people",
                timeout_s=FUNCTION_TIMEOUT_S,
                memory_mib=MEMORY_MIB,
                may=self._may(args, parameters),
                environment={
                    **args.environment,
                    "NOTIFICATIONS": json.dumps(
                        {project: each.chat for project, each in sorted(told.items())}, separators=(",", ":")
                    ),
                    "NOTICES_TOPIC": self.project_notices.topic_arn,
                    "CONTACTS_TOPIC": args.notices.topic_arn,
                    "CHAT_PARAMETERS": parameters,
                },
            ),
            opts=child_of(self),
        )
        Schedule(
            f"{name}-schedule",
            ScheduleArgs(
                office=office,
                part="desk",
                expression=SCHEDULE,
                description="Time to tell the branch",
                function=self.function,
            ),
            opts=child_of(self),
        )
        self.register_outputs({})

    def _may(self, args: DeskArgs, parameters: str) -> Sequence[Permission]:
        office, ledger, results = args.office, args.ledger, args.results
        page = Permission(
            sid="WritePages",
            actions=("s3:GetObject", "s3:PutObject"),
            resources=[pulumi.Output.concat(results.arn, f"/*/*/{NAME}")],
        )
        send = Permission(
            sid="SendNotices",
            actions=("sns:Publish",),
            resources=[self.project_notices.topic_arn, args.notices.topic_arn],
        )
        may = [ledger.keep, ledger.find_open, ledger.find_due, ledger.read_projects]
        may += [page, results.list, send, args.key.publish]
        if any(each.chat for each in office.settings.notifications.values()):
            chats = Permission(
                sid="ReadWebhooks",
                actions=("ssm:GetParameter",),
                resources=[f"arn:aws:ssm:{office.region}:{office.account}:parameter{parameters}*"],
            )
            may += [chats, args.key.read_parameters]
        return may
