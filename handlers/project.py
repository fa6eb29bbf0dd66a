"""A project in the ledger: which of its runs have results that a cohort takes, and whether one is due.

A partition of its own for each pipeline and project: one item counts the changes and carries the mark (see
`handlers.outbox`), and one row for each successful run tells what it shares. Both are written in the very
transaction in which the run succeeds, and read as they are, never by an index that lags behind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handlers import ledger
from handlers.context import Context
from handlers.follow_on import cohorts
from handlers.items import below, get, put, query, typed, untyped, update
from handlers.manifest import Published, look_for
from handlers.outbox import COHORT, Changes, change_of
from handlers.run import RECEIVED, SUCCEEDED, Run

_ROW = "run#"


@dataclass(frozen=True, kw_only=True)
class Project:
    """The samples of one project that one pipeline analyses."""

    pipeline: str
    name: str

    @property
    def key(self) -> dict[str, str]:
        return {"pk": f"project#{self.pipeline}/{self.name}", "sk": "project"}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A successful run of the project. `received` is ISO 8601, `size` the bytes that a cohort takes of it."""

    sample: str
    run_id: str
    received: str
    size: int
    recalled: bool = False


def project_of(pk: str) -> Project:
    pipeline, _, name = pk.removeprefix("project#").partition("/")
    return Project(pipeline=pipeline, name=name)


def newest_of(rows: Iterable[Member]) -> list[Member]:
    """Of each sample the run that was claimed last, by sample; none where that one is recalled."""
    newest: dict[str, Member] = {}
    for row in sorted(rows, key=lambda row: (row.received, row.run_id)):
        newest[row.sample] = row
    return [newest[name] for name in sorted(newest) if not newest[name].recalled]


def joining(context: Context, run: Run) -> tuple[Mapping[str, Any], ...]:
    """What is written in the transaction in which `run` succeeds; nothing if no cohort takes its results."""
    if not run.shared or not cohorts(context.office.releases, run.sample.pipeline):
        return ()
    row = _row(run)
    return ({"Put": {"TableName": context.office.ledger, "Item": typed(row)}}, _mark(context, run))


def leaving(context: Context, run: Run) -> tuple[Mapping[str, Any], ...]:
    """What is written in the transaction that recalls `run`; nothing if it is in no project."""
    key = {name: _row(run)[name] for name in ("pk", "sk")}
    if get(context, key) is None:
        return ()
    recalled = {
        "Key": typed(key),
        "UpdateExpression": "SET recalled = :yes",
        "ExpressionAttributeValues": typed({":yes": True}),
    }
    return ({"Update": {"TableName": context.office.ledger, **recalled}}, _mark(context, run))


def changes_of(context: Context, project: Project) -> Changes | None:
    """To be read before the members; None: no run of it has succeeded since there are cohorts."""
    item = get(context, project.key)
    return None if item is None else Changes(count=int(item["changes"]), last=item["changed"])


def unchanged(context: Context, project: Project, seen: Changes) -> Mapping[str, Any]:
    """The part of a transaction by which nothing may have been added to what was `seen`."""
    return {
        "ConditionCheck": {
            "TableName": context.office.ledger,
            "Key": typed(project.key),
            "ConditionExpression": "changes = :seen",
            "ExpressionAttributeValues": typed({":seen": seen.count}),
        }
    }


def members(context: Context, project: Project) -> list[Member]:
    """The newest result of each of the project's samples, by sample."""
    _remember(context, project)
    rows = (
        Member(
            sample=item["sample"],
            run_id=item["sk"].removeprefix(_ROW),
            received=item["received"],
            size=int(item["size"]),
            recalled=bool(item.get("recalled")),
        )
        for item in below(context, project.key["pk"], _ROW)
    )
    return newest_of(rows)


def _remember(context: Context, project: Project) -> None:
    """Once for each project: rows for what succeeded before the office had a cohort of this pipeline."""
    item = get(context, project.key)
    if item is None or item.get("past"):
        return
    page = f"{project.pipeline}/{project.name}"
    found = query(context, ledger.PAGE_INDEX, "page = :page", {":page": page})
    for past in map(untyped, found):
        run = ledger.read_run(context, past["pk"].removeprefix("run#")) if _succeeded(past) else None
        results = look_for(context, run) if run else None
        if run and isinstance(results, Published) and results.shared:
            row = {**_row(run), "size": results.shared, "recalled": run.recall is not None or None}
            put(context, row, ConditionExpression="attribute_not_exists(pk)")
    update(
        context,
        Key=typed(project.key),
        UpdateExpression="SET past = :yes",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues=typed({":yes": True}),
    )


def _succeeded(item: Mapping[str, Any]) -> bool:
    return bool(item["state"] == SUCCEEDED)


def _row(run: Run) -> dict[str, Any]:
    return {
        "pk": Project(pipeline=run.sample.pipeline, name=run.sample.project).key["pk"],
        "sk": f"{_ROW}{run.run_id}",
        "sample": run.sample.sample,
        "received": run.times[RECEIVED],
        "size": run.shared,
    }


def _mark(context: Context, run: Run) -> Mapping[str, Any]:
    key = Project(pipeline=run.sample.pipeline, name=run.sample.project).key
    change = change_of(context, key, COHORT, context.office.quiet_s)
    return {"Update": {"TableName": context.office.ledger, **change}}
