"""Delivery: the results that partners are owed go into their buckets.

The office's own event of a run's success brings a delivery about; a schedule takes up what stopped, was
refused, or waits for its receipt. The function may write into the partners' buckets that the office file
names, below their prefixes, and nowhere else outside the office.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.counts import alarm_on_counts
from components.events import Route, RouteArgs, arn_of
from components.function import VISIBILITY_FACTOR, HandlerFunction, HandlerFunctionArgs
from components.key import OfficeKey
from components.names import RULE_LIMIT, bucket_name, physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.partners import Partner, kept_for
from components.permission import Permission
from components.queue import BufferedQueue, BufferedQueueArgs
from components.schedule import Schedule, ScheduleArgs
from handlers.notify import DETAIL_TYPE, SOURCE
from handlers.run import SUCCEEDED

SCHEDULE = "rate(5 minutes)"
# One copy of 5 GB takes minutes.
FUNCTION_TIMEOUT_S = 300
MAX_RECEIVES = 10
MAX_CONCURRENCY = 2  # the schedule's pass runs beside it
# The function's counts that call a person, with how many periods of them in a row.
ALARMS: Mapping[str, tuple[int, str]] = {
    "DeliveriesRefused": (1, "A partner's bucket or key refuses a delivery: `fleet deliveries` says why."),
    "ReceiptsRefused": (1, "A partner refuses what it was delivered: `fleet deliveries` says why."),
    "LinksDue": (1, "A partner waits for links: `fleet deliveries` shows which, `fleet links` makes them."),
    "ReceiptsLate": (1, "A partner has not acknowledged a delivery in time: ask its contact."),
    # Throttling may hold up one delivery or another for a while.
    "DeliveriesStuck": (2, "Deliveries cannot be made, by no fault of the partner: read the function's log."),
}


@dataclass(frozen=True, kw_only=True)
class DeliveryArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    may: Sequence[Permission]  # on the office's own results and ledger
    environment: Mapping[str, pulumi.Input[str]]


class Delivery(pulumi.ComponentResource):
    """EventBridge rule → queue → the function that delivers; a schedule; alarms."""

    def __init__(self, name: str, args: DeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Delivery", name, None, opts)
        office = args.office
        rule = physical(office.name, "succeeded", limit=RULE_LIMIT)
        self.queue = BufferedQueue(
            f"{name}-queue",
            BufferedQueueArgs(
                office=office,
                key=args.key,
                notices=args.notices,
                visibility_timeout_s=VISIBILITY_FACTOR * FUNCTION_TIMEOUT_S,
                max_receives=MAX_RECEIVES,
                # A record that comes back waits for as long as it is invisible.
                max_age_s=2 * VISIBILITY_FACTOR * FUNCTION_TIMEOUT_S,
                rule_arns=[arn_of(office, rule)],
            ),
            opts=child_of(self),
        )
        self.function = HandlerFunction(
            name,
            HandlerFunctionArgs(
                office=office,
                key=args.key,
                notices=args.notices,
                handler="handlers.delivery.handler",
                purpose="Copies results into partners' buckets, and waits for their receipts",
                timeout_s=FUNCTION_TIMEOUT_S,
                may=(*args.may, *to_partners(office)),
                environment=args.environment,
                source=self.queue,
                max_concurrency=MAX_CONCURRENCY,
            ),
            opts=child_of(self),
        )
        Route(
            f"{name}-route",
            RouteArgs(
                office=office,
                rule=rule,
                description="Runs of this office that have succeeded",
                pattern={
                    "source": [SOURCE],
                    "detail-type": [DETAIL_TYPE],
                    "detail": {"state": [SUCCEEDED]},
                },
                queue=self.queue,
            ),
            opts=child_of(self),
        )
        Schedule(
            f"{name}-schedule",
            ScheduleArgs(
                office=office,
                part="delivery",
                expression=SCHEDULE,
                description="Time to look after deliveries",
                function=self.function,
            ),
            opts=child_of(self),
        )
        alarm_on_counts(name, ALARMS, office=office, notices=args.notices, service="delivery", parent=self)
        self.register_outputs({"queue_url": self.queue.url})


def to_partners(office: Office) -> list[Permission]:
    """What the function may do for partners that get deliveries: in their buckets, and for those without one
    in a folder of the results.
    """
    named = {each.partner for each in office.settings.deliveries}
    known = [(name, each) for name, each in sorted(office.settings.partners.items()) if name in named]
    may = [*_into_buckets(office, [each for _, each in known if not each.links])]
    if linked := [name for name, each in known if each.links]:
        results = f"arn:aws:s3:::{bucket_name(office.name, 'results', office.account)}"
        keep = Permission(
            sid="KeepForPartners",
            actions=("s3:PutObject",),
            resources=[f"{results}/{kept_for(name)}*" for name in linked],
        )
        may.append(keep)
    return may


def _into_buckets(office: Office, partners: Sequence[Partner]) -> list[Permission]:
    if not partners:
        return []
    keys = sorted({partner.key_arn for partner in partners if partner.key_arn})
    into = Permission(
        sid="DeliverToPartners",
        # HeadObject is GetObject, as is reading the receipt.
        # Of a file in parts one sees which are there, and removes those of a copy that is not to be.
        actions=("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"),
        resources=sorted({f"{_arn(partner)}/{partner.prefix}*" for partner in partners}),
    )
    # Without this, and the partner's consent, what is absent is answered with 403 instead of 404.
    absent = Permission(
        sid="SeeWhatPartnersLack",
        actions=("s3:ListBucket",),
        resources=sorted({_arn(partner) for partner in partners}),
    )
    encrypt = Permission(
        sid="EncryptForPartners",
        # Reading back what was written, and the receipt, asks for Decrypt.
        actions=("kms:GenerateDataKey", "kms:Decrypt"),
        resources=keys,
        conditions={"StringEquals": {"kms:ViaService": f"s3.{office.region}.amazonaws.com"}},
    )
    return [into, absent, encrypt] if keys else [into, absent]


def _arn(partner: Partner) -> str:
    return f"arn:aws:s3:::{partner.bucket}"
