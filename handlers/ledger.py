"""The ledger: the office's DynamoDB table of runs. Every change is one conditional write.

A sample's item names its newest upload and the run that analyses it; a run's item holds its state. Writers
read, decide, and write on condition that nothing has changed since; whoever comes second reads again. The
runner writes its lease and its last words to the same item without touching the revision.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from handlers.context import Context
from handlers.cost import estimate_of_item, estimate_to_item
from handlers.delivery_plan import Delivery
from handlers.items import get as _get
from handlers.items import present as _present
from handlers.items import put as _put
from handlers.items import query as _query
from handlers.items import transact
from handlers.items import typed as _item
from handlers.items import update as _update
from handlers.keys import Sample
from handlers.outbox import INDEX as DUE_INDEX
from handlers.outbox import PASSPORT, due_of
from handlers.run import TERMINAL, Attempt, Host, Members, Predecessor, Recalled, Run, Said
from handlers.upload import Upload

OPEN_INDEX, PAGE_INDEX = "by_state", "by_page"
# Each index's partition and sort key. Two are sparse: only what is open, and only what is due, is in them.
INDEXES = {
    OPEN_INDEX: ("open", "updated"),
    PAGE_INDEX: ("page", "updated"),  # the runs of one pipeline and project
    DUE_INDEX: ("due", "due_at"),
}
# What a project's page shows of a run, and what is learnt of it when one is made.
PAGE_ATTRIBUTES = (
    *("sample", "state", "message", "what_to_do", "size", "times", "results_prefix", "report"),
    *("revision", "recall", "peak_mib", "held"),
)
# What of an item stands in each index. The lease is in none: its renewals, three a minute of every container,
# would each be a second write.
PROJECTED: Mapping[str, tuple[str, ...]] = {
    OPEN_INDEX: tuple(
        dict.fromkeys(
            name
            for name in (*PAGE_ATTRIBUTES, "page", "uploaded", *Delivery.__dataclass_fields__)
            if name not in INDEXES[OPEN_INDEX]
        )
    ),
    PAGE_INDEX: PAGE_ATTRIBUTES,
    DUE_INDEX: (),
}
OPEN = "open"  # runs that are not at their end, or whose end has not been told and followed

_serializer = TypeSerializer()


class Contended(Exception):
    """The item changed between reading and writing, time and again: the queue will bring the event back."""


@dataclass(frozen=True, kw_only=True)
class Newest:
    """A sample's item: the newest upload known, and its run (an earlier upload's, if of the same bytes).

    Of a run that takes results, `after_run` and `version_id` are what it takes (`Run.taken`), and there is no
    sequencer: S3's sequencers order versions of one key only.
    """

    version_id: str
    sequencer: str | None
    uploaded: str
    content: str
    size: int
    run_id: str
    release: str  # of that run: `Release.id`
    after_run: str | None = None


def read_newest(context: Context, sample: Sample) -> Newest | None:
    item = _get(context, _sample_key(sample))
    if item is None:
        return None
    return Newest(
        version_id=item["version_id"],
        sequencer=item.get("sequencer"),
        uploaded=item["uploaded"],
        content=item["content"],
        size=int(item["size"]),
        run_id=item["run_id"],
        release=item["release"],
        after_run=item.get("after_run"),
    )


def read_run(context: Context, run_id: str) -> Run | None:
    item = _get(context, run_key(run_id))
    return None if item is None else run_of(item)


def claim(
    context: Context, run: Run, known: Newest | None, superseded: Run | None, *beside: Mapping[str, Any]
) -> bool:
    """Make `run` the sample's newest, and end the one it supersedes, all or nothing.

    `superseded` is the old run as it shall be (one revision later); `beside` are further parts of the
    transaction. False if the ledger has changed meanwhile.
    """
    table = context.office.ledger
    newest = {
        **_sample_key(run.sample),
        "version_id": run.taken,
        "sequencer": run.sequencer,
        "uploaded": run.uploaded,
        "content": run.content,
        "size": run.size,
        "run_id": run.run_id,
        "release": run.release,
        "pipeline": run.sample.pipeline,
        "after_run": run.taken if run.after or run.members else None,
    }
    writes: list[dict[str, Any]] = [
        {"Put": {"TableName": table, "Item": _item(newest), **_unchanged(known)}},
        {
            "Put": {
                "TableName": table,
                "Item": _item({**run_key(run.run_id), **_whole(run), "open": OPEN}),
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    ]
    if superseded is not None:
        writes.append({"Update": {"TableName": table, **_advance(superseded)}})
    return transact(context, *writes, *beside)


def note_same_content(context: Context, upload: Upload, known: Newest) -> bool:
    """Record that `upload` is the sample's newest, though its run is an earlier one of the same bytes."""
    sequencer, gone = (", sequencer = :s", "") if upload.sequencer else ("", ", sequencer")
    condition = _unchanged(known)
    values = {":n": upload.version_id, ":u": upload.uploaded, ":c": upload.content}
    if upload.sequencer:
        values[":s"] = upload.sequencer
    return _update(
        context,
        Key=_item(_sample_key(upload.sample)),
        UpdateExpression=f"SET version_id = :n, uploaded = :u, content = :c{sequencer}"
        f" REMOVE after_run{gone}",
        ConditionExpression=condition["ConditionExpression"],
        ExpressionAttributeValues={**condition["ExpressionAttributeValues"], **_item(values)},
    )


def note_sequencer(context: Context, upload: Upload) -> None:
    """Fill in the sequencer of an upload that reconcile found before S3's event came."""
    if upload.sequencer:
        _update(
            context,
            Key=_item(_sample_key(upload.sample)),
            UpdateExpression="SET sequencer = :s",
            ConditionExpression="version_id = :v AND attribute_not_exists(sequencer)",
            ExpressionAttributeValues=_item({":s": upload.sequencer, ":v": upload.version_id}),
        )


def advance(context: Context, run: Run, *beside: Mapping[str, Any]) -> bool:
    """Write `run`, one revision later than it was read, with `beside` in one transaction if there is any.

    False if another was quicker.
    """
    return _change(context, _advance(run), beside)


def mark_recalled(context: Context, run: Run, *beside: Mapping[str, Any]) -> bool:
    """Write the recall of `run`, one revision later than it was read, at its end or not.

    False if another was quicker. The run is open until that is told. `beside` as in `advance`.
    """
    values = {
        "recall": asdict(run.recall) if run.recall else None,
        "revision": run.revision,
        "updated": run.updated,
        "open": OPEN,
    }
    write = {
        "Key": _item(run_key(run.run_id)),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ConditionExpression": "#revision = :read",
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {
            **{f":{name}": _serializer.serialize(value) for name, value in values.items()},
            ":read": {"N": str(run.revision - 1)},
        },
    }
    return _change(context, write, beside)


def _change(context: Context, write: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]) -> bool:
    if not beside:
        return _update(context, **write)
    return transact(context, {"Update": {"TableName": context.office.ledger, **write}}, *beside)


def take_turn(context: Context, run: Run, until: int) -> bool:
    """Ask to be the one who submits the current attempt. `until` is epoch seconds."""
    return _update(
        context,
        Key=_item(run_key(run.run_id)),
        UpdateExpression="SET turn_expires = :until",
        ConditionExpression="revision = :revision AND turn_expires <= :now",
        ExpressionAttributeValues=_item(
            {":until": until, ":revision": run.revision, ":now": int(context.clock())}
        ),
    )


def mark_announced(context: Context, run: Run) -> None:
    """Record that `status.json` and HQ know this revision.

    A run at its end then leaves the open ones, unless its follow-on runs are still to be claimed.
    """
    if run.terminal:
        _close(
            context,
            run,
            (
                "SET announced = :revision REMOVE #open",
                "revision = :revision AND attribute_not_exists(follow_due)",
            ),
            ("SET announced = :revision", "revision = :revision AND attribute_exists(follow_due)"),
        )
    else:
        _set(context, run, "SET announced = :revision", "announced < :revision")


def mark_followed(context: Context, run: Run) -> None:
    """Record that what follows this run is claimed; the run then leaves the open ones if its end is told."""
    _close(
        context,
        run,
        ("REMOVE follow_due, #open", "announced = :revision"),
        ("REMOVE follow_due", "announced < :revision"),
    )


def _close(context: Context, run: Run, closing: tuple[str, str], leaving: tuple[str, str]) -> None:
    """Two marks close a run, set by whoever comes: the later one takes it off the open ones.

    The conditions exclude each other, and the other mark is set only once: so one of three tries succeeds.
    """
    for update, condition in (closing, leaving, closing):
        if _set(context, run, update, condition):
            return


def _set(context: Context, run: Run, update: str, condition: str) -> bool:
    return _update(
        context,
        Key=_item(run_key(run.run_id)),
        UpdateExpression=update,
        ConditionExpression=condition,
        ExpressionAttributeValues=_item({":revision": run.revision}),
        **({"ExpressionAttributeNames": {"#open": "open"}} if "#open" in update else {}),
    )


def open_runs(context: Context) -> Iterator[str]:
    """Ids of the runs that are not done with, the longest untouched first."""
    for item in _query(context, OPEN_INDEX, "#open = :open", {":open": OPEN}, names={"#open": "open"}):
        yield item["pk"]["S"].removeprefix("run#")


def read_note(context: Context, name: str) -> str | None:
    """A word the office keeps in its ledger: a cursor, a key."""
    item = _get(context, {"pk": f"note#{name}", "sk": "note"})
    return None if item is None else str(item["word"])


def write_note(context: Context, name: str, word: str, *, only_first: bool = False) -> bool:
    """Keep `word`; with `only_first`, False if there is one already."""
    condition = {"ConditionExpression": "attribute_not_exists(pk)"} if only_first else {}
    return _put(context, {"pk": f"note#{name}", "sk": "note", "word": word}, **condition)


def run_of(item: Mapping[str, Any]) -> Run:
    """A run from its item, with DynamoDB's types taken off."""
    said = item.get("said")
    return Run(
        run_id=item["pk"].removeprefix("run#"),
        sample=Sample(pipeline=item["pipeline"], project=item["project"], sample=item["sample"]),
        bucket=item["bucket"],
        version_id=item["version_id"],
        sequencer=item.get("sequencer"),
        size=int(item["size"]),
        content=item["content"],
        uploaded=item["uploaded"],
        release_digest=item["release_digest"],
        pipeline_version=item["pipeline_version"],
        job_definition=item["job_definition"],
        references={role: (str(pin[0]), str(pin[1])) for role, pin in item["references"].items()},
        attempts=tuple(_attempt(each) for each in item["attempts"]),
        state=item["state"],
        revision=int(item["revision"]),
        announced=int(item["announced"]),
        message=item["message"],
        what_to_do=item.get("what_to_do"),
        times=dict(item["times"]),
        updated=item["updated"],
        report=item.get("report"),
        said=Said(attempt=int(said["attempt"]), code=int(said["code"]), message=str(said["message"]))
        if said
        else None,
        host=_host(item.get("lease_host")),
        turn_expires=int(item["turn_expires"]),
        lease_expires=int(item.get("lease_expires", 0)),
        after=Predecessor(**item["after"]) if item.get("after") else None,
        members=Members(**_plain(item["members"])) if item.get("members") else None,
        follow_due=bool(item.get("follow_due")),
        recall=Recalled(**item["recall"]) if item.get("recall") else None,
        passport_due=item.get("due") == PASSPORT,
        estimate=estimate_of_item(item.get("estimate")),
        used=_plain(item["used"]) if item.get("used") else None,
        peak_mib=int(item["peak_mib"]) if item.get("peak_mib") else None,
        held=item.get("held"),
        charged=item.get("charged"),
    )


def _attempt(told: Mapping[str, Any]) -> Attempt:
    """Without what a later version has added: an office that goes back to this one must read on."""
    return Attempt(**_plain({name: told[name] for name in told.keys() & Attempt.__dataclass_fields__.keys()}))


def _host(noted: Mapping[str, Any] | None) -> Host | None:
    if not noted:
        return None
    return Host(
        attempt=int(noted["attempt"]),
        instance=noted["type"],
        market=noted["market"],
        instance_id=noted.get("id"),
    )


def erased_item(run: Run, attempt: int) -> dict[str, Any]:
    """The whole item of an erased run: in no project's page, and of no attempt that is under way."""
    kept = {
        name: value for name, value in _whole(run).items() if name not in ("page", "results_prefix", "key")
    }
    return {**run_key(run.run_id), **kept, "attempt": attempt, "open": OPEN}


def _whole(run: Run) -> dict[str, Any]:
    return {
        "pipeline": run.sample.pipeline,
        "project": run.sample.project,
        "sample": run.sample.sample,
        "bucket": run.bucket,
        "key": run.upload_key,
        "version_id": run.version_id,
        "sequencer": run.sequencer,
        "size": run.size,
        "content": run.content,
        "uploaded": run.uploaded,
        "release": run.release,
        "release_digest": run.release_digest,
        "pipeline_version": run.pipeline_version,
        "job_definition": run.job_definition,
        "references": {role: list(pin) for role, pin in run.references.items()},
        "results_prefix": run.results_prefix,
        "announced": run.announced,
        "after": asdict(run.after) if run.after else None,
        "members": asdict(run.members) if run.members else None,
        "page": page_of(run.sample),
        "estimate": estimate_to_item(run.estimate),
        **_changing(run),
    }


def _changing(run: Run) -> dict[str, Any]:
    return {
        "state": run.state,
        "attempt": run.attempt.number,  # the runner's lease asks for it
        "attempts": [_present(asdict(each)) for each in run.attempts],
        "revision": run.revision,
        "message": run.message,
        "what_to_do": run.what_to_do,
        "times": dict(run.times),
        "updated": run.updated,
        "report": run.report,
        "used": dict(run.used) if run.used else None,
        "peak_mib": run.peak_mib,
        "turn_expires": run.turn_expires,
        "held": run.held,
        "charged": run.charged,
    }


def _advance(run: Run) -> dict[str, Any]:
    """The one conditional write of every transition: on the revision read, never out of an end."""
    values = {
        **_changing(run),
        "open": OPEN,
        **({"follow_due": True} if run.follow_due else {}),
        **due_of(run),
    }  # None is written as null: what was said of an attempt before goes
    ends = {f":end{i}": {"S": state} for i, state in enumerate(sorted(TERMINAL))}
    return {
        "Key": _item(run_key(run.run_id)),
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ConditionExpression": f"#revision = :read AND NOT #state IN ({', '.join(ends)})",
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {
            **{f":{name}": _serializer.serialize(value) for name, value in values.items()},
            **ends,
            ":read": {"N": str(run.revision - 1)},
        },
    }


def _unchanged(known: Newest | None) -> dict[str, Any]:
    if known is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version_id = :known AND run_id = :run",
        "ExpressionAttributeValues": _item({":known": known.version_id, ":run": known.run_id}),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, str) else int(value) for name, value in values.items()}


def _sample_key(sample: Sample) -> dict[str, str]:
    return {"pk": f"sample#{sample.folder.rstrip('/')}", "sk": "sample"}


def page_of(sample: Sample) -> str:
    """The page that tells of the sample: its pipeline's and project's."""
    return f"{sample.pipeline}/{sample.project}"


def run_key(run_id: str) -> dict[str, str]:
    """The key of a run's item."""
    return {"pk": f"run#{run_id}", "sk": "run"}
