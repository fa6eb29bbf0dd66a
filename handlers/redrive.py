"""Redrive: what is in a dead-letter queue, why, and back it goes.

`python -m handlers.redrive` lists every message in the dead-letter queues of the account that the
credentials belong to, each with its reason in words; with `--send` they go back to where they came from: to
the queue, or, if they were on their way to headquarters, onto the office's bus. Looking takes nothing away.
Every handler may be given a message again without harm, so sending back is always safe.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from handlers.notices import harmless

PREFIX = "globalbi-"
# Dead letters of a rule that has no queue behind it, only another bus: no redrive policy names these queues.
LONE = "dead-letters"
# While the list is made, what has been seen must not come again. All are put back at the end; if this process
# is killed before, they come back after this long.
LOOK_S = 300
AT_ONCE = 10
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


@dataclass(frozen=True, kw_only=True)
class _Source:
    """The queue that a dead-letter queue serves, and after how many failures a message leaves it."""

    url: str | None = None
    tries: str | None = None


def explain(body: str, attributes: Mapping[str, str], tries: str | None = None) -> str:
    """Why a message is in a dead-letter queue and what it is about, in one sentence.

    `tries`: how many times the queue tries. SQS's own count of receives counts lookers, too.
    """
    about = _about(body)
    if "ERROR_CODE" in attributes:  # EventBridge could not deliver it
        return (
            f"{about}: EventBridge could not deliver it ({attributes['ERROR_CODE']}:"
            f" {attributes.get('ERROR_MESSAGE', 'no message')})."
        )
    often = f"{tries} times" if tries else "several times"
    return f"{about}: its function failed {often}; the function's log names this message and the reason."


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
                run = f"Run {detail['run_id']} of {detail['office']}"
                return f"{run} became {detail['state']}, unknown to whom it was for"
            case _:
                return f"An event {kind!r}"
    except (ValueError, KeyError, TypeError):
        return f"Something that is no event of this platform ({body[:60]!r})"


def dead_letters(sqs: Any, prefix: str = PREFIX) -> Iterator[DeadLetter]:
    """Every message in the dead-letter queues whose names, or whose source queues', begin with `prefix`.

    What the caller has not sent back by the end is visible again at once. All queues are asked at once, as
    each answer takes a second.
    """
    queues = sorted(_dead_letter_queues(sqs, prefix).items())
    held: dict[str, list[str]] = {url: [] for url, _ in queues}

    def receive(url: str) -> list[dict[str, Any]]:
        messages = _receive(sqs, url)
        held[url] += [message["ReceiptHandle"] for message in messages]
        return messages

    try:
        with ThreadPoolExecutor(max(1, len(queues))) as pool:
            first = list(pool.map(receive, held))
        for (url, source), messages in zip(queues, first, strict=True):
            while messages:
                for message in messages:
                    yield _letter(url, source, message)
                messages = receive(url) if len(held[url]) < MOST else []
    finally:
        for url, receipts in held.items():
            _put_back(sqs, url, receipts)


def _letter(url: str, source: _Source, message: Mapping[str, Any]) -> DeadLetter:
    attributes = {
        name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()
    }
    return DeadLetter(
        queue=url.rsplit("/", 1)[-1],
        queue_url=url,
        source_url=source.url,
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        reason=explain(message["Body"], attributes, source.tries),
    )


def _receive(sqs: Any, url: str) -> list[dict[str, Any]]:
    answer = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=AT_ONCE,
        VisibilityTimeout=LOOK_S,
        WaitTimeSeconds=1,
        MessageAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _put_back(sqs: Any, url: str, receipts: list[str]) -> None:
    """Those that were sent back are gone: SQS says so for each, and the others become visible."""
    for start in range(0, len(receipts), AT_ONCE):
        sqs.change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + AT_ONCE])
            ],
        )


def _dead_letter_queues(sqs: Any, prefix: str) -> dict[str, _Source]:
    """URL of each dead-letter queue → the queue it serves, from the queues' own redrive policies."""
    by_arn: dict[str, str] = {}
    policies: dict[str, dict[str, Any]] = {}
    for page in sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix):
        for url in page.get("QueueUrls", []):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "RedrivePolicy"])[
                "Attributes"
            ]
            by_arn[attributes["QueueArn"]] = url
            if "RedrivePolicy" in attributes:
                policies[url] = json.loads(attributes["RedrivePolicy"])
    found = {url: _Source() for url in by_arn.values() if LONE in url.rsplit("/", 1)[-1]}
    for source, policy in policies.items():
        arn = policy["deadLetterTargetArn"]
        if arn in by_arn:
            found[by_arn[arn]] = _Source(url=source, tries=str(policy["maxReceiveCount"]))
    return found


def send_back(sqs: Any, letter: DeadLetter, events: Any) -> bool:
    """Give a message back to where it came from, then take it off the dead-letter queue.

    Without a queue of its own it is an event that the office's rule could not bring to headquarters: on the
    office's bus (`events`) the rule finds it again. False if there is no way for it.
    """
    if letter.source_url is not None:
        sqs.send_message(QueueUrl=letter.source_url, MessageBody=letter.body)
    elif not _put_event(events, letter.body):
        return False
    sqs.delete_message(QueueUrl=letter.queue_url, ReceiptHandle=letter.receipt)
    return True


def _put_event(events: Any, body: str) -> bool:
    try:
        event = json.loads(body)
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"], ensure_ascii=False),
        }
    except (ValueError, KeyError, TypeError):
        return False
    if str(entry["Source"]).startswith("aws."):
        return False  # EventBridge takes AWS's own events from nobody else
    return not events.put_events(Entries=[entry])["FailedEntryCount"]


def main() -> int:
    """The command line."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    parser = argparse.ArgumentParser(prog="python -m handlers.redrive", description=__doc__)
    parser.add_argument("--send", action="store_true", help="send the messages back to where they came from")
    parser.add_argument("--prefix", default=PREFIX, help="of the queues' names, such as globalbi-eu-")
    chosen = parser.parse_args()
    count = sent = 0
    try:
        sqs, events = boto3.client("sqs"), boto3.client("events")
        for letter in dead_letters(sqs, chosen.prefix):
            count += 1
            went = chosen.send and send_back(sqs, letter, events)
            sent += went
            print(shown(letter.queue, f"{letter.reason}{_outcome(went) if chosen.send else ''}"))
    except (BotoCoreError, ClientError) as error:
        print(_in_words(error), file=sys.stderr)
        return 1
    print(f"{count} message{'' if count == 1 else 's'}{f', {sent} sent back' if chosen.send else ''}.")
    return 0


def shown(queue: str, reason: str) -> str:
    """One line: whatever a key holds, it steers no terminal."""
    return harmless(f"{queue}: {reason}")


def _outcome(went: bool) -> str:
    return " Sent back." if went else " Left where it is: it has no way back."


def _in_words(error: Exception) -> str:
    match type(error).__name__:
        case "NoRegionError":
            return "No region is chosen: set AWS_DEFAULT_REGION to the office's (aws:region in its file)."
        case "NoCredentialsError" | "PartialCredentialsError":
            return "There are no AWS credentials: sign in, or set AWS_PROFILE to the office's profile."
        case "ProfileNotFound":
            return f"{error}: set AWS_PROFILE to a profile of ~/.aws/config."
        case "EndpointConnectionError" | "ConnectTimeoutError" | "ReadTimeoutError":
            return f"{error} Check the network, AWS_DEFAULT_REGION, and AWS_ENDPOINT_URL if it is set."
    return f"AWS refused: {error}"


if __name__ == "__main__":
    sys.exit(main())
