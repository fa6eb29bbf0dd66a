"""Census: each night an office tells headquarters which runs it has, and sends anew what may have been lost.

Events are delivered at least once, but not for ever. So the ledger is read once a night, a page at a time,
over as many invocations as it takes. The latest event of each run that changed in the last two days is sent
again; of each older one headquarters gets id, revision and a digest of what its last event said, and compares
(`handlers.fleet_census`). Last comes how many there are. No name of a sample is in it.
"""

import functools
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import boto3

from handlers.context import Context, Office, clients_of, iso
from handlers.items import typed, untyped
from handlers.ledger import read_note, run_of, write_note
from handlers.metrics import publish_counts
from handlers.notify import DETAIL_TYPE, SOURCE, NotSent, event_of, pseudonym_key
from handlers.run import Run

PART, COUNT = "Census Part", "Census Count"
NOTE = "census"
DAY_S = 86_400.0
# Younger than this a run may still change, and its events be on their way: they are sent again instead.
SETTLED_S = DAY_S
# A night that fails is made up for by the next.
AGAIN_S = 2 * DAY_S
# Of one page, so of one event: far below EventBridge's 256 KB, and a second's work for headquarters.
PAGE_ITEMS = 250
AT_ONCE = 10  # AWS: entries of one PutEvents
# Parts that headquarters has not seen so long after the last was sent are not on their way.
COUNT_AFTER_S = 300.0
STOP_WITH_S_LEFT = 30.0
# Runs are counted by the first digit of their ids, so that headquarters counts a sixteenth at a time.
SLICES = tuple(f"r{digit:x}" for digit in range(16))

MISSING, BEHIND, DIFFERENT, AHEAD, UNKNOWN = "missing", "behind", "different", "ahead", "unknown"


def digest(told: Mapping[str, Any]) -> str:
    """Equal for equal events, whoever has read them."""
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode()).hexdigest()[:16]


def kind_of(ledger: tuple[int, str], held: tuple[int, str] | None) -> str | None:
    """What is wrong with a row of headquarters, given the ledger's; both are revision and digest."""
    if held is None:
        return MISSING
    if held[0] != ledger[0]:
        return BEHIND if held[0] < ledger[0] else AHEAD
    return DIFFERENT if held[1] != ledger[1] else None


@dataclass(frozen=True, kw_only=True)
class Night:
    """How far a night's census has come. `cursor`: after which item to go on; `ended`: when all were read."""

    night: str
    settled_before: str
    again_since: str
    cursor: Mapping[str, str] | None = None
    parts: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    ended: float | None = None
    counted: bool = False


def handle(event: Mapping[str, Any], context: Context) -> dict[str, int]:  # noqa: ARG001
    """The schedule's event says nothing; the answer is what was done."""
    word = read_note(context, NOTE)
    night = Night(**json.loads(word)) if word else None
    today = context.now[:10]
    if night is None or night.night != today:
        now = context.clock()
        night = Night(night=today, settled_before=iso(now - SETTLED_S), again_since=iso(now - AGAIN_S))
    key = pseudonym_key(context) if context.office.pseudonymous else None
    while night.ended is None and context.time_left() > STOP_WITH_S_LEFT:
        night = _page(context, night, key)
        _keep(context, night)
    if night.ended is not None and not night.counted and context.clock() >= night.ended + COUNT_AFTER_S:
        _count(context, night)
        _keep(context, replace(night, counted=True))
        context.counts["CensusesTaken"] += 1
    return dict(context.counts)


def _page(context: Context, night: Night, key: str | None) -> Night:
    """Read one page of the ledger and tell of it. Done again after a kill, it tells the same or newer."""
    answer = context.clients.dynamodb.scan(
        TableName=context.office.ledger,
        Limit=PAGE_ITEMS,
        FilterExpression="sk = :run",
        ExpressionAttributeValues={":run": {"S": "run"}},
        **({"ExclusiveStartKey": typed(night.cursor)} if night.cursor else {}),
    )
    runs = [run_of(untyped(item)) for item in answer["Items"]]
    settled = [run for run in runs if run.updated < night.settled_before]
    entries = [
        _entry(DETAIL_TYPE, event_of(run, context.office.name, key))
        for run in runs
        if run.updated >= night.again_since
    ]
    context.counts["EventsSentAgain"] += len(entries)
    if settled:
        part = {
            **_said(context, night),
            "part": night.parts,
            "before": night.settled_before,
            "runs": [_line(context, run, key) for run in settled],
        }
        entries.append(_entry(PART, part))
    _send(context, entries)
    context.counts["RunsTold"] += len(settled)
    counts = Counter(night.counts) + Counter(run.run_id[:2] for run in settled)
    last = answer.get("LastEvaluatedKey")
    return replace(
        night,
        cursor=untyped(last) if last else None,
        parts=night.parts + bool(settled),
        counts=dict(counts),
        ended=None if last else context.clock(),
    )


def _line(context: Context, run: Run, key: str | None) -> list[Any]:
    return [run.run_id, run.revision, digest(event_of(run, context.office.name, key))]


def _count(context: Context, night: Night) -> None:
    counts = (
        {**_said(context, night), "before": night.settled_before, "parts": night.parts, "slice": each,
         "runs": night.counts.get(each, 0)}
        for each in SLICES
    )  # fmt: skip
    _send(context, [_entry(COUNT, each) for each in counts])


def _said(context: Context, night: Night) -> dict[str, Any]:
    return {"schema": 1, "office": context.office.name, "night": night.night}


def _entry(kind: str, detail: Mapping[str, Any]) -> dict[str, str]:
    return {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail, ensure_ascii=False)}


def _send(context: Context, entries: Iterable[Mapping[str, str]]) -> None:
    told = list(entries)
    for at in range(0, len(told), AT_ONCE):
        answer = context.clients.events.put_events(Entries=told[at : at + AT_ONCE])
        if answer["FailedEntryCount"]:  # PutEvents answers 200 even then
            raise NotSent(f"EventBridge refused {answer['FailedEntryCount']} events of the census")


def _keep(context: Context, night: Night) -> None:
    write_note(context, NOTE, json.dumps(asdict(night)))


@functools.cache
def _own_context() -> Context:
    """The context of this Lambda environment: of the office's resources the census knows the ledger alone."""
    office = Office(
        name=os.environ["OFFICE"],
        ledger=os.environ["LEDGER"],
        pseudonymous=os.environ["IDENTIFIERS"] == "pseudonymous",
        releases={},
        uploads="",
        results="",
        references="",
        job_queue="",
        on_demand_job_queue="",
    )
    return Context(office=office, clients=clients_of(boto3.session.Session()))


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, int]:
    """Lambda's entry point."""
    context = _own_context().until(lambda_context)
    try:
        return handle(event, context)
    finally:
        publish_counts(context)
