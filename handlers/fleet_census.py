"""Headquarters' side of the census: its rows beside what an office says that it has.

Each part of a census is compared by itself, whatever the order of their coming: the rows that it names are
read by their keys. What came of it is kept beside the rows, and summed up when the whole night is there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from handlers.census import AHEAD, PART, SLICES, UNKNOWN, digest, kind_of
from handlers.context import iso
from handlers.items import natural, typed
from handlers.log import logger

if TYPE_CHECKING:
    from handlers.fleet import FleetContext

# What a row has beside what its event said.
OWN = frozenset(
    {"pk", "sk", "account", "region", "arrived"}
    | {"by_sample", "by_state", "by_project", "by_office", "by_release"}
)
NIGHT = "night"  # the sort key of a whole census' outcome
AT_ONCE = 100  # AWS: keys of one BatchGetItem
MOST_NAMED = 20  # of runs that differ; `fleet check` names them all


def census_key(office: str, sk: str) -> dict[str, str]:
    """No attribute of an index is beside it: the table's indexes hold runs only."""
    return {"pk": f"census#{office}", "sk": sk}


def take(context: "FleetContext", event: Mapping[str, Any]) -> None:
    """Compare what one event of a census tells, and sum up if it was the last to come."""
    detail, account = event["detail"], event["account"]
    office, night = detail["office"], detail["night"]
    if event["detail-type"] == PART:
        sk, outcome = f"part#{detail['part']:06}", _compared(context, detail, account)
    else:
        sk, outcome = f"slice#{detail['slice']}", _counted(context, detail, account)
    differing = sum(outcome["differing"].values())
    kept = _put(
        context,
        {**census_key(office, sk), "night": night, "account": account, "at": iso(context.clock()), **outcome},
    )
    if not kept:
        logger.info("older than what is known, or another account's", office=office, night=night, what=sk)
        return
    if differing:
        context.of_offices[office]["RunsDiffering"] += differing
        logger.warning(
            "headquarters differs", office=office, night=night, what=sk, differing=outcome["differing"]
        )
    _sum_up(context, office, night, account)


def _compared(context: "FleetContext", detail: Mapping[str, Any], account: str) -> dict[str, Any]:
    ids = [run_id for run_id, _, _ in detail["runs"]]
    rows = {row["run_id"]: row for row in _rows(context, detail["office"], ids) if row["account"] == account}
    named: dict[str, str] = {}
    for run_id, revision, told in detail["runs"]:
        row = rows.get(run_id)
        held = (row["revision"], digest_of(row)) if row else None
        kind = kind_of((revision, told), held)
        # What has changed since the ledger was read is ahead of what was told, and right.
        if kind and not (kind == AHEAD and row and row["updated"] >= detail["before"]):
            named[run_id] = kind
    return {
        "runs": len(ids),
        "differing": dict(Counter(named.values())),
        "named": dict(list(named.items())[:MOST_NAMED]),
    }


def _counted(context: "FleetContext", detail: Mapping[str, Any], account: str) -> dict[str, Any]:
    """How many rows of a slice the office does not know. Those it does know are compared one by one."""
    pages = context.dynamodb.get_paginator("query").paginate(
        TableName=context.table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :slice)",
        FilterExpression="updated < :before AND account = :account",
        ExpressionAttributeValues=typed(
            {
                ":pk": f"office#{detail['office']}",
                ":slice": f"run#{detail['slice']}",
                ":before": detail["before"],
                ":account": account,
            }
        ),
        Select="COUNT",
    )
    rows = sum(page["Count"] for page in pages)
    more = max(0, rows - detail["runs"])
    return {"parts": detail["parts"], "differing": {UNKNOWN: more} if more else {}, "named": {}}


def digest_of(row: Mapping[str, Any]) -> str:
    """Of what the row's event said."""
    return digest({name: value for name, value in row.items() if name not in OWN})


def _rows(context: "FleetContext", office: str, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    wanted = [typed({"pk": f"office#{office}", "sk": f"run#{each}"}) for each in ids]
    while wanted:
        some, wanted = wanted[:AT_ONCE], wanted[AT_ONCE:]
        answer = context.dynamodb.batch_get_item(
            RequestItems={context.table: {"Keys": some, "ConsistentRead": True}}
        )
        for item in answer["Responses"].get(context.table, []):
            yield natural(item)
        wanted += answer.get("UnprocessedKeys", {}).get(context.table, {}).get("Keys", [])


def _sum_up(context: "FleetContext", office: str, night: str, account: str) -> None:
    """Keep what came of a whole night, once every slice and every part is there."""
    slices = _of_night(context, office, night, "slice#")
    if len(slices) < len(SLICES):
        return
    parts = _of_night(context, office, night, "part#")
    if len(parts) < slices[0]["parts"]:
        return
    differing: Counter[str] = Counter()
    named: dict[str, str] = {}
    for each in (*parts, *slices):
        differing.update(each["differing"])
        named.update(each["named"])
    kept = _put(
        context,
        {
            **census_key(office, NIGHT),
            "night": night,
            "account": account,
            "at": iso(context.clock()),
            "runs": sum(each["runs"] for each in parts),
            "differing": dict(differing),
            "named": dict(list(named.items())[:MOST_NAMED]),
        },
    )
    if kept:
        context.of_offices[office]["CensusesCompared"] += 1


def _of_night(context: "FleetContext", office: str, night: str, beginning: str) -> list[dict[str, Any]]:
    pages = context.dynamodb.get_paginator("query").paginate(
        TableName=context.table,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues=typed({":pk": f"census#{office}", ":sk": beginning}),
    )
    items = (natural(item) for page in pages for item in page["Items"])
    return [item for item in items if item["night"] == night]


def _put(context: "FleetContext", item: Mapping[str, Any]) -> bool:
    """False if a later night's is there, or another account's."""
    try:
        context.dynamodb.put_item(
            TableName=context.table,
            Item=typed(item),
            ConditionExpression="attribute_not_exists(pk) OR (night <= :night AND account = :account)",
            ExpressionAttributeValues=typed({":night": item["night"], ":account": item["account"]}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
