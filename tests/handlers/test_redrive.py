"""Redrive: dead letters in words, and back to work."""

import json
from typing import Any

from handlers.redrive import dead_letters, explain, send_back
from tests.handlers.aws_fakes import World
from tests.handlers.lab import KEY


class Queues:
    """Two queues of SQS: one for work, one for its dead letters."""

    def __init__(self, *bodies: str) -> None:
        self.held = {"q/globalbi-eu-intake": [], "q/globalbi-eu-intake-dead": list(bodies)}
        self.looked_at: set[str] = set()

    def get_paginator(self, _: str) -> Any:
        urls = list(self.held)

        class Pages:
            def paginate(self, QueueNamePrefix: str) -> Any:  # noqa: N803
                return [{"QueueUrls": [url for url in urls if url[2:].startswith(QueueNamePrefix)]}]

        return Pages()

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> Any:  # noqa: N803
        attributes = {"QueueArn": f"arn:{QueueUrl}"}
        if not QueueUrl.endswith("-dead"):
            attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": f"arn:{QueueUrl}-dead"})
        return {"Attributes": attributes}

    def receive_message(self, QueueUrl: str, **_: Any) -> Any:  # noqa: N803
        bodies = [body for body in self.held[QueueUrl] if body not in self.looked_at]
        self.looked_at |= set(bodies)
        return {"Messages": [{"Body": body, "ReceiptHandle": body, "Attributes": {}} for body in bodies]}

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        self.held[QueueUrl].append(MessageBody)

    def delete_message(self, QueueUrl: str, ReceiptHandle: str) -> None:  # noqa: N803
        self.held[QueueUrl].remove(ReceiptHandle)


def test_a_dead_letter_is_told_in_words_and_goes_back(world: World) -> None:
    """Whoever is on duty sees which sample waits, and sends it on with one command."""
    body = json.dumps(world.upload(KEY))
    queues = Queues(body)
    [letter] = dead_letters(queues)
    assert KEY in letter.reason
    assert send_back(queues, letter)
    assert queues.held == {"q/globalbi-eu-intake": [body], "q/globalbi-eu-intake-dead": []}


def test_looking_takes_nothing_away(world: World) -> None:
    """Listing is what one does first, and must be safe."""
    body = json.dumps(world.upload(KEY))
    queues = Queues(body)
    list(dead_letters(queues))
    assert queues.held["q/globalbi-eu-intake-dead"] == [body]


def test_eventbridge_says_itself_why_it_could_not_deliver() -> None:
    """A denied queue reads differently from a failing function."""
    words = explain("{}", {"ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not authorised"})
    assert "NO_PERMISSIONS" in words


def test_what_is_no_event_is_told_as_such() -> None:
    """A stray message must not break the list."""
    assert "no event" in explain("hello", {})
