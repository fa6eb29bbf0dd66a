"""Dead letters of an office: how many wait, why, and back they go.

A queue's dead letters go back to their queue. What the rule that forwards to headquarters could not deliver
has no queue of its own: such an event is put on the office's bus again, from where it is forwarded anew.
"""

from collections.abc import Iterator
from typing import Any

from components.names import PREFIX
from handlers.redrive import DeadLetter, dead_letters, send_back

NAME = "dead-letters"
_DEPTH = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def waiting(sqs: Any) -> dict[str, int]:
    """Messages in each dead-letter queue that holds any, by the queue's name."""
    found = {}
    for url in _queues(sqs):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTH))["Attributes"]
        if count := sum(int(attributes.get(name, 0)) for name in _DEPTH):
            found[_name(url)] = count
    return found


def letters(sqs: Any) -> Iterator[DeadLetter]:
    """Every dead letter of the account. What is not sent back stays where it is."""
    return dead_letters(sqs, f"{PREFIX}-")


def back(sqs: Any, events: Any, letter: DeadLetter) -> bool:
    """Send one letter on its way again; False if it has no way."""
    return send_back(sqs, letter, events)


def _queues(sqs: Any) -> list[str]:
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
    return sorted(url for page in pages for url in page.get("QueueUrls", []) if NAME in _name(url))


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
