"""Redrive: dead letters in words, and back to work."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handlers.redrive import dead_letters, explain, send_back
from tests.handlers.aws_fakes import World
from tests.handlers.lab import KEY

INTAKE, INTAKE_DEAD = "q/globalbi-eu-intake", "q/globalbi-eu-intake-dead"
FORWARD_DEAD = "q/globalbi-eu-to-headquarters-dead-letters"


class Queues:
    """SQS: a queue for work, one for its dead letters, and one for what could not be sent to headquarters."""

    def __init__(self, *bodies: str, undelivered: tuple[str, ...] = ()) -> None:
        self.held = {INTAKE: [], INTAKE_DEAD: list(bodies), FORWARD_DEAD: list(undelivered)}
        self.hidden: set[str] = set()

    def get_paginator(self, _: str) -> Any:
        urls = list(self.held)

        class Pages:
            def paginate(self, QueueNamePrefix: str) -> Any:  # noqa: N803
                return [{"QueueUrls": [url for url in urls if url[2:].startswith(QueueNamePrefix)]}]

        return Pages()

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:  # noqa: N803
        attributes = {"QueueArn": f"arn:{QueueUrl}"}
        if QueueUrl == INTAKE:
            policy = {"deadLetterTargetArn": f"arn:{INTAKE_DEAD}", "maxReceiveCount": 5}
            attributes["RedrivePolicy"] = json.dumps(policy)
        return {"Attributes": attributes}

    def receive_message(self, QueueUrl: str, **_: Any) -> Any:  # noqa: N803
        bodies = [body for body in self.held[QueueUrl] if body not in self.hidden]
        self.hidden |= set(bodies)
        # SQS counts whoever receives, so also the tenth look.
        seen = {"ApproximateReceiveCount": "10"}
        return {"Messages": [{"Body": body, "ReceiptHandle": body, "Attributes": seen} for body in bodies]}

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        for entry in Entries:
            if entry["ReceiptHandle"] in self.held[QueueUrl] and entry["VisibilityTimeout"] == 0:
                self.hidden.discard(entry["ReceiptHandle"])
        return {}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        self.held[QueueUrl].append(MessageBody)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.held[QueueUrl].remove(ReceiptHandle)


class Bus:
    """EventBridge: takes what is put."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
        self.entries += Entries
        return {"FailedEntryCount": 0}


def test_a_dead_letter_is_told_in_words_and_goes_back(world: World) -> None:
    """Whoever is on duty sees which sample waits, and sends it on with one command."""
    body = json.dumps(world.upload(KEY))
    queues = Queues(body)
    for letter in dead_letters(queues):
        assert KEY in letter.reason
        assert send_back(queues, letter, Bus())
    assert queues.held == {INTAKE: [body], INTAKE_DEAD: [], FORWARD_DEAD: []}


def test_looking_takes_nothing_away_and_hides_nothing(world: World) -> None:
    """One looks first and sends then: what was looked at must be there at once, not a minute later."""
    body = json.dumps(world.upload(KEY))
    queues = Queues(body)
    assert len(list(dead_letters(queues))) == 1
    assert queues.held[INTAKE_DEAD] == [body]
    assert len(list(dead_letters(queues))) == 1


def test_looks_do_not_count_as_failures(world: World) -> None:
    """`failed 10 times` after ten looks sends whoever is on duty searching for failures that never were."""
    [letter] = dead_letters(Queues(json.dumps(world.upload(KEY))))
    assert "its function failed 5 times" in letter.reason


def test_what_could_not_be_sent_to_headquarters_is_put_on_the_bus_again() -> None:
    """Headquarters' table would lack these runs for good, though the alarm told of them."""
    detail = {"run_id": "r1", "office": "eu", "state": "failed", "message": "zu groß"}
    event = {"source": "globalbi.office", "detail-type": "Run State Changed", "detail": detail}
    queues, bus = Queues(undelivered=(json.dumps(event), "hello")), Bus()
    sent = [send_back(queues, letter, bus) for letter in dead_letters(queues)]
    assert sent == [True, False]
    assert queues.held[FORWARD_DEAD] == ["hello"]
    [entry] = bus.entries
    assert (entry["Source"], entry["DetailType"]) == (event["source"], event["detail-type"])
    assert json.loads(entry["Detail"]) == detail


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s"}, "set AWS_DEFAULT_REGION"),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, "no AWS credentials"),
        (
            {
                "AWS_ACCESS_KEY_ID": "A",
                "AWS_SECRET_ACCESS_KEY": "s",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                "AWS_MAX_ATTEMPTS": "1",
            },
            "Check the network",
        ),
        ({"AWS_PROFILE": "nobody"}, "set AWS_PROFILE"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(environ: dict[str, str], words: str) -> None:
    """Whoever is on duty at night reads what to set, not a traceback."""
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/none", "HOME": "/none"}
    nowhere |= {"AWS_SHARED_CREDENTIALS_FILE": "/none", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "handlers.redrive"],
        cwd=Path(__file__).parents[2],
        env={**nowhere, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_eventbridge_says_itself_why_it_could_not_deliver() -> None:
    """A denied queue reads differently from a failing function."""
    words = explain("{}", {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not authorised"})
    assert "NO_PERMISSIONS" in words


def test_what_is_no_event_is_told_as_such() -> None:
    """A stray message must not break the list."""
    assert "no event" in explain("hello", {})
