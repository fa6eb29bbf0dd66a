"""HQ's table: the latest of every run, whatever the order of the events."""

import itertools
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer

from handlers import fleet
from tests.handlers.aws_fakes import World, sqs, table_of
from tests.handlers.lab import started, tell

TABLE = "globalbi-fleet"


@pytest.fixture
def context(world: World) -> fleet.FleetContext:
    world._dynamo("CreateTable", table_of(TABLE, {"by_state": ("by_state", "updated")}))
    return fleet.FleetContext(table=TABLE, dynamodb=world.clients.dynamodb)


def events_of(world: World) -> list[dict[str, Any]]:
    run_id = started(world)
    world.publish(world.run_item(run_id))
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    return [
        {
            "source": entry["Source"],
            "detail-type": entry["DetailType"],
            "account": "222222222222",
            "region": "eu-central-1",
            "detail": entry["Detail"],
        }
        for entry in world.events
    ]


def rows(world: World) -> list[dict[str, Any]]:
    deserialise = TypeDeserializer().deserialize
    items = world._dynamo("Scan", {"TableName": TABLE})["Items"]
    return [{name: deserialise(value) for name, value in item.items()} for item in items]


def test_any_order_of_events_leaves_the_latest_state(world: World, context: fleet.FleetContext) -> None:
    """HQ must not see a finished run as running because a late event came last."""
    events = events_of(world)
    assert len(events) == 3
    for order in itertools.permutations(events):
        assert fleet.handle(sqs(*order, *order), context) == {"batchItemFailures": []}
        [row] = rows(world)
        assert (row["state"], row["by_state"]) == ("succeeded", "state#succeeded")
        world._dynamo("DeleteItem", {"TableName": TABLE, "Key": {k: {"S": row[k]} for k in ("pk", "sk")}})


def test_one_office_cannot_write_anothers_row(world: World, context: fleet.FleetContext) -> None:
    """An office's mistake must not show in another's figures."""
    *_, last = events_of(world)
    fleet.handle(sqs(last), context)
    forged = {
        **last,
        "account": "333333333333",
        "detail": {**last["detail"], "revision": 99, "state": "failed"},
    }
    fleet.handle(sqs(forged), context)
    [row] = rows(world)
    assert row["state"] == "succeeded"


def test_what_is_no_offices_event_is_kept_for_a_look(world: World, context: fleet.FleetContext) -> None:
    """Anything else on the bus ends in the dead-letter queue instead of in the table."""
    answer = fleet.handle(sqs({"source": "x", "detail-type": "y", "detail": {}}), context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_row_can_be_found_by_sample_state_and_project(world: World, context: fleet.FleetContext) -> None:
    """What the dashboard's questions are asked of."""
    fleet.handle(sqs(*events_of(world)), context)
    [row] = rows(world)
    assert row["by_sample"] == "sample#metagenome/soil/S1"
    assert row["by_project"] == "project#soil"
    assert row["pk"] == "office#eu"
