"""The entry points, as Lambda calls them: environment in, partial batch failures and metrics out."""

import json
from typing import Any

import pytest

from handlers import context as office
from handlers import intake
from handlers.release import releases_to_json
from tests.handlers.aws_fakes import (
    LEDGER,
    ON_DEMAND_QUEUE,
    RELEASE,
    RESULTS,
    SPOT_QUEUE,
    UPLOADS,
    World,
    sqs,
)
from tests.handlers.lab import KEY, status


class Lambda:
    """What Lambda hands over besides the event."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def test_the_entry_point_works_from_the_environment_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What infrastructure sets is all a function has; its counts are what alarms watch."""
    environment = {
        "OFFICE": "eu",
        "LEDGER": LEDGER,
        "UPLOADS": UPLOADS,
        "RESULTS": RESULTS,
        "REFERENCES": "globalbi-eu-references-222222222222",
        "JOB_QUEUE": SPOT_QUEUE,
        "ON_DEMAND_JOB_QUEUE": ON_DEMAND_QUEUE,
        "RETRIES": '{"spot": 1}',
        "IDENTIFIERS": "plain",
        "RELEASES": releases_to_json([RELEASE]),
        "POWERTOOLS_SERVICE_NAME": "intake",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    office.office_context.cache_clear()
    monkeypatch.setattr(office, "clients_of", lambda session: world.clients)
    event: dict[str, Any] = sqs(world.upload(KEY), {"detail-type": "Object Created", "source": "aws.s3"})
    try:
        answer = intake.handler(event, Lambda())
    finally:
        office.office_context.cache_clear()
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert status(world)["state"] == "submitted"
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert lines[0]["office"] == "eu"
    assert lines[0]["JobsSubmitted"] == 1
    assert lines[0]["RecordsFailed"] == 1


def test_an_offices_budgets_replace_the_defaults() -> None:
    """The office file's `retries` must reach the ladder."""
    found = office.office_of(
        {
            "OFFICE": "eu",
            "LEDGER": "l",
            "UPLOADS": "u",
            "RESULTS": "r",
            "REFERENCES": "f",
            "JOB_QUEUE": "s",
            "ON_DEMAND_JOB_QUEUE": "o",
            "RELEASES": "{}",
            "RETRIES": '{"spot": 7}',
        }
    )
    assert (found.budgets["spot"], found.budgets["memory"]) == (7, 3)
