"""Deliveries in the ledger: one item each, changed only on condition that nothing else has changed it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from handlers.context import Context
from handlers.delivery_plan import CLOSED, Delivery, planned
from handlers.items import get, put, query, untyped
from handlers.keys import Sample
from handlers.ledger import OPEN_INDEX
from handlers.run import Run

OPEN = "open-deliveries"  # a partition of the index of its own, beside that of the open runs


def read(context: Context, delivery_id: str) -> Delivery | None:
    item = get(context, {"pk": f"delivery#{delivery_id}", "sk": "delivery"})
    return None if item is None else delivery_of(item)


def plan(context: Context, delivery: Delivery) -> bool:
    """Write a new delivery; False if it is there already."""
    return put(context, _whole(delivery), ConditionExpression="attribute_not_exists(pk)")


def plan_all(context: Context, run: Run) -> None:
    """Plan every delivery that the run is owed, before the run leaves the open ones.

    From then on the delivery stands among the open ones itself: if the event of the run's success is lost,
    the schedule finds it there.
    """
    for agreement in context.office.agreements:
        if agreement.covers(run.sample):
            plan(context, planned(agreement, run.run_id, run.sample, context.now))


def owed(context: Context, run: Run) -> bool:
    """Whether any partner is to get this run's results."""
    return any(agreement.covers(run.sample) for agreement in context.office.agreements)


def advance(context: Context, delivery: Delivery) -> bool:
    """Write `delivery`, one revision later than it was read. False if another was quicker."""
    return put(
        context,
        _whole(delivery),
        ConditionExpression="revision = :read",
        ExpressionAttributeValues={":read": {"N": str(delivery.revision - 1)}},
    )


def find_open(context: Context) -> Iterator[Delivery]:
    """Deliveries that are not closed, those longest unchanged first, a page at a time."""
    for item in query(context, OPEN_INDEX, "#open = :open", {":open": OPEN}, names={"#open": "open"}):
        yield delivery_of(untyped(item))


def links_until(context: Context, delivery_id: str) -> str:
    """Until when the links last made for a delivery are good; "" if none ever were."""
    item = get(context, _links_key(delivery_id))
    return "" if item is None else str(item["until"])


def note_links(context: Context, delivery_id: str, until: str, by: str) -> None:
    """Record that links were made, until when they are good, and by whom."""
    put(context, {**_links_key(delivery_id), "until": until, "by": by, "made": context.now})


def _links_key(delivery_id: str) -> dict[str, str]:
    return {"pk": f"links#{delivery_id}", "sk": "links"}


def latest_of(context: Context, partner: str, sample: Sample) -> str | None:
    """The delivery of this sample that the partner has now."""
    item = get(context, _latest_key(partner, sample))
    return None if item is None else str(item["delivery_id"])


def set_latest(context: Context, partner: str, sample: Sample, delivery_id: str, known: str | None) -> bool:
    """Point at the newest delivery. False if the pointer is no longer at `known`."""
    key = {**_latest_key(partner, sample), "delivery_id": delivery_id}
    if known is None:
        return put(context, key, ConditionExpression="attribute_not_exists(pk)")
    return put(
        context,
        key,
        ConditionExpression="delivery_id = :known",
        ExpressionAttributeValues={":known": {"S": known}},
    )


def _latest_key(partner: str, sample: Sample) -> dict[str, str]:
    return {"pk": f"delivered#{partner}/{sample.folder.rstrip('/')}", "sk": "latest"}


def _whole(delivery: Delivery) -> dict[str, Any]:
    opened = {} if delivery.state in CLOSED else {"open": OPEN}
    return {"pk": f"delivery#{delivery.delivery_id}", "sk": "delivery", **asdict(delivery), **opened}


def delivery_of(item: Mapping[str, Any]) -> Delivery:
    """A delivery from its item, with DynamoDB's types taken off."""
    kept = {name: item[name] for name in Delivery.__dataclass_fields__}
    return Delivery(**{**kept, **{name: int(kept[name]) for name in ("revision", "delivered_s", "tries")}})
