"""Census: each night the office tells headquarters which runs it has, and sends anew what may be lost."""

from dataclasses import dataclass

import pulumi

from components.function import HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.ledger import Ledger
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission
from components.schedule import Schedule, ScheduleArgs

# Every ten minutes of the first six hours (UTC): a ledger of any size is read over as many passes as it
# takes, and a pass after the last has nothing to do.
SCHEDULE = "cron(0/10 0-5 * * ? *)"
# Below the schedule's period, so that two passes do not overlap.
FUNCTION_TIMEOUT_S = 300


@dataclass(frozen=True, kw_only=True)
class CensusArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    ledger: Ledger
    tell: Permission


class Census(pulumi.ComponentResource):
    """Schedule → the function that reads the ledger and sends events. It can change no run."""

    def __init__(self, name: str, args: CensusArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Census", name, None, opts)
        self.function = HandlerFunction(
            name,
            HandlerFunctionArgs(
                office=args.office,
                key=args.key,
                notices=args.notices,
                handler="handlers.census.handler",
                purpose="Tells headquarters once a night which runs there are",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=[args.ledger.take_census, args.ledger.keep_notes, args.tell],
                environment={
                    "LEDGER": args.ledger.table_name,
                    "IDENTIFIERS": args.office.settings.identifiers,
                },
            ),
            opts=child_of(self),
        )
        Schedule(
            f"{name}-schedule",
            ScheduleArgs(
                office=args.office,
                part="census",
                expression=SCHEDULE,
                description="Time to tell headquarters which runs there are",
                function=self.function,
            ),
            opts=child_of(self),
        )
        self.register_outputs({})
