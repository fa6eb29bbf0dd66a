"""Restore: what an office's ledger has lost comes back from a copy of it as it was at an earlier time.

DynamoDB restores a table to a point in time as another table. From that one each item is put back that the
ledger lacks; what is there stays, since it is newer. Of a sample that was erased nothing comes back: its
tombstone lies in the results bucket, which no ledger's loss touches. What has happened since then reconcile
finds again: uploads without a run, and results without a success.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from components.office import Office
from fleet.access import Access
from fleet.traces import subject
from handlers import erasure
from handlers.context import Context
from handlers.erasure import FOLDER
from handlers.items import put, untyped
from handlers.notify import pseudonym_key

BACK, THERE, ERASED = "put back", "there already", "of erased samples, left out"
PSEUDONYMS = {"pk": "note#identifiers", "sk": "note"}


def restore(access: Access, office: Office, table: str) -> Mapping[str, int]:
    """Put back from `table`; how many items of each fate."""
    context = access.context(office)
    dynamodb = access.client("dynamodb", office)
    # The key of the tombstones' hashes first: with another one no erased sample would be known again.
    held = dynamodb.get_item(
        TableName=table, Key={name: {"S": value} for name, value in PSEUDONYMS.items()}, ConsistentRead=True
    ).get("Item")
    if held:
        _put_back(context, untyped(held))
    erased, key = _tombstones(context), pseudonym_key(context)
    fates: Counter[str] = Counter({BACK: 0, THERE: 0, ERASED: 0})
    for item in _items(dynamodb, table):
        named = subject(item)
        if named and _is_erased(item, erased.get(erasure.hash_of(key, *named))):
            fates[ERASED] += 1
        else:
            fates[BACK if _put_back(context, item) else THERE] += 1
    return dict(fates)


def _put_back(context: Context, item: Mapping[str, Any]) -> bool:
    return put(context, item, ConditionExpression="attribute_not_exists(pk)")


def _is_erased(item: Mapping[str, Any], until: datetime | None) -> bool:
    """An upload after its sample's last erasure is a new sample."""
    if until is None:
        return False
    uploaded = item.get("uploaded")
    return uploaded is None or datetime.fromisoformat(uploaded).replace(microsecond=0) <= until


def _tombstones(context: Context) -> Mapping[str, datetime]:
    """By a sample's keyed hash, up to when it was erased last."""
    found: dict[str, datetime] = {}
    pages = context.clients.s3.get_paginator("list_objects_v2").paginate(
        Bucket=context.office.results, Prefix=f"{FOLDER}/"
    )
    for page in pages:
        for each in page.get("Contents", []):
            _, sample, name = each["Key"].split("/")
            began = datetime.fromisoformat(name.removesuffix(".json"))
            found[sample] = max(found.get(sample, began), began)
    return found


def _items(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from map(untyped, page["Items"])
