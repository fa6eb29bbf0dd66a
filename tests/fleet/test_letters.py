"""`redrive`: nothing that waits in a dead-letter queue of any office is forgotten."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from components.names import physical
from tests.fleet.lab import Offices, moved, run


@pytest.fixture
def sqs(offices: Offices) -> Iterator[Any]:
    client = offices.access.client("sqs", offices.office("eu"))
    yield client
    for url in client.list_queues().get("QueueUrls", []):
        client.delete_queue(QueueUrl=url)


def queue(sqs: Any, name: str, *bodies: str, dead_letters: str | None = None) -> str:
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    for body in bodies:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    if dead_letters:
        arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])["Attributes"]
        policy = {"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 5}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    return url


def depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def upload_event(key: str) -> str:
    detail = {"bucket": {"name": "uploads"}, "object": {"key": key}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def test_a_dead_letter_is_told_and_goes_back_when_asked(offices: Offices, sqs: Any) -> None:
    """Whoever is on duty sees the sample that waits, and sends it on; looking alone moves nothing."""
    dead = queue(
        sqs, physical("eu", "intake-queue-dead-letters"), upload_event("metagenome/soil/\x1bS/input.tar")
    )
    work = queue(sqs, physical("eu", "intake-queue"), dead_letters=dead)
    looked = offices.fleet("redrive", "eu")
    assert r"metagenome/soil/\x1bS/input.tar was not taken in" in looked.out
    assert (depth(sqs, dead), depth(sqs, work)) == (1, 0)


def test_sending_back_empties_the_dead_letter_queue(offices: Offices, sqs: Any) -> None:
    """A message that stays there would be handled again with the next redrive."""
    dead = queue(
        sqs, physical("eu", "intake-queue-dead-letters"), upload_event("metagenome/soil/S/input.tar")
    )
    work = queue(sqs, physical("eu", "intake-queue"), dead_letters=dead)
    [sent] = offices.fleet("redrive", "eu", "--send", "--yes", "--json").json
    assert sent["sent"] is True
    assert (depth(sqs, dead), depth(sqs, work)) == (0, 1)


def test_sending_back_asks_first(offices: Offices, sqs: Any) -> None:
    """Not by a slip."""
    dead = queue(
        sqs, physical("eu", "intake-queue-dead-letters"), upload_event("metagenome/soil/S/input.tar")
    )
    queue(sqs, physical("eu", "intake-queue"), dead_letters=dead)
    assert offices.fleet("redrive", "eu", "--send").code == 5
    assert depth(sqs, dead) == 1


def test_an_event_that_never_reached_headquarters_is_put_on_the_bus_again(offices: Offices, sqs: Any) -> None:
    """The forwarding rule's dead letters have no queue to go back to, and would stay for ever."""
    one = moved(run(1), "running")
    event = {
        "source": "globalbi.office",
        "detail-type": "Run State Changed",
        "detail": {"office": "eu", "run_id": one.run_id, "state": "running"},
    }
    dead = queue(sqs, physical("eu", "to-headquarters-dead-letters"), json.dumps(event))
    heard = queue(sqs, "heard")
    events = offices.access.client("events", offices.office("eu"))
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["globalbi.office"]}))
    arn = sqs.get_queue_attributes(QueueUrl=heard, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": arn}])
    [sent] = offices.fleet("redrive", "eu", "--send", "--yes", "--json").json
    assert sent["sent"] is True
    assert depth(sqs, dead) == 0
    [message] = sqs.receive_message(QueueUrl=heard)["Messages"]
    assert json.loads(message["Body"])["detail"]["run_id"] == one.run_id
