"""Dead letters of an office: how many wait, why, and back they go.

A queue's dead letters go back to their queue. What the rule that forwards to headquarters could not deliver
has no queue of its own: such an event is put on the office's bus again, from where it is forwarded anew.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.names import PREFIX
from handlers.redrive import DeadLetter, dead_letters, send_back

NAME = "dead-letters"
RUN_ID = 33  # characters of a run's id, with which a job's name begins
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


def letters_about(sqs: Any, project: str, sample: str, run_ids: Collection[str]) -> Iterator[DeadLetter]:
    """The dead letters that name a sample, or one of these runs."""
    return (each for each in letters(sqs) if names(each.body, project, sample, run_ids))


def names(body: str, project: str, sample: str, run_ids: Collection[str]) -> bool:
    """Whether a message names the sample, by its key or by its names, or one of its runs."""
    try:
        told = json.loads(body)
    except ValueError:
        return f"{project}/{sample}" in body
    if not isinstance(told, (dict, list)):
        return False
    return any(
        (each.get("project"), each.get("sample")) == (project, sample)
        if isinstance(each, Mapping)
        else f"/{project}/{sample}/" in each or each.removeprefix("run#")[:RUN_ID] in run_ids
        for each in _within(told)
    )


def _within(value: Any) -> Iterator[Any]:
    """Every mapping and every text in a document."""
    if isinstance(value, Mapping):
        yield value
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, list):
        for each in value:
            yield from _within(each)
    elif isinstance(value, str):
        yield value


def remove(sqs: Any, letter: DeadLetter) -> None:
    """Delete a letter for good."""
    sqs.delete_message(QueueUrl=letter.queue_url, ReceiptHandle=letter.receipt)


def _queues(sqs: Any) -> list[str]:
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=f"{PREFIX}-")
    return sorted(url for page in pages for url in page.get("QueueUrls", []) if NAME in _name(url))


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
