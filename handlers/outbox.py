"""The outbox: what is still to be told or made, marked in the very write that gives cause for it.

An item that is due carries `due` (what) and `due_at` (from when on); a sparse index lists such items, the
longest due first. Whoever has done it takes the mark off, on condition that nothing new has come: so nothing
is forgotten when a function is killed or an event is dropped, and many causes make one piece of work.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.context import Context
from handlers.items import get, query, typed, update
from handlers.keys import Sample
from handlers.run import FAILED, REJECTED, Run

PAGE, NOTICE, PASSPORT, COHORT, TOMBSTONE = "page", "notice", "passport", "cohort", "tombstone"
INDEX = "by_due"


def due_of(run: Run) -> dict[str, str]:
    """What a run's end gives cause for, as attributes of its item."""
    if run.passport_due:
        return {"due": PASSPORT, "due_at": run.updated}
    if run.recall is not None:
        return {}  # a recall tells people once for all runs of a project
    if run.state in (FAILED, REJECTED):
        return {"due": NOTICE, "due_at": run.updated}
    return {}


def later(iso: str, seconds: float) -> str:
    then = datetime.fromisoformat(iso) + timedelta(seconds=seconds)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, kw_only=True)
class Due:
    """The key of an item that is due."""

    pk: str
    sk: str

    @property
    def key(self) -> dict[str, str]:
        return {"pk": self.pk, "sk": self.sk}


def all_due(context: Context, what: str) -> Iterator[Due]:
    """What is due by now, the longest due first. The index lags behind: look at the item before acting."""
    values = {":what": what, ":now": context.now}
    for item in query(context, INDEX, "due = :what AND due_at <= :now", values):
        yield Due(pk=item["pk"]["S"], sk=item["sk"]["S"])


def done(context: Context, key: Mapping[str, str], what: str) -> bool:
    """Take the mark off."""
    return update(
        context,
        Key=typed(key),
        UpdateExpression="REMOVE due, due_at",
        ConditionExpression="due = :what",
        ExpressionAttributeValues=typed({":what": what}),
    )


def postpone(context: Context, key: Mapping[str, str], what: str, seconds: float) -> bool:
    """Let it be due so much later: what cannot be done now must not stand before what can."""
    return update(
        context,
        Key=typed(key),
        UpdateExpression="SET due_at = :later",
        ConditionExpression="due = :what",
        ExpressionAttributeValues=typed({":what": what, ":later": later(context.now, seconds)}),
    )


# --- what is made anew when it has changed: a project's page, its cohort ---


@dataclass(frozen=True, kw_only=True)
class Changes:
    """How often something has been given cause to be made anew, and when last (ISO 8601)."""

    count: int
    last: str


def change_of(context: Context, key: Mapping[str, str], what: str, wait_s: float = 0) -> dict[str, Any]:
    """The update by which this is due in so long, and whoever is making it must make it again."""
    return {
        "Key": typed(key),
        "UpdateExpression": "SET due = :what, due_at = :then, changed = :now,"
        " changes = if_not_exists(changes, :none) + :one",
        "ExpressionAttributeValues": typed(
            {
                ":what": what,
                ":then": later(context.now, wait_s),
                ":now": context.now,
                ":none": 0,
                ":one": 1,
            }
        ),
    }


def changes(context: Context, key: Mapping[str, str], what: str) -> Changes | None:
    """To be read before what is to be made of it; None: it is not due."""
    item = get(context, key)
    if item is None or item.get("due") != what or item["due_at"] > context.now:
        return None
    return Changes(count=int(item["changes"]), last=item["changed"])


def made(context: Context, key: Mapping[str, str], seen: Changes, again_in_s: float | None = None) -> bool:
    """It is made of what was `seen`; with `again_in_s` it is due again after so long.

    False if more has come meanwhile: it then stays due.
    """
    values: dict[str, Any] = {":seen": seen.count}
    if again_in_s is None:
        change = "REMOVE due, due_at"
    else:
        change = "SET due_at = :later"
        values[":later"] = later(context.now, again_in_s)
    return update(
        context,
        Key=typed(key),
        UpdateExpression=change,
        ConditionExpression="changes = :seen",
        ExpressionAttributeValues=typed(values),
    )


def page_key(pipeline: str, project: str) -> dict[str, str]:
    return {"pk": f"page#{pipeline}/{project}", "sk": "page"}


def page_changed(context: Context, sample: Sample) -> None:
    """The page of the sample's project is due now."""
    update(context, **change_of(context, page_key(sample.pipeline, sample.project), PAGE))
