"""Erasure: what an office keeps of a sample whose data and names are gone.

A run stays as a row that counts and names nobody: its names are keyed hashes, no word is left that could
quote one. It is one revision later than it was read and at an end, so no late event brings it back; and it is
told to headquarters as every change is, which replaces the row there. A delivery stays until its partner has
been told. The office's key of pseudonyms alone tells which sample a hash was.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from handlers import delivery_ledger, ledger, outbox
from handlers.context import Context
from handlers.delivery_plan import ERASED as DELIVERY_ERASED
from handlers.delivery_plan import ERASING, PLANNED, Delivery
from handlers.items import below, get, put, typed
from handlers.keys import Sample
from handlers.notify import pseudonym
from handlers.objects import put_if_absent
from handlers.outbox import TOMBSTONE, Due
from handlers.passport import ALGORITHM, signed_text
from handlers.run import ERASED, Run

BEGUN, DONE = "begun", "done"
FOLDER = "erasures"  # of tombstones, in the results bucket
SCHEMA = 1
NO_CONTENT = "{}"
# The runner's lease asks for the current attempt's number: no container ever takes that of an erased run.
NO_ATTEMPT = 0


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """An erasure in the ledger, without names. `sample` is the keyed hash; `began`, ISO 8601 and S3's own
    time, parts what is erased from what is uploaded later. `found` counts what there was, by kind.
    """

    sample: str
    began: str
    by: str
    why: str
    state: str
    runs: tuple[str, ...]
    pipelines: tuple[str, ...]
    found: Mapping[str, int]
    partners: tuple[str, ...] = ()
    done: str = ""


def hidden(key: str, sample: Sample) -> Sample:
    """The sample by its keyed hashes, as an office with pseudonyms tells headquarters."""
    return replace(
        sample, project=pseudonym(key, sample.project), sample=hash_of(key, sample.project, sample.sample)
    )


def hash_of(key: str, project: str, sample: str) -> str:
    return pseudonym(key, f"{project}/{sample}")


def erased(run: Run, key: str, now: str) -> Run:
    """The run as erasing makes it: when and with what it was made stays, of what does not."""
    before = run.after and replace(run.after, prefix="", upload_key="")
    moved = run.moved(
        ERASED,
        now,
        attempts=tuple(replace(each, reason=None) for each in run.attempts),
        message="Erased: its data and its names are gone.",
        what_to_do=None,
        report=None,
        sample=hidden(key, run.sample),
        version_id="",
        sequencer=None,
        content=NO_CONTENT,
        after=before,
        recall=None,
        said=None,
        follow_due=False,
        passport_due=False,
    )
    return replace(moved, announced=run.announced)


def write_run(context: Context, run: Run) -> bool:
    """Put an erased run in place of what was there, one revision later than it was read; False if another
    was quicker. It is open until headquarters knows.
    """
    return put(
        context,
        ledger.erased_item(run, NO_ATTEMPT),
        ConditionExpression="revision = :read",
        ExpressionAttributeValues=typed({":read": run.revision - 1}),
    )


def erased_delivery(delivery: Delivery, key: str, now: str) -> Delivery:
    """Of what a partner may have, the partner is still to be told; what was only planned is over."""
    state = DELIVERY_ERASED if delivery.state == PLANNED else ERASING
    place = hidden(key, delivery.place).folder.rstrip("/")
    return replace(delivery.moved(state, now, reason="", failure="", tries=0), sample=place)


def write_delivery(context: Context, delivery: Delivery) -> bool:
    return delivery_ledger.advance(context, delivery)


def remove(context: Context, key: Mapping[str, str], unless_changed: Mapping[str, Any]) -> None:
    """Delete an item, if these attributes are as they were read."""
    condition = {
        "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in unless_changed),
        "ExpressionAttributeNames": {f"#{name}": name for name in unless_changed},
        "ExpressionAttributeValues": typed({f":{name}": value for name, value in unless_changed.items()}),
    }
    try:
        context.clients.dynamodb.delete_item(
            TableName=context.office.ledger, Key=typed(key), **(condition if unless_changed else {})
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise


def keep(context: Context, erasure: Erasure) -> None:
    """Write it down; once it is done its tombstone is due, which reconcile signs and puts."""
    due = {"due": TOMBSTONE, "due_at": erasure.done} if erasure.state == DONE else {}
    told = {
        **due,
        **asdict(erasure),
        "runs": list(erasure.runs),
        "pipelines": list(erasure.pipelines),
        "partners": list(erasure.partners),
        "found": dict(erasure.found),
    }
    put(context, {"pk": _partition(erasure.sample), "sk": f"at#{erasure.began}", **told})


def of_sample(context: Context, sample: str) -> Iterator[Erasure]:
    """The erasures of this keyed hash, the first one first."""
    for item in below(context, _partition(sample), "at#"):
        yield _of(item)


def _of(item: Mapping[str, Any]) -> Erasure:
    told = {name: item[name] for name in Erasure.__dataclass_fields__}
    return Erasure(
        **{
            **told,
            "runs": tuple(told["runs"]),
            "pipelines": tuple(told["pipelines"]),
            "partners": tuple(told["partners"]),
            "found": {name: int(count) for name, count in told["found"].items()},
        }
    )


def tombstone_key(done: Erasure) -> str:
    """Below the results bucket."""
    return f"{FOLDER}/{done.sample}/{done.began}.json"


def sign_tombstone(context: Context, due: Due) -> None:
    """Sign and put the tombstone that is due: who erases signs nothing, so nobody forges a passport."""
    item = get(context, due.key)
    if item is None or item.get("due") != TOMBSTONE:
        return  # the index lags behind
    done = _of(item)
    statement = json.dumps(
        {
            "schema": SCHEMA,
            "office": context.office.name,
            "sample": done.sample,
            "began": done.began,
            "done": done.done,
            "by": done.by,
            "why": done.why,
            "removed": dict(done.found),
            "partners_told": list(done.partners),
        },
        sort_keys=True,
    )
    answer = context.clients.kms.sign(
        KeyId=context.office.passport_key,
        Message=hashlib.sha256(statement.encode()).digest(),
        MessageType="DIGEST",
        SigningAlgorithm=ALGORITHM,
    )
    body = signed_text(answer["KeyId"], answer["Signature"], statement=statement)
    put_if_absent(context, tombstone_key(done), body, "application/json")
    outbox.done(context, due.key, TOMBSTONE)


def _partition(sample: str) -> str:
    return f"erasure#{sample}"
