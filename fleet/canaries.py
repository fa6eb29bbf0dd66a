"""Canaries: what headquarters keeps of them, in its table beside the runs.

A record is only ever added: the newest of two releases counts, those before it stay.
"""

from typing import Any

from boto3.dynamodb.types import TypeSerializer

from canary.record import Record, opened
from components.office import PinnedRelease
from fleet.access import Access, fleet_table
from handlers.items import natural as read

_serialize = TypeSerializer().serialize


def keep(access: Access, record: Record) -> None:
    """Its key holds the seal of its text, so it takes no other record's place."""
    key = {
        "pk": _of(record.pipeline),
        "sk": f"{record.new.release.digest}#{record.made.isoformat(timespec='microseconds')}#{record.seal}",
    }
    item = {**key, "text": record.text()}
    access.headquarters("dynamodb").put_item(
        TableName=fleet_table(),
        Item={name: _serialize(value) for name, value in item.items()},
    )


def newest(access: Access, pipeline: str, old: PinnedRelease, new: PinnedRelease) -> Record | None:
    """The newest that compared exactly these two releases, references included; raises Broken."""
    request: dict[str, Any] = {
        "TableName": fleet_table(),
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :digest)",
        "ExpressionAttributeValues": {
            ":pk": _serialize(_of(pipeline)),
            ":digest": _serialize(f"{new.digest}#"),
        },
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }
    for page in access.headquarters("dynamodb").get_paginator("query").paginate(**request):
        for item in map(read, page["Items"]):
            # The key's seal is the one that was kept: an item whose key is changed is another item.
            record = opened(item["text"], item["sk"].rsplit("#", 1)[-1])
            if (record.old.release, record.new.release) == (old, new):
                return record
    return None


def _of(pipeline: str) -> str:
    return f"canary#{pipeline}"
