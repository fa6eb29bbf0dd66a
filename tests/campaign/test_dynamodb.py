"""The campaign's DynamoDB answers as ministack's model does: what the handlers ask is put to both."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from campaign import checks
from campaign.dynamodb import Refused, Table, condition_of, update_of
from tests.handlers import aws_fakes

WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any], Any]]:
    """What one world's functions and containers asked of a ledger, and the answers."""
    asked: list[tuple[str, dict[str, Any], Any]] = []
    answer = Table.answer

    def record(self: Table, operation: str, data: Mapping[str, Any]) -> Any:
        copy = json.loads(json.dumps(data))
        try:
            result: Any = answer(self, operation, data)
        except Refused as refused:
            asked.append((operation, copy, refused.code))
            raise
        asked.append((operation, copy, json.loads(json.dumps(result))))
        return result

    with monkeypatch.context() as patched:
        patched.setattr(Table, "answer", record)
        patched.setattr("campaign.container.RENEWALS_BY_CLIENT", 1)  # no renewal past the client
        assert checks.story() == []
    return [each for each in asked if each[1].get("TableName") != "globalbi-fleet"]


def test_the_same_questions_get_the_same_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition read wrongly would make the campaign prove the wrong thing."""
    asked = recorded(monkeypatch)
    world = aws_fakes.World()
    compared = 0
    for operation, data, ours in asked:
        if operation not in (*WRITES, "GetItem"):
            continue
        status, _, body = world._dynamo_raw(operation, _at(data, aws_fakes.LEDGER))
        theirs = json.loads(body)
        if status != 200:
            assert theirs["__type"].rpartition("#")[2] == ours, (operation, data)
        elif operation == "GetItem":
            assert _values(theirs.get("Item")) == _values(ours.get("Item")), data
        else:
            assert not isinstance(ours, str), (operation, data, ours)
        compared += 1
    assert compared > 300


def _at(data: Any, table: str) -> Any:
    if isinstance(data, dict):
        return {
            k: table if k == "TableName" else _at(v, table)
            for k, v in data.items()
            if k != "ClientRequestToken"
        }
    return [_at(each, table) for each in data] if isinstance(data, list) else data


def _values(item: Any) -> Any:
    return json.dumps(item, sort_keys=True)


def test_what_it_cannot_read_is_refused() -> None:
    """An expression that is skipped would look like a condition that holds."""
    with pytest.raises(Refused):
        condition_of("revision = :revision BUT NOT later")
    with pytest.raises(Refused):
        update_of("DELETE tags :tags")
