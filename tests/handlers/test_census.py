"""The nightly census: what headquarters lacks is found, and what may have been lost is sent again."""

import contextlib
import itertools
import json
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from handlers import census, fleet, fleet_census
from handlers.census import COUNT, COUNT_AFTER_S, DAY_S, PART, STOP_WITH_S_LEFT
from handlers.items import natural
from handlers.notify import DETAIL_TYPE, NotSent
from tests.handlers.aws_fakes import Call, Killed, World, sqs, table_of
from tests.handlers.lab import succeeded

TABLE = "globalbi-fleet"
ACCOUNT = "222222222222"


@pytest.fixture
def headquarters(world: World) -> fleet.FleetContext:
    return headquarters_of(world)


def headquarters_of(world: World) -> fleet.FleetContext:
    """Headquarters with an empty table."""
    world._dynamo("CreateTable", table_of(TABLE, {"by_state": ("by_state", "updated")}))
    return fleet.FleetContext(table=TABLE, dynamodb=world.clients.dynamodb, clock=lambda: world.now)


def arrived(entries: Iterable[dict[str, Any]], account: str = ACCOUNT) -> list[dict[str, Any]]:
    """Events as they come to headquarters."""
    return [
        {
            "source": each["Source"],
            "detail-type": each["DetailType"],
            "account": account,
            "region": "eu-central-1",
            "detail": json.loads(json.dumps(each["Detail"])),
        }
        for each in entries
    ]


def night(world: World) -> list[dict[str, Any]]:
    """A whole census; what the office has sent."""
    world.events.clear()
    census.handle({}, world.context())
    world.now += COUNT_AFTER_S
    census.handle({}, world.context())
    return list(world.events)


def deliver(headquarters: fleet.FleetContext, entries: Iterable[dict[str, Any]], **more: Any) -> None:
    assert fleet.handle(sqs(*arrived(entries, **more)), headquarters) == {"batchItemFailures": []}


def outcome(world: World, sk: str = "night") -> dict[str, Any] | None:
    key = {"pk": {"S": "census#eu"}, "sk": {"S": sk}}
    item = world.clients.dynamodb.get_item(TableName=TABLE, Key=key).get("Item")
    return natural(item) if item else None


def kinds(entries: Iterable[dict[str, Any]]) -> list[str]:
    return [each["DetailType"] for each in entries]


def forget(world: World, run_id: str) -> None:
    world._dynamo(
        "DeleteItem",
        {"TableName": TABLE, "Key": {"pk": {"S": "office#eu"}, "sk": {"S": f"run#{run_id}"}}},
    )


def change(world: World, run_id: str, name: str, value: dict[str, Any]) -> None:
    world._dynamo(
        "UpdateItem",
        {
            "TableName": TABLE,
            "Key": {"pk": {"S": "office#eu"}, "sk": {"S": f"run#{run_id}"}},
            "UpdateExpression": "SET #n = :v",
            "ExpressionAttributeNames": {"#n": name},
            "ExpressionAttributeValues": {":v": value},
        },
    )


def several(world: World, count: int) -> list[str]:
    return [succeeded(world, f"metagenome/soil/S{number}/input.tar") for number in range(count)]


def test_events_that_were_lost_are_sent_again_the_next_night(
    world: World, headquarters: fleet.FleetContext
) -> None:
    """Once EventBridge has dropped the word of a run's end, headquarters would show it running for ever."""
    lost = succeeded(world)
    world.now += DAY_S / 2
    sent = night(world)
    deliver(headquarters, sent)
    row = fleet_census._rows(headquarters, "eu", [lost])
    assert [each["state"] for each in row] == ["succeeded"]
    assert outcome(world) == {**(outcome(world) or {}), "runs": 0, "differing": {}}


def test_what_headquarters_lacks_is_named(world: World, headquarters: fleet.FleetContext) -> None:
    """A restored or damaged table would look whole, and a recall would miss runs."""
    same, missing, behind, different = several(world, 4)
    deliver(headquarters, world.events)
    forget(world, missing)
    change(world, behind, "revision", {"N": "1"})
    change(world, different, "message", {"S": "forged"})
    world.now += 3 * DAY_S
    deliver(headquarters, night(world))
    found = outcome(world)
    assert found is not None
    assert (found["runs"], found["differing"]) == (4, {"missing": 1, "behind": 1, "different": 1})
    assert found["named"] == {missing: "missing", behind: "behind", different: "different"}
    assert same not in found["named"]
    assert headquarters.of_offices["eu"] == {"RunsDiffering": 3, "CensusesCompared": 1}


def test_a_run_that_the_office_does_not_know_is_counted(
    world: World, headquarters: fleet.FleetContext
) -> None:
    """A ledger that was restored to an earlier time has lost runs, which headquarters alone still knows."""
    [run_id] = several(world, 1)
    deliver(headquarters, world.events)
    world.now += 3 * DAY_S
    world._dynamo(
        "DeleteItem",
        {"TableName": world.office.ledger, "Key": {"pk": {"S": f"run#{run_id}"}, "sk": {"S": "run"}}},
    )
    deliver(headquarters, night(world))
    assert (outcome(world) or {})["differing"] == {"unknown": 1}


def test_in_any_order_and_twice_the_outcome_is_the_same(
    world: World, headquarters: fleet.FleetContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue keeps no order: a night would seem to lack a part, and an alarm call for nothing."""
    monkeypatch.setattr(census, "PAGE_ITEMS", 3)
    missing, *_ = several(world, 4)
    deliver(headquarters, world.events)
    forget(world, missing)
    world.now += 3 * DAY_S
    sent = night(world)
    assert kinds(sent).count(PART) > 1
    chance = Random(1)
    for _ in range(5):
        chance.shuffle(sent)
        deliver(headquarters, [*sent[:-1], *sent[: len(sent) // 2]])
        assert outcome(world) is None, "one has not come"
        deliver(headquarters, sent[-1:])
        found = outcome(world) or {}
        assert (found["runs"], found["differing"]) == (4, {"missing": 1})
        for item in world._dynamo("Scan", {"TableName": TABLE})["Items"]:
            if item["pk"]["S"] == "census#eu":
                key = {name: item[name] for name in ("pk", "sk")}
                world._dynamo("DeleteItem", {"TableName": TABLE, "Key": key})


def test_an_older_night_changes_nothing(world: World, headquarters: fleet.FleetContext) -> None:
    """A part that was late by a day would bring back a difference that is mended."""
    several(world, 1)
    told = list(world.events)
    world.now += 3 * DAY_S
    first = night(world)
    world.now += DAY_S
    deliver(headquarters, told)
    second = night(world)
    deliver(headquarters, second)
    deliver(headquarters, first)
    assert (outcome(world) or {})["differing"] == {}


def test_one_office_cannot_speak_for_another(world: World, headquarters: fleet.FleetContext) -> None:
    """An office's mistake would hide, or invent, another's gap."""
    several(world, 1)
    deliver(headquarters, world.events)
    world.now += 3 * DAY_S
    sent = night(world)
    deliver(headquarters, sent)
    assert (outcome(world) or {})["differing"] == {}
    for each in sent:
        each["Detail"]["night"] = "2999-01-01"
    deliver(headquarters, sent, account="333333333333")
    assert (outcome(world) or {})["night"] != "2999-01-01"


def test_a_run_that_changes_during_the_night_is_no_difference(
    world: World, headquarters: fleet.FleetContext
) -> None:
    """People would be called each night that a recall or a retry goes on."""
    [run_id] = several(world, 1)
    deliver(headquarters, world.events)
    world.now += 3 * DAY_S
    sent = night(world)
    change(world, run_id, "revision", {"N": "9"})
    change(world, run_id, "updated", {"S": world.context().now})
    deliver(headquarters, sent)
    assert (outcome(world) or {})["differing"] == {}


def test_a_ledger_of_any_size_is_read_over_several_invocations(
    world: World, headquarters: fleet.FleetContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda ends a function after its time: a large office would never be compared."""
    monkeypatch.setattr(census, "PAGE_ITEMS", 2)
    several(world, 5)
    deliver(headquarters, world.events)
    world.now += 3 * DAY_S
    world.events.clear()
    passes = 0
    for passes in itertools.count(1):
        context = world.context(deadline=world.now + STOP_WITH_S_LEFT + 1)

        def slowly(call: Call) -> None:
            world.now += 0.6

        world.faults = slowly
        census.handle({}, context)
        world.faults = lambda call: None
        if context.counts["CensusesTaken"]:
            break
        world.now += COUNT_AFTER_S
        assert passes < 50
    assert passes > 3
    deliver(headquarters, world.events)
    assert (outcome(world) or {})["runs"] == 5
    done = len(world.events)
    census.handle({}, world.context())
    assert len(world.events) == done, "the night is over"


@pytest.mark.parametrize("when", ["killed before", "killed after", "throttled"])
def test_wherever_it_stops_the_census_is_whole_in_the_end(
    world: World, headquarters: fleet.FleetContext, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """A killed function must neither skip a page nor count one twice."""
    monkeypatch.setattr(census, "PAGE_ITEMS", 4)
    missing, *_ = several(world, 4)
    deliver(headquarters, world.events)
    forget(world, missing)
    world.now += 3 * DAY_S
    before = world.snapshot()
    for position in range(1, 60):
        world.restore(before)
        world.events.clear()
        world.calls.clear()

        def faults(call: Call, at: int = position) -> str | None:
            return when if call.number == at else None

        world.faults = faults
        for _ in range(4):
            with contextlib.suppress(Killed):
                census.handle({}, world.context())
            world.now += COUNT_AFTER_S
        reached = len(world.calls) >= position
        world.faults = lambda call: None
        deliver(headquarters, world.events)
        found = outcome(world) or {}
        assert (found.get("runs"), found.get("differing")) == (4, {"missing": 1}), position
        if not reached:
            return
    raise AssertionError("there are more calls than were tried")


def test_a_census_says_no_name(world: World, headquarters: fleet.FleetContext) -> None:
    """An office that keeps its names at home would give them away once a night."""
    hidden = World(pseudonymous=True)
    hidden._dynamo("CreateTable", table_of(TABLE, {"by_state": ("by_state", "updated")}))
    context = fleet.FleetContext(table=TABLE, dynamodb=hidden.clients.dynamodb)
    succeeded(hidden, "metagenome/secret/patient/input.tar")
    deliver(context, hidden.events)
    hidden.now += DAY_S * 1.5
    sent = night(hidden)
    assert {DETAIL_TYPE, PART, COUNT} == set(kinds(sent))
    assert "secret" not in json.dumps(sent)
    assert "patient" not in json.dumps(sent)
    deliver(context, sent)
    assert (outcome(hidden) or {})["differing"] == {}


def test_a_refused_event_is_no_census(world: World) -> None:
    """PutEvents answers 200 even when it takes none: the part would be gone, and nobody know."""
    several(world, 1)
    world.now += 3 * DAY_S
    world._eventbridge_PutEvents = lambda data: {  # type: ignore[method-assign]
        "FailedEntryCount": 1,
        "Entries": [{"ErrorCode": "InternalFailure"}],
    }
    with pytest.raises(NotSent):
        census.handle({}, world.context())
