"""One SQS record at a time, each on its own.

A batch's records succeed or fail alone: what failed goes back to the queue, the rest is acknowledged. When
the function's time runs short, the records not yet begun go back too. (A function that times out in the
middle of a batch returns all of it, done or not; a public incident turned 4,384 uploads into 14,727
executions that way.)
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from handlers.context import LEAST_S_FOR_A_RECORD
from handlers.log import logger, one_by_one


class Invocation(Protocol):
    """What is needed of a context here."""

    def time_left(self) -> float: ...

    @property
    def counts(self) -> Counter[str]: ...


C = TypeVar("C", bound=Invocation)


def each_record(
    event: Mapping[str, Any], context: C, handle: Callable[[Mapping[str, Any], C], None]
) -> dict[str, Any]:
    """Call `handle` with each record's body, an EventBridge event; answer with the partial batch failures."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        message_id = record["messageId"]
        if context.time_left() < LEAST_S_FOR_A_RECORD:
            failed.append({"itemIdentifier": message_id})
            context.counts["RecordsPutBack"] += 1
            continue
        with one_by_one():
            try:
                handle(json.loads(record["body"]), context)
            except Exception as error:  # whatever it is, it is this record's alone
                logger.exception(
                    "a record failed and goes back to its queue", message_id=message_id, reason=str(error)
                )
                context.counts["RecordsFailed"] += 1
                failed.append({"itemIdentifier": message_id})
    return {"batchItemFailures": failed}
