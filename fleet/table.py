"""Headquarters' table, asked by its indexes: every question is a query, newest first, page by page."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from handlers.items import natural
from handlers.run import RECEIVED, RUNNING, SUBMITTED, TERMINAL

OPEN_STATES = (RECEIVED, SUBMITTED, RUNNING)
STATES = (*OPEN_STATES, *sorted(TERMINAL))

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is asked for; None or nothing: any. `since` and `before` are the table's times of `updated`."""

    office: str | None = None
    project: str | None = None
    pipeline: str | None = None
    release: str | None = None
    states: tuple[str, ...] = ()
    since: str | None = None
    before: str | None = None


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query of an index (its key attribute is called as the index is), and what is left out of its
    answer.
    """

    index: str
    key: str
    since: str | None = None
    before: str | None = None
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()  # attribute → the values that are wanted
    only: tuple[str, ...] = ()  # attributes; none: all
    at_once: int | None = None  # rows of one request; without it as many as DynamoDB gives (1 MB)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Rows, newest first. `next`: what `before` must be for the page after this; None at the end."""

    rows: list[Row]
    next: str | None = None


def queries(asked: Filter, offices: Iterable[str], only: tuple[str, ...] = ()) -> list[Query]:
    """The queries that answer: by the narrowest key there is, the rest as filters of theirs."""
    wanted: dict[str, tuple[str, ...]] = {
        name: values
        for name, values in (
            ("project", (asked.project,) if asked.project is not None else ()),
            ("release_digest", (asked.release,) if asked.release is not None else ()),
            ("office", (asked.office,) if asked.office is not None else ()),
            ("state", asked.states),
            ("pipeline", (asked.pipeline,) if asked.pipeline is not None else ()),
        )
        if values
    }
    # Few runs are open at any time, and many are an office's.
    by_state = bool(asked.states) and set(asked.states) <= set(OPEN_STATES)
    if "project" in wanted:
        index, attribute, values = "by_project", "project", wanted["project"]
    elif "release_digest" in wanted:
        index, attribute, values = "by_release", "release_digest", wanted["release_digest"]
    elif "state" in wanted and (by_state or "office" not in wanted):
        index, attribute, values = "by_state", "state", wanted["state"]
    else:
        index, attribute, values = "by_office", "office", wanted.get("office", tuple(offices))
    wanted.pop(attribute, None)
    return [
        Query(
            index=index,
            key=f"{index.removeprefix('by_')}#{value}",
            since=asked.since,
            before=asked.before,
            also=tuple(wanted.items()),
            only=only,
        )
        for value in values
    ]


def of_sample(pipeline: str, project: str, sample: str) -> Query:
    """The runs of one sample."""
    return Query(index="by_sample", key=f"sample#{pipeline}/{project}/{sample}")


@dataclass(frozen=True, kw_only=True)
class FleetTable:
    name: str
    dynamodb: Any

    def rows(self, query: Query) -> Iterator[Row]:
        """All rows of one query, newest first, fetched as they are taken."""
        pages = self.dynamodb.get_paginator("query").paginate(**_request(self.name, query))
        for page in pages:
            for item in page["Items"]:
                yield natural(item)

    def newest_first(self, asked: Iterable[Query]) -> Iterator[Row]:
        """The rows of several queries as one list."""
        return heapq.merge(*(self.rows(query) for query in asked), key=_when, reverse=True)

    def page(self, asked: Iterable[Query], limit: int) -> Page:
        """The newest `limit` rows, and those of the same millisecond as the last: a page never cuts
        between them.
        """
        rows: list[Row] = []
        # A filter leaves out rows that a request has counted: then DynamoDB says how many come at once.
        few = [query if query.also else replace(query, at_once=limit + 1) for query in asked]
        for row in self.newest_first(few):
            if len(rows) >= limit and _when(row) != _when(rows[-1]):
                return Page(rows=rows, next=_when(rows[-1]))
            rows.append(row)
        return Page(rows=rows)

    def runs(self, keys: Iterable[tuple[str, str]]) -> list[Row]:
        """The rows of these (office, run id), as far as they are there."""
        wanted = [{"pk": {"S": f"office#{office}"}, "sk": {"S": f"run#{run}"}} for office, run in keys]
        return list(
            chain.from_iterable(self._batch(wanted[at : at + 100]) for at in range(0, len(wanted), 100))
        )

    def _batch(self, keys: list[dict[str, Any]]) -> Iterator[Row]:
        while keys:
            answer = self.dynamodb.batch_get_item(RequestItems={self.name: {"Keys": keys}})
            for item in answer["Responses"].get(self.name, []):
                yield natural(item)
            keys = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])

    def of_office(self, office: str, beginning: str = "") -> Iterator[Row]:
        """Every row of an office (for comparison with its ledger), or those whose run id begins so."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :run)",
            ExpressionAttributeValues={":pk": {"S": f"office#{office}"}, ":run": {"S": f"run#{beginning}"}},
        )
        for page in pages:
            for item in page["Items"]:
                yield natural(item)


def _when(row: Row) -> str:
    return str(row.get("updated", ""))


def _request(table: str, query: Query) -> dict[str, Any]:
    names, values = {"#key": query.index}, {":key": {"S": query.key}}
    condition = "#key = :key"
    if query.since or query.before:
        names["#updated"] = "updated"
    match query.since, query.before:
        case str(since), str(before):
            # BETWEEN holds both ends; `before` itself is left out by the filter of its own below.
            condition += " AND #updated BETWEEN :since AND :before"
            values |= {":since": {"S": since}, ":before": {"S": _just_before(before)}}
        case str(since), None:
            condition += " AND #updated >= :since"
            values[":since"] = {"S": since}
        case None, str(before):
            condition += " AND #updated < :before"
            values[":before"] = {"S": before}
    filters = []
    for number, (attribute, wanted) in enumerate(query.also):
        names[f"#also{number}"] = attribute
        marks = {f":also{number}x{i}": {"S": each} for i, each in enumerate(wanted)}
        values |= marks
        filters.append(f"#also{number} IN ({', '.join(marks)})")
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": query.index,
        "KeyConditionExpression": condition,
        "ScanIndexForward": False,
    }
    if query.at_once:
        request["Limit"] = query.at_once
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    if query.only:
        chosen = {f"#only{i}": each for i, each in enumerate(query.only)}
        names |= chosen
        request["ProjectionExpression"] = ", ".join(chosen)
        # The default with a projection; said, because a policy may ask for it by name.
        request["Select"] = "SPECIFIC_ATTRIBUTES"
    return request | {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


def _just_before(time: str) -> str:
    """The greatest text below `time` that a time of the table can be."""
    return time[:-1] + chr(ord(time[-1]) - 1) + "~" if time else time
