"""Redrive: what is in a dead-letter queue, why, and back it goes.

`python -m handlers.redrive` lists every message in the dead-letter queues of the account that the
credentials belong to, each with its reason in words; with `--send` they go back to the queues they came
from. Every handler may be given a message again without harm, so sending back is always safe.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "globalbi-"
# A message that is only looked at comes back after this long, as if nobody had.
LOOK_S = 60
MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that could not be handled. `source_url`: the queue it came from, if one redrives here."""

    queue: str
    queue_url: str
    source_url: str | None
    receipt: str
    body: str
    reason: str


def explain(body: str, attributes: Mapping[str, str]) -> str:
    """Why a message is in a dead-letter queue and what it is about, in one sentence."""
    about = _about(body)
    if "ERROR_CODE" in attributes:  # EventBridge could not deliver it
        return (
            f"{about}: EventBridge could not deliver it ({attributes['ERROR_CODE']}:"
            f" {attributes.get('ERROR_MESSAGE', 'no message')})."
        )
    tries = attributes.get("ApproximateReceiveCount", "several")
    return (
        f"{about}: its function failed {tries} times; the function's log names this message and the reason."
    )


def _about(body: str) -> str:
    try:
        event = json.loads(body)
        detail, kind = event["detail"], event["detail-type"]
        match kind:
            case "Object Created":
                return (
                    f"The upload s3://{detail['bucket']['name']}/{detail['object']['key']} was not taken in"
                )
            case "Batch Job State Change":
                return f"Job {detail['jobName']} became {detail['status']}, and that was not followed"
            case "Batch Job Queue Blocked":
                return f"Job {detail['jobName']} blocks its queue, and that was not followed"
            case "Run State Changed":
                return f"Run {detail['run_id']} of {detail['office']} became {detail['state']}, unknown to HQ"
            case _:
                return f"An event {kind!r}"
    except (ValueError, KeyError, TypeError):
        return f"Something that is no event of this platform ({body[:60]!r})"


def dead_letters(sqs: Any, prefix: str = PREFIX) -> Iterator[DeadLetter]:
    """Every message in the dead-letter queues whose source queues' names begin with `prefix`."""
    for url, source in sorted(_dead_letter_queues(sqs, prefix).items()):
        seen = 0
        while seen < MOST:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=LOOK_S,
                WaitTimeSeconds=1,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
            messages = answer.get("Messages", [])
            if not messages:
                break
            for message in messages:
                seen += 1
                attributes = {
                    **message.get("Attributes", {}),
                    **{
                        name: each.get("StringValue", "")
                        for name, each in message.get("MessageAttributes", {}).items()
                    },
                }
                yield DeadLetter(
                    queue=url.rsplit("/", 1)[-1],
                    queue_url=url,
                    source_url=source,
                    receipt=message["ReceiptHandle"],
                    body=message["Body"],
                    reason=explain(message["Body"], attributes),
                )


def _dead_letter_queues(sqs: Any, prefix: str) -> dict[str, str | None]:
    """URL of each dead-letter queue → URL of the queue it serves, from the queues' own redrive policies."""
    urls = [
        url
        for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix)
        for url in page.get("QueueUrls", [])
    ]
    by_arn, policies = {}, {}
    for url in urls:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "RedrivePolicy"])[
            "Attributes"
        ]
        by_arn[attributes["QueueArn"]] = url
        if "RedrivePolicy" in attributes:
            policies[url] = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]
    return {by_arn[arn]: source for source, arn in policies.items() if arn in by_arn}


def send_back(sqs: Any, letter: DeadLetter) -> bool:
    """Give a message back to its queue, then take it off the dead-letter queue. False if it has no queue."""
    if letter.source_url is None:
        return False
    sqs.send_message(QueueUrl=letter.source_url, MessageBody=letter.body)
    sqs.delete_message(QueueUrl=letter.queue_url, ReceiptHandle=letter.receipt)
    return True


def main() -> None:
    """The command line."""
    import boto3

    parser = argparse.ArgumentParser(prog="python -m handlers.redrive", description=__doc__)
    parser.add_argument("--send", action="store_true", help="send the messages back to their queues")
    parser.add_argument("--prefix", default=PREFIX, help="of the queues' names, such as globalbi-eu-")
    chosen = parser.parse_args()
    sqs, count = boto3.client("sqs"), 0
    for letter in dead_letters(sqs, chosen.prefix):
        count += 1
        sent = chosen.send and send_back(sqs, letter)
        print(f"{letter.queue}: {letter.reason}{' Sent back.' if sent else ''}")
    print(f"{count} message{'' if count == 1 else 's'}{' sent back' if chosen.send else ''}.")


if __name__ == "__main__":
    main()
