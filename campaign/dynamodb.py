# ruff: noqa: ARG001, ARG005 -- tests, operands and changes take the same arguments, needed or not
"""DynamoDB as the handlers and the runner use it: items, conditions, updates, transactions, indexes.

Expressions are parsed once and kept as functions, which is what makes 10,000 samples possible; the tests
compare the answers with ministack's model of DynamoDB.
"""

import re
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from handlers.ledger import INDEXES, OPEN_INDEX
from handlers.outbox import INDEX as DUE_INDEX

Item = dict[str, Any]
Names = Mapping[str, str]
Values = Mapping[str, Any]
Test = Callable[[Item, Names, Values], bool]
Operand = Callable[[Item, Names, Values], Any]
Change = Callable[[Item, Item, Names, Values], None]

PAGE_BYTES = 1 << 20  # AWS: a page of a query
ASKED = (OPEN_INDEX, DUE_INDEX)  # by intake, progress and reconcile
_TOKEN = re.compile(r"\s*(<>|<=|>=|[()=<>,+\-]|[#:]?[A-Za-z_][A-Za-z0-9_]*)")


class Refused(Exception):
    """DynamoDB says no: the error's code, and what else its answer holds."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens, end = [], 0
        text = text.strip()
        while end < len(text):
            found = _TOKEN.match(text, end)
            if found is None:
                raise Refused("ValidationException", message=f"cannot read {text[end:]!r}")
            self.tokens.append(found.group(1))
            end = found.end()
        self.place = 0

    def next(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.place += 1
        return True

    def must(self, word: str) -> None:
        if not self.take(word):
            raise Refused("ValidationException", message=f"{word} expected, not {self.peek()!r}")


def _operand(reader: _Reader) -> Operand:
    word = reader.next()
    if word.startswith(":"):
        return lambda item, names, values: values[word]
    if word.startswith("#"):
        return lambda item, names, values: item.get(names[word])
    if word == "if_not_exists":
        reader.must("(")
        path = _operand(reader)
        reader.must(",")
        other = _operand(reader)
        reader.must(")")

        def either(item: Item, names: Names, values: Values) -> Any:
            held = path(item, names, values)
            return other(item, names, values) if held is None else held

        return either
    return lambda item, names, values: item.get(word)


def _plain(value: Any) -> Any:
    """What can be compared: numbers by value, the rest with its type."""
    if value is None:
        return None
    [(kind, held)] = value.items()
    return ("N", Decimal(held)) if kind == "N" else (kind, held)


def _compare(word: str, left: Operand, right: Operand) -> Test:
    def test(item: Item, names: Names, values: Values) -> bool:
        a, b = _plain(left(item, names, values)), _plain(right(item, names, values))
        if word == "=":
            return a is not None and bool(a == b)
        if word == "<>":
            return bool(a != b)
        if a is None or b is None or a[0] != b[0]:
            return False
        x, y = a[1], b[1]
        return bool(x < y if word == "<" else x <= y if word == "<=" else x > y if word == ">" else x >= y)

    return test


def _atom(reader: _Reader) -> Test:
    if reader.take("NOT"):
        inner = _atom(reader)
        return lambda item, names, values: not inner(item, names, values)
    if reader.take("("):
        inner = _or(reader)
        reader.must(")")
        return inner
    if reader.peek() in ("attribute_exists", "attribute_not_exists"):
        absent = reader.next() == "attribute_not_exists"
        reader.must("(")
        path = _operand(reader)
        reader.must(")")
        return lambda item, names, values: (path(item, names, values) is None) == absent
    if reader.take("BEGINS_WITH"):
        reader.must("(")
        path = _operand(reader)
        reader.must(",")
        start = _operand(reader)
        reader.must(")")

        def begins(item: Item, names: Names, values: Values) -> bool:
            held = path(item, names, values)
            return held is not None and held["S"].startswith(start(item, names, values)["S"])

        return begins
    left = _operand(reader)
    if reader.take("IN"):
        reader.must("(")
        choices = [_operand(reader)]
        while reader.take(","):
            choices.append(_operand(reader))
        reader.must(")")

        def among(item: Item, names: Names, values: Values) -> bool:
            held = _plain(left(item, names, values))
            return held is not None and any(held == _plain(each(item, names, values)) for each in choices)

        return among
    return _compare(reader.next(), left, _operand(reader))


def _and(reader: _Reader) -> Test:
    tests = [_atom(reader)]
    while reader.take("AND"):
        tests.append(_atom(reader))
    return tests[0] if len(tests) == 1 else lambda i, n, v: all(test(i, n, v) for test in tests)


def _or(reader: _Reader) -> Test:
    tests = [_and(reader)]
    while reader.take("OR"):
        tests.append(_and(reader))
    return tests[0] if len(tests) == 1 else lambda i, n, v: any(test(i, n, v) for test in tests)


@lru_cache(maxsize=1000)
def condition_of(text: str) -> Test:
    """The test that a condition expression describes."""
    reader = _Reader(text)
    test = _or(reader)
    if reader.peek():
        raise Refused("ValidationException", message=f"{reader.peek()!r} is too much in {text!r}")
    return test


@lru_cache(maxsize=1000)
def update_of(text: str) -> tuple[Change, ...]:
    """The changes that an update expression describes; each reads the item as it was."""
    reader, changes = _Reader(text), []
    while reader.peek():
        clause = reader.next().upper()
        while True:
            word = reader.next()
            if clause == "SET":
                reader.must("=")
                changes.append(_assignment(word, _sum(reader)))
            elif clause == "REMOVE":
                changes.append(_removal(word))
            else:
                raise Refused("ValidationException", message=f"{clause} in {text!r}")
            if not reader.take(","):
                break
    return tuple(changes)


def _sum(reader: _Reader) -> Operand:
    left = _operand(reader)
    if reader.peek() not in ("+", "-"):
        return left
    sign = 1 if reader.next() == "+" else -1
    right = _operand(reader)

    def total(item: Item, names: Names, values: Values) -> Any:
        a, b = left(item, names, values), right(item, names, values)
        if a is None:
            raise Refused("ValidationException", message="an operand of the update does not exist")
        return {"N": str(Decimal(a["N"]) + sign * Decimal(b["N"]))}

    return total


def _assignment(word: str, value: Operand) -> Change:
    def change(old: Item, new: Item, names: Names, values: Values) -> None:
        new[names[word] if word.startswith("#") else word] = value(old, names, values)

    return change


def _removal(word: str) -> Change:
    def change(old: Item, new: Item, names: Names, values: Values) -> None:
        new.pop(names[word] if word.startswith("#") else word, None)

    return change


def _entry(index: str, pk: str, item: Item | None) -> tuple[str, str, str] | None:
    partition, sort = INDEXES[index]
    if item is None or partition not in item or sort not in item:
        return None
    return item[partition]["S"], item[sort]["S"], pk


def name_of(key: Mapping[str, Any]) -> str:
    """An item's place in `Table.items`: its `pk`, with the `sk` where that is not the only one."""
    pk: str = key["pk"]["S"]
    return f"{pk} {key['sk']['S']}" if pk.startswith(("office#", "project#")) else pk


class Table:
    """Items by name, and the indexes that are asked for: of what is open, and of what is due."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.written: list[tuple[Item | None, Item]] = []  # before and after, of the last request that wrote
        # Of each index (partition key's value, sort key's value, pk), sorted.
        self._entries: dict[str, list[tuple[str, str, str]]] = {name: [] for name in ASKED}
        self.watch: Callable[[Item | None, Item], None] = lambda *_: None  # told of each write

    def waits(self, index: str, value: str) -> bool:
        """Whether the index has an item of that partition."""
        entries = self._entries[index]
        place = bisect_left(entries, (value, "", ""))
        return place < len(entries) and entries[place][0] == value

    def under(self, index: str, value: str) -> list[Item]:
        """The items of that partition."""
        return [self.items[pk] for held, _, pk in self._entries[index] if held == value]

    def answer(self, operation: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request; raises `Refused`."""
        match operation:
            case "GetItem":
                item = self.items.get(name_of(data["Key"]))
                return {} if item is None else {"Item": dict(item)}
            case "PutItem":
                self._write([self._put(data)])
                return {}
            case "UpdateItem":
                self._write([self._update(data)])
                return {}
            case "TransactWriteItems":
                return self._transact(data)
            case "Query":
                return self._query(data)
            case "CreateTable":
                return {}
            case "Scan":
                return {"Items": list(self.items.values())}
        raise NotImplementedError(f"DynamoDB {operation}")

    def _put(self, data: Mapping[str, Any]) -> tuple[str, Item]:
        pk = name_of(data["Item"])
        self._check(data, self.items.get(pk, {}))
        return pk, dict(data["Item"])

    def _update(self, data: Mapping[str, Any]) -> tuple[str, Item]:
        pk = name_of(data["Key"])
        old = self.items.get(pk, {})
        self._check(data, old)
        new = {**data["Key"], **old}
        names, values = data.get("ExpressionAttributeNames", {}), data.get("ExpressionAttributeValues", {})
        for change in update_of(data["UpdateExpression"]):
            change(old, new, names, values)
        return pk, new

    def _check(self, data: Mapping[str, Any], item: Item) -> None:
        text = data.get("ConditionExpression")
        names, values = data.get("ExpressionAttributeNames", {}), data.get("ExpressionAttributeValues", {})
        if text and not condition_of(text)(item, names, values):
            wants_item = data.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item
            raise Refused("ConditionalCheckFailedException", **({"Item": item} if wants_item else {}))

    def _transact(self, data: Mapping[str, Any]) -> dict[str, Any]:
        writes, reasons = [], []
        for each in data["TransactItems"]:
            [(kind, request)] = each.items()
            try:
                if kind == "ConditionCheck":
                    self._check(request, self.items.get(name_of(request["Key"]), {}))
                else:
                    writes.append(self._put(request) if kind == "Put" else self._update(request))
                reasons.append({"Code": "None"})
            except Refused as refused:
                reasons.append({"Code": refused.code.removesuffix("Exception")})
        if any(reason["Code"] != "None" for reason in reasons):
            raise Refused("TransactionCanceledException", CancellationReasons=reasons)
        self._write(writes)
        return {}

    def _write(self, writes: list[tuple[str, Item]]) -> None:
        self.written = [(self.items.get(pk), item) for pk, item in writes]
        for pk, item in writes:
            for index, entries in self._entries.items():
                before, after = _entry(index, pk, self.items.get(pk)), _entry(index, pk, item)
                if before != after:
                    if before is not None:
                        del entries[bisect_left(entries, before)]
                    if after is not None:
                        insort(entries, after)
            self.watch(self.items.get(pk), item)
            self.items[pk] = item

    def _query(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if data.get("IndexName") not in ASKED:
            return self._search(data)
        partition, sort = INDEXES[data["IndexName"]]
        entries, values = self._entries[data["IndexName"]], data["ExpressionAttributeValues"]
        [wanted, *rest] = values.values()
        latest = rest[0]["S"] if rest else "\U0010ffff"  # the one condition on a sort key there is: <=
        start = (wanted["S"], "", "")
        if after := data.get("ExclusiveStartKey"):
            start = (wanted["S"], after[sort]["S"], after["pk"]["S"] + "\0")
        found, size = [], 0
        for value, order, pk in entries[bisect_left(entries, start) :]:
            if value != wanted["S"] or order > latest:
                break
            found.append(dict(self.items[pk]))
            size += 3000  # what a run's item has, about
            if size >= PAGE_BYTES:
                names = ("pk", "sk", partition, sort)
                last = {name: found[-1][name] for name in names}
                return {"Items": found, "Count": len(found), "LastEvaluatedKey": last}
        return {"Items": found, "Count": len(found)}

    def _search(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A query of the table itself, or of an index that is asked too rarely to be kept in order."""
        index = data.get("IndexName")
        partition, sort = INDEXES[index] if index else ("pk", "sk")
        test = condition_of(data["KeyConditionExpression"])
        names, values = data.get("ExpressionAttributeNames", {}), data["ExpressionAttributeValues"]
        found = [
            item
            for item in self.items.values()
            if partition in item and sort in item and test(item, names, values)
        ]
        found.sort(key=lambda item: (item[sort]["S"], item["pk"]["S"]))
        return {"Items": found, "Count": len(found)}
