"""Intake: an upload becomes a run.

The uploads bucket tells EventBridge of every new object. A queue keeps the event until the intake function
has claimed the run in the ledger and submitted its first attempt, or answered a wrong key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.bucket import Bucket
from components.events import Route, RouteArgs, arn_of
from components.function import VISIBILITY_FACTOR, HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.names import RULE_LIMIT, physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.queue import BufferedQueue, BufferedQueueArgs

FUNCTION_TIMEOUT_S = 60
# The allowance of 50 submissions a second is kept by `handlers/rate.py`, whoever submits. Twenty batches at
# once use it up (5,000 uploads in a minute are submitted in 127 s; with five it takes 312 s); more would only
# wait for it.
MAX_CONCURRENCY = 20
# A throttled message comes back; only what fails ten times is for a person.
MAX_RECEIVES = 10


@dataclass(frozen=True, kw_only=True)
class IntakeArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    uploads: Bucket
    may: Sequence[Permission]
    environment: Mapping[str, pulumi.Input[str]]


class Intake(pulumi.ComponentResource):
    """EventBridge rule → queue → the function that claims and submits."""

    def __init__(self, name: str, args: IntakeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Intake", name, None, opts)
        rule = physical(args.office.name, "uploads", limit=RULE_LIMIT)
        self.queue = BufferedQueue(
            f"{name}-queue",
            BufferedQueueArgs(
                office=args.office,
                key=args.key,
                notices=args.notices,
                visibility_timeout_s=VISIBILITY_FACTOR * FUNCTION_TIMEOUT_S,
                max_receives=MAX_RECEIVES,
                rule_arns=[arn_of(args.office, rule)],
            ),
            opts=child_of(self),
        )
        self.function = HandlerFunction(
            name,
            HandlerFunctionArgs(
                office=args.office,
                key=args.key,
                notices=args.notices,
                handler="handlers.intake.handler",
                purpose="Claims a run for each upload and submits its first attempt",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=args.may,
                environment=args.environment,
                source=self.queue,
                max_concurrency=MAX_CONCURRENCY,
            ),
            opts=child_of(self),
        )
        Route(
            f"{name}-route",
            RouteArgs(
                office=args.office,
                rule=rule,
                description="New objects of the uploads bucket",
                # All keys: a wrong one deserves an answer.
                pattern={
                    "source": ["aws.s3"],
                    "detail-type": ["Object Created"],
                    "detail": {"bucket": {"name": [args.uploads.physical_name]}},
                },
                queue=self.queue,
            ),
            opts=child_of(self),
        )
        self.register_outputs({"queue_url": self.queue.url})
