"""Delivery: a succeeded run's results go to the partners that are owed them.

planned → copying → delivered → acknowledged | refused | superseded. Every step may be done again: the id is
derived, files that are there are not copied again, the manifest is put last and only if absent. So a partner
sees a delivery complete or not at all, and once. Of a sample that is erased it is told: erasing → erased.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handlers import delivery_copy as partner_bucket
from handlers import delivery_ledger, ledger
from handlers.agreement import Agreement
from handlers.context import LEAST_S_FOR_A_RECORD, Clients, Context, clients_of, epoch, office_of
from handlers.delivery_parts import Unfinished
from handlers.delivery_plan import (
    ACKNOWLEDGED,
    CLOSED,
    COPYING,
    DELIVERED,
    ERASED,
    ERASING,
    PARTNER,
    REFUSED,
    SUPERSEDED,
    THROTTLING,
    Delivery,
    OwnSide,
    Unfit,
    accepted,
    class_of,
    delivery_id_of,
    due,
    later,
    manifest_of,
    planned,
)
from handlers.log import about, logger, one_by_one
from handlers.metrics import publish_counts
from handlers.records import each_record
from handlers.run import SUCCEEDED, Run

# S3 answers a copy when it is done: of 5 GB, that may be minutes. The function's time-out is 300 s.
READ_TIMEOUT_S = 200
_UNHURRIED = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=READ_TIMEOUT_S
)


def handle(event: Mapping[str, Any], context: Context, agreements: Sequence[Agreement]) -> dict[str, Any]:
    """A batch of "Run State Changed" events from the queue."""

    def one(body: Mapping[str, Any], context: Context) -> None:
        if body["detail"]["state"] == SUCCEEDED:
            deliver_run(context, agreements, body["detail"]["run_id"])

    return each_record(event, context, one)


def deliver_run(context: Context, agreements: Sequence[Agreement], run_id: str) -> None:
    """Deliver a run to everyone it is owed; one partner's refusal does not hold up another."""
    about(run_id)
    run = ledger.read_run(context, run_id)
    if run is None or run.state != SUCCEEDED:
        return
    passing: list[Exception] = []
    for agreement in agreements:
        if agreement.covers(run.sample):
            try:
                _deliver(context, agreement, run)
            except (ClientError, BotoCoreError, ledger.Contended, OwnSide) as error:
                passing.append(error)
    if passing:
        raise passing[0]


def sweep(context: Context, agreements: Sequence[Agreement]) -> None:
    """The schedule's pass: what stopped goes on, what was refused is tried again, receipts are looked for.

    What is refused, late or stuck is counted at each pass, so that an alarm lasts as long as its cause.
    """
    delivered: list[Delivery] = []
    others: list[Delivery] = []
    for delivery in delivery_ledger.find_open(context):
        (delivered if delivery.state == DELIVERED else others).append(delivery)
    # A pass may not come to the end of thousands: let each come first some time.
    context.chance.shuffle(delivered)
    for delivery in (*others, *delivered):
        if context.time_left() < LEAST_S_FOR_A_RECORD:
            return  # the next pass goes on
        agreement = _agreement_of(agreements, delivery)
        if agreement is None:
            continue  # the office file no longer has it
        with one_by_one():
            about(delivery.run_id)
            try:
                _take_up(context, agreement, delivery)
            except Exception as error:  # this delivery's alone: the others must not wait for it
                context.counts["DeliveriesStuck"] += 1
                logger.warning("a delivery waits", delivery=delivery.delivery_id, reason=repr(error))


def _take_up(context: Context, agreement: Agreement, delivery: Delivery) -> None:
    if delivery.state == ERASING:
        partner_bucket.put_erasure(context, agreement, delivery.delivery_id, context.now)
        _move(context, delivery, ERASED)
    elif delivery.state == DELIVERED:
        late = context.clock() - delivery.delivered_s > agreement.receipt_within_s
        if _close(context, agreement, delivery):
            return
        if late:
            context.counts["ReceiptsLate"] += 1
        if agreement.links and delivery_ledger.links_until(context, delivery.delivery_id) < context.now:
            context.counts["LinksDue"] += 1
    elif due(delivery, context.clock() - epoch(delivery.updated)):
        deliver_run(context, [agreement], delivery.run_id)  # counts a refusal itself
    elif delivery.state == REFUSED:
        context.counts["ReceiptsRefused" if delivery.failure == PARTNER else "DeliveriesRefused"] += 1


def _agreement_of(agreements: Sequence[Agreement], delivery: Delivery) -> Agreement | None:
    for each in agreements:
        # Agreements with one partner on several projects give a run the same id. Of what is erased the
        # project is not known any more, and any of them leads to the same place.
        if (delivery.state == ERASING or each.covers(delivery.place)) and delivery_id_of(
            each, delivery.run_id
        ) == delivery.delivery_id:
            return each
    return None


def _deliver(context: Context, agreement: Agreement, run: Run) -> None:
    delivery = _planned(context, agreement, run)
    if delivery.state in (*CLOSED, DELIVERED) or delivery.failure == PARTNER:
        return
    if delivery.state != COPYING:
        delivery = _move(context, delivery, COPYING, reason="", failure="")
    try:
        if newer := _newer(context, agreement, run):
            # What was sent before the newer one came may be whole: its reader must know.
            partner_bucket.put_notice(context, agreement, delivery.delivery_id, newer)
            partner_bucket.give_up(
                context, agreement, delivery.delivery_id, _files_or_none(context, agreement, run)
            )
            _move(context, delivery, SUPERSEDED, reason=f"{newer} replaces it")
            return
        files = partner_bucket.owed(context, agreement, run)
        partner_bucket.copy_files(context, agreement, delivery.delivery_id, run, files)
        body = manifest_of(run, delivery.delivery_id, agreement.partner, files)
        digest = partner_bucket.put_manifest(context, agreement, delivery.delivery_id, body)
        _supersede(context, agreement, delivery, run)
    except Unfinished as error:
        context.counts["DeliveriesContinued"] += 1
        logger.info("a delivery goes on", delivery=delivery.delivery_id, reason=str(error))
        return  # copying, and due at the schedule's next pass
    except (ClientError, BotoCoreError, Unfit) as error:
        failure = class_of(error)
        if failure == THROTTLING:
            raise  # the queue brings it back
        context.counts["DeliveriesRefused"] += 1
        _move(
            context,
            delivery,
            REFUSED,
            reason=str(error)[:500],
            failure=failure,
            tries=delivery.tries + 1,
        )
        return
    _move(context, delivery, DELIVERED, manifest_sha256=digest, delivered_s=int(context.clock()))


def _files_or_none(context: Context, agreement: Agreement, run: Run) -> list[Mapping[str, Any]]:
    """None of them, if the run's results can no longer be delivered."""
    try:
        return partner_bucket.owed(context, agreement, run)
    except (OwnSide, Unfit):
        return []


def _planned(context: Context, agreement: Agreement, run: Run) -> Delivery:
    first = planned(agreement, run.run_id, run.sample, context.now)
    known = delivery_ledger.read(context, first.delivery_id)
    if known is None and not delivery_ledger.plan(context, first):
        known = delivery_ledger.read(context, first.delivery_id)
    return known or first


def _newer(context: Context, agreement: Agreement, run: Run) -> str | None:
    """The delivery of a later run of this sample that the partner has already."""
    latest = delivery_ledger.latest_of(context, agreement.partner, run.sample)
    known = latest and delivery_ledger.read(context, latest)
    other = known and ledger.read_run(context, known.run_id)
    return latest if other and later(other, run) else None


def _supersede(context: Context, agreement: Agreement, delivery: Delivery, run: Run) -> None:
    """Tell the partner, then the ledger, that this delivery replaces the sample's earlier one."""
    known = delivery_ledger.latest_of(context, agreement.partner, run.sample)
    if known == delivery.delivery_id:
        return
    if _newer(context, agreement, run):
        raise ledger.Contended(f"a later run went to {agreement.partner} meanwhile")
    if known is not None:
        partner_bucket.put_notice(context, agreement, known, delivery.delivery_id)
        earlier = delivery_ledger.read(context, known)
        if earlier is not None and earlier.state != SUPERSEDED:
            _move(context, earlier, SUPERSEDED, reason=f"{delivery.delivery_id} replaces it")
    if not delivery_ledger.set_latest(context, agreement.partner, run.sample, delivery.delivery_id, known):
        raise ledger.Contended(f"the latest delivery to {agreement.partner} has changed")


def _close(context: Context, agreement: Agreement, delivery: Delivery) -> bool:
    """Close a delivery by its receipt; False while there is none."""
    if agreement.receipt == "heads":
        run = ledger.read_run(context, delivery.run_id)
        files = partner_bucket.owed(context, agreement, run) if run else []
        there = (partner_bucket.is_there(context, agreement, delivery.delivery_id, each) for each in files)
        if not files or not all(there):
            return False
        _move(context, delivery, ACKNOWLEDGED, reason="every object's head is right")
        return True
    body = partner_bucket.read_receipt(context, agreement, delivery.delivery_id)
    if body is None:
        return False
    right, words = accepted(body, delivery)
    if right:
        _move(context, delivery, ACKNOWLEDGED)
    else:
        context.counts["ReceiptsRefused"] += 1
        _move(context, delivery, REFUSED, reason=words, failure=PARTNER)
    return True


def _move(context: Context, delivery: Delivery, state: str, **changes: Any) -> Delivery:
    moved = delivery.moved(state, context.now, **changes)
    if not delivery_ledger.advance(context, moved):
        raise ledger.Contended(f"delivery {delivery.delivery_id} has changed since it was read")
    logger.info(
        "delivery",
        delivery=moved.delivery_id,
        partner=moved.partner,
        run_id=moved.run_id,
        state=state,
        reason=moved.reason,
        manifest_sha256=moved.manifest_sha256,
    )
    return moved


def unhurried_clients(session: Any) -> Clients:
    """The clients of a function, with an S3 client that waits for large copies."""
    return replace(clients_of(session), s3=session.client("s3", config=_UNHURRIED))


@functools.cache
def _own_context() -> Context:
    """The context of this Lambda environment."""
    return Context(office=office_of(os.environ), clients=unhurried_clients(boto3.session.Session()))


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point: a batch from the queue, or the schedule's event, which says nothing."""
    context = _own_context().until(lambda_context)
    agreements = context.office.agreements
    try:
        if "Records" in event:
            return handle(event, context, agreements)
        sweep(context, agreements)
        return dict(context.counts)
    finally:
        publish_counts(context)
