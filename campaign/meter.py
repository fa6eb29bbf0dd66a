"""A meter on an account: who makes which requests, and what of them DynamoDB bills.

`who` is the first word of a life's name: a function's name, or `container`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from campaign.dynamodb import Item
from handlers.ledger import INDEXES, PROJECTED

WRITE_BYTES, READ_BYTES = 1024, 4096  # AWS: of a request unit
TABLE = "table"
FLEET_MARK, FLEET_INDEX = "by_office", "by_"  # as `handlers.fleet.row_of` names them
Written = tuple[Item | None, Item]


class Meter:
    """Counts by (who, what): `s3:PutObject`, or a unit, `dynamodb:write`."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self.units: Counter[tuple[str, str]] = Counter()
        # Of the units of writing, those of each index, as (function, index): a key of its own takes so many.
        self.index_units: Counter[tuple[str, str]] = Counter()
        self.busy_s: Any = Counter()  # of functions, by name; a Counter's type knows no fractions

    def request(self, life: str, service: str, operation: str) -> None:
        self.requests[life.split()[0], f"{service}:{operation}"] += 1

    def dynamodb(self, life: str, operation: str, answer: Mapping[str, Any], written: list[Written]) -> None:
        """What a request that was answered used. Conditions that failed are few where nothing goes wrong."""
        who = life.split()[0]
        if operation == "GetItem":  # strongly consistent, always
            self.units[who, "dynamodb:read"] += max(
                1, math.ceil(size_of(answer.get("Item", {})) / READ_BYTES)
            )
        elif operation == "Query":  # of an index, so eventually consistent: half a unit for each 4 KiB
            found = sum(size_of(item) for item in answer["Items"])
            self.units[who, "dynamodb:read"] += max(1, math.ceil(found / READ_BYTES / 2))
        else:
            times = 2 if operation == "TransactWriteItems" else 1
            by_index = write_units(written)
            self.units[who, "dynamodb:write"] += times * by_index.total()
            for index, units in by_index.items():
                self.index_units[who, index] += times * units


def write_units(written: Iterable[Written]) -> Counter[str]:
    """Of the table (`TABLE`) and of each of its indexes.

    AWS: an index is written when what it holds of an item changes; twice when its key does, once to delete
    the old entry and once to put the new one.
    """
    units: Counter[str] = Counter()
    for before, after in written:
        units[TABLE] += _units(max(size_of(before or {}), size_of(after)))
        for index, key in _indexes(after):
            old, new = (_entry(item, index, key) for item in (before, after))
            if old == new:
                continue
            same_key = bool(old and new and all(old[name] == new[name] for name in key))
            entries = [max(old, new, key=size_of)] if same_key and old and new else [old, new]
            units[index] += sum(_units(size_of(entry)) for entry in entries if entry)
    return units


def _indexes(item: Item) -> Iterable[tuple[str, tuple[str, str]]]:
    """By name, each with its key: the ledger's, or those of headquarters' table, which are named as their
    attributes are and hold whole rows.
    """
    if FLEET_MARK in item:
        return [(name, (name, "updated")) for name in item if name.startswith(FLEET_INDEX)]
    return INDEXES.items()


def _units(size: int) -> int:
    return max(1, math.ceil(size / WRITE_BYTES))


def _entry(item: Item | None, index: str, key: tuple[str, str]) -> Item | None:
    """What of an item stands in an index; None: nothing."""
    if item is None or not all(name in item for name in key):
        return None
    if FLEET_MARK in item:
        return item
    return {name: item[name] for name in ("pk", "sk", *key, *PROJECTED[index]) if name in item}


def size_of(item: Item) -> int:
    """Bytes, as DynamoDB counts them: names and values."""
    return sum(len(name.encode()) + _bytes(value) for name, value in item.items())


def _bytes(typed: Mapping[str, Any]) -> int:
    [(kind, held)] = typed.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return math.ceil(len(held) / 2) + 1
        case "M":
            return 3 + sum(1 + len(name.encode()) + _bytes(value) for name, value in held.items())
        case "L":
            return 3 + sum(1 + _bytes(value) for value in held)
    return 1  # NULL, BOOL
