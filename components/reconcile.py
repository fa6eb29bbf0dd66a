"""Reconcile: every five minutes uploads, ledger and AWS Batch are compared, and what fell between them is
mended.

Events are delivered at least once, but not for ever: EventBridge gives up after a day. This is what makes
"nothing is lost" true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.counts import alarm_on_counts
from components.function import HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.schedule import Schedule, ScheduleArgs

SCHEDULE = "rate(5 minutes)"
# Below the schedule's period, so that two passes do not overlap; a pass stops by itself and the next one goes
# on.
FUNCTION_TIMEOUT_S = 240
ALARMS: Mapping[str, tuple[int, str]] = {
    # One that a killed function left is made up for at the next pass.
    "PassportsMissing": (2, "Passports of results cannot be signed: read the log of reconcile."),
}


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
        Schedule(
            f"{name}-schedule",
            ScheduleArgs(
                office=args.office,
                part="reconcile",
                expression=SCHEDULE,
                description="Time to reconcile",
                function=self.function,
            ),
            opts=child_of(self),
        )
        alarm_on_counts(
            name, ALARMS, office=args.office, notices=args.notices, service="reconcile", parent=self
        )
        self.register_outputs({})
