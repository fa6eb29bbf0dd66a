"""Progress: a job's changes of state become the run's.

AWS Batch tells EventBridge of every change, and of a queue whose first job is stuck. The progress function
writes the ledger and `status.json`, submits the next attempt when there is one, starts follow-on pipelines,
and tells headquarters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.compute import Compute
from components.events import Route, RouteArgs, arn_of
from components.function import VISIBILITY_FACTOR, HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.names import RULE_LIMIT, physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.queue import BufferedQueue, BufferedQueueArgs
from handlers.job import UNTOLD

FUNCTION_TIMEOUT_S = 60
MAX_RECEIVES = 10


@dataclass(frozen=True, kw_only=True)
class ProgressArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    compute: Compute
    may: Sequence[Permission]
    environment: Mapping[str, pulumi.Input[str]]


class Progress(pulumi.ComponentResource):
    """EventBridge rule → queue → the function that follows."""

    def __init__(self, name: str, args: ProgressArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Progress", name, None, opts)
        rule = physical(args.office.name, "jobs", limit=RULE_LIMIT)
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
                handler="handlers.progress.handler",
                purpose="Follows each run's jobs, decides on next attempts, tells branch and headquarters",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=args.may,
                environment=args.environment,
                source=self.queue,
                max_concurrency=5,  # it submits next attempts: see intake
            ),
            opts=child_of(self),
        )
        Route(
            f"{name}-route",
            RouteArgs(
                office=args.office,
                rule=rule,
                description="State changes and blocked queues of the office's jobs",
                pattern={
                    "source": ["aws.batch"],
                    "detail-type": ["Batch Job State Change", "Batch Job Queue Blocked"],
                    "detail": {
                        "jobQueue": [args.compute.spot_queue_arn, args.compute.on_demand_queue_arn],
                        "status": [{"anything-but": list(UNTOLD)}],
                    },
                },
                queue=self.queue,
            ),
            opts=child_of(self),
        )
        self.register_outputs({"queue_url": self.queue.url})
