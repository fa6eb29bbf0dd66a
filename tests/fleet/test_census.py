"""The nightly census, from an office's ledger to what headquarters is shown."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from handlers import census
from handlers import fleet as fleet_events
from handlers.census import COUNT_AFTER_S, DAY_S
from handlers.fleet_census import NIGHT, census_key
from handlers.items import typed
from tests.fleet.lab import Offices, moved, run
from tests.handlers.aws_fakes import sqs
from tests.handlers.test_census import arrived


class Bus:
    """Keeps what is put on it."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.entries += [{**each, "Detail": json.loads(each["Detail"])} for each in Entries]
        return {"FailedEntryCount": 0, "Entries": Entries}


def taken(offices: Offices, later_s: float = 3 * DAY_S) -> None:
    """A night's census of eu, as if taken so much later, and all of it come to headquarters."""
    bus, now = Bus(), datetime.now(UTC).timestamp() + later_s
    context = offices.access.context(offices.office("eu"))
    context = replace(context, clients=replace(context.clients, events=bus), clock=lambda: now)
    census.handle({}, context)
    census.handle({}, replace(context, clock=lambda: now + COUNT_AFTER_S))
    headquarters = offices.headquarters_context
    assert fleet_events.handle(sqs(*arrived(bus.entries)), headquarters) == {"batchItemFailures": []}


def told(offices: Offices) -> Any:
    [eu] = offices.fleet("status", "eu", "--json").json
    return eu["gap"]


def test_a_gap_is_shown_with_the_command_that_mends_it(offices: Offices) -> None:
    """A run that headquarters never heard of is in no list: nobody would ever look for it."""
    assert told(offices) is None, "there has been no night yet"
    same, missing = moved(run(1), "succeeded"), moved(run(2), "succeeded")
    offices.everywhere("eu", same)
    offices.at_home("eu", missing)
    taken(offices)
    gap = told(offices)
    assert "1 missing" in gap
    assert missing.run_id in gap
    assert "`fleet rebuild eu` mends it" in gap
    assert offices.fleet("rebuild", "eu", "--yes").code == 0
    taken(offices, 4 * DAY_S)
    assert told(offices) is None


def test_an_office_whose_census_never_came_is_told(offices: Offices) -> None:
    """The alarm would be the only one to know, and nobody at the dashboard."""
    ago = (datetime.now(UTC) - timedelta(days=3)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    offices.everywhere("eu", run(1).moved("succeeded", ago))
    assert "No census has ever come" in told(offices)
    assert "fleet check eu" in told(offices)


def test_an_office_whose_census_stopped_is_told(offices: Offices) -> None:
    """A silent office looks like one without gaps."""
    taken(offices)
    assert told(offices) is None
    old = (datetime.now(UTC) - timedelta(hours=40)).isoformat(timespec="milliseconds")
    dynamodb = offices.access.headquarters("dynamodb")
    dynamodb.update_item(
        TableName="globalbi-fleet",
        Key=typed(census_key("eu", NIGHT)),
        UpdateExpression="SET #at = :old",
        ExpressionAttributeNames={"#at": "at"},
        ExpressionAttributeValues=typed({":old": old.replace("+00:00", "Z")}),
    )
    assert "The last whole census is of" in told(offices)


def test_a_census_is_in_no_list_of_runs(offices: Offices) -> None:
    """What is kept beside the runs would show as runs of no office."""
    one = moved(run(1), "succeeded")
    offices.everywhere("eu", one)
    taken(offices)
    assert [row["run_id"] for row in offices.fleet("samples", "--json").json["runs"]] == [one.run_id]
    assert offices.fleet("check", "eu").code == 0
