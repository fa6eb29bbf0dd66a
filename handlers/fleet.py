"""HQ's table of all offices' runs, kept from the events they send.

Events come at least once and in any order: a row is replaced only by a later revision of the same run, and
only from the account that sent its first.
"""

import functools
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config
from botocore.exceptions import ClientError

from handlers import fleet_census
from handlers.census import COUNT, PART
from handlers.context import iso
from handlers.log import logger
from handlers.metrics import publish
from handlers.notify import DETAIL_TYPE, SOURCE
from handlers.records import each_record

_serializer = TypeSerializer()


@dataclass(frozen=True, kw_only=True)
class FleetContext:
    """HQ's table, a client for it, and the invocation's time. `clock` and `deadline` are epoch seconds."""

    table: str
    dynamodb: Any
    clock: Callable[[], float] = time.time
    deadline: float = float("inf")
    counts: Counter[str] = field(default_factory=Counter)
    # What a census found, by office: for alarms.
    of_offices: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def time_left(self) -> float:
        return self.deadline - self.clock()


def row_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The table's row for an event of an office; `ValueError` or `KeyError` if it is none."""
    if event["source"] != SOURCE or event["detail-type"] != DETAIL_TYPE:
        raise ValueError(f"not an event of an office: {event['source']} {event['detail-type']}")
    detail = event["detail"]
    where = f"{detail['pipeline']}/{detail['project']}/{detail['sample']}"
    return {
        **detail,
        "pk": f"office#{detail['office']}",
        "sk": f"run#{detail['run_id']}",
        "account": event["account"],
        "region": event["region"],
        # The keys of the table's indexes; each is sorted by `updated`.
        "by_sample": f"sample#{where}",
        "by_state": f"state#{detail['state']}",
        "by_project": f"project#{detail['project']}",
        "by_office": f"office#{detail['office']}",
        "by_release": f"release#{detail['release_digest']}",
    }


def keep(context: FleetContext, row: Mapping[str, Any], *, or_same: bool = False) -> bool:
    """Put the row unless this or a later revision is there; False if it is.

    `or_same`: the row of this very revision is replaced too, for whoever has found it wrong.
    """
    try:
        context.dynamodb.put_item(**put_of(context, row, or_same=or_same))
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def put_of(context: FleetContext, row: Mapping[str, Any], *, or_same: bool) -> dict[str, Any]:
    """The conditional write of a row, as PutItem and a transaction's Put take it."""
    known = "revision <= :revision" if or_same else "revision < :revision"
    return {
        "TableName": context.table,
        "Item": {name: _serializer.serialize(value) for name, value in row.items()},
        "ConditionExpression": f"attribute_not_exists(pk) OR ({known} AND account = :account)",
        "ExpressionAttributeValues": {
            ":revision": {"N": str(row["revision"])},
            ":account": {"S": row["account"]},
        },
    }


def handle(event: Mapping[str, Any], context: FleetContext) -> dict[str, Any]:
    """A batch of SQS records, each with an event that an office sent."""
    return each_record(event, context, _one)


def _one(event: Mapping[str, Any], context: FleetContext) -> None:
    if event["source"] == SOURCE and event["detail-type"] in (PART, COUNT):
        fleet_census.take(context, event)
        return
    # When headquarters learnt of it: with `updated`, how far an office's events lag behind.
    row = {**row_of(event), "arrived": iso(context.clock())}
    kept = keep(context, row)
    context.counts["RowsKept" if kept else "RowsOlder"] += 1
    logger.info(
        "kept" if kept else "older than what is known", run_id=row["run_id"], revision=row["revision"]
    )


@functools.cache
def _context() -> FleetContext:
    config = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=3, read_timeout=10)
    return FleetContext(table=os.environ["FLEET_TABLE"], dynamodb=boto3.client("dynamodb", config=config))


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    context = _context()
    left = lambda_context.get_remaining_time_in_millis() / 1000 if lambda_context is not None else 60.0
    context = replace(
        context, deadline=context.clock() + left, counts=Counter(), of_offices=defaultdict(Counter)
    )
    try:
        return handle(event, context)
    finally:
        for office, counts in context.of_offices.items():
            publish(office, counts, context.clock())
