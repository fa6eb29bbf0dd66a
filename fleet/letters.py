"""Dead letters of an office: how many wait, why, and back they go.

A queue's dead letters go back to their queue. What the rule that forwards to headquarters could not deliver
has no queue of its own: such an event is put on the office's bus again, from where it is forwarded anew.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.names import PREFIX
from handlers.notify import DETAIL_TYPE, SOURCE
from handlers.redrive import DeadLetter, dead_letters, explain, send_back

NAME = "dead-letters"
FORWARDING = "to-headquarters"
LOOK_S = 60
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
    """Every dead letter of the account. Looked at only: each comes back after a minute."""
    yield from dead_letters(sqs)
    for url in _queues(sqs):
        if FORWARDING in _name(url):
            yield from _undelivered(sqs, url)


def back(sqs: Any, events: Any, letter: DeadLetter) -> bool:
    """Send one letter on its way again; False if it has no way."""
    if letter.source_url is not None:
        return send_back(sqs, letter)
    event = _event(letter.body)
    if event is None:
        return False
    answer = events.put_events(
        Entries=[{"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": json.dumps(event["detail"])}]
    )
    if answer["FailedEntryCount"]:
        return False
    sqs.delete_message(QueueUrl=letter.queue_url, ReceiptHandle=letter.receipt)
    return True


def _undelivered(sqs: Any, url: str) -> Iterator[DeadLetter]:
    while messages := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=LOOK_S,
        MessageAttributeNames=["All"],
    ).get("Messages"):
        for message in messages:
            attributes = {
                name: each.get("StringValue", "")
                for name, each in message.get("MessageAttributes", {}).items()
            }
            yield DeadLetter(
                queue=_name(url),
                queue_url=url,
                source_url=None,
                receipt=message["ReceiptHandle"],
                body=message["Body"],
                reason=explain(message["Body"], attributes),
            )


def _event(body: str) -> Mapping[str, Any] | None:
    """An office's event to headquarters, or None."""
    try:
        event = json.loads(body)
        return event if (event["source"], event["detail-type"]) == (SOURCE, DETAIL_TYPE) else None
    except (ValueError, KeyError, TypeError):
        return None


def _queues(sqs: Any) -> list[str]:
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
    return sorted(url for page in pages for url in page.get("QueueUrls", []) if NAME in _name(url))


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
