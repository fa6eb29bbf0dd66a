"""How every office stands: its runs by state, how fresh its events are, and what waits for a person.

Headquarters' table tells of the runs; the office's own ledger and queues tell what headquarters does not
know: runs whose last state never arrived, and dead letters. An office that cannot be asked is shown as such.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from components.alarms import RUNBOOK
from components.names import PREFIX
from components.office import Office
from fleet import census, letters
from fleet.access import Access, fleet_table, in_each, ledger_table
from fleet.table import OPEN_STATES, FleetTable, Query, Row
from fleet.text import moment
from handlers.items import natural as read
from handlers.ledger import OPEN, OPEN_INDEX
from handlers.run import TERMINAL

# An event takes a second or two; younger than this, it may still be on its way.
ON_ITS_WAY_S = 30
_ONLY = (
    "office",
    "run_id",
    "pipeline",
    "project",
    "sample",
    "state",
    "revision",
    "updated",
    "times",
    "arrived",
    "uploaded",
)


@dataclass(frozen=True, kw_only=True)
class Home:
    """What the office's own account says: its open runs with their revisions, and its dead letters."""

    open_runs: Mapping[str, tuple[int, str]]  # run id → revision, updated
    dead_letters: Mapping[str, int]  # queue → messages
    alarms: Mapping[str, str] = field(default_factory=dict)  # that ring → what to do


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One office at one moment. `behind`: runs whose latest state headquarters does not know."""

    office: str
    counts: Mapping[str, int]
    oldest_open: Row | None = None
    last_event: Row | None = None
    lag_s: float | None = None  # of the last event: from the transition to headquarters' table
    behind: tuple[str, ...] = ()
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    gap: str | None = None  # what the last census found wrong, or that there is none
    trouble: str | None = None  # why the office's account could not be asked


def standings(access: Access, since: str, now: datetime, offices: Iterable[Office]) -> list[Standing]:
    """Every office's standing; ended runs are counted from `since` on."""
    chosen = list(offices)
    table = FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    homes = in_each(chosen, lambda office: ask_home(access, office))
    queries = [Query(index="by_state", key=f"state#{state}", only=_ONLY) for state in OPEN_STATES]
    open_rows = [row for query in queries for row in table.rows(query)]
    return [
        _standing(
            table,
            office,
            homes[office.name],
            [r for r in open_rows if r["office"] == office.name],
            since,
            now,
        )
        for office in chosen
    ]


def ask_home(access: Access, office: Office) -> Home:
    pages = (
        access.client("dynamodb", office)
        .get_paginator("query")
        .paginate(
            TableName=ledger_table(office),
            IndexName=OPEN_INDEX,
            KeyConditionExpression="#open = :open",
            ExpressionAttributeNames={
                "#open": "open",
                "#pk": "pk",
                "#revision": "revision",
                "#updated": "updated",
            },
            ExpressionAttributeValues={":open": {"S": OPEN}},
            ProjectionExpression="#pk, #revision, #updated",
        )
    )
    runs = (read(item) for page in pages for item in page["Items"])
    return Home(
        open_runs={run["pk"].removeprefix("run#"): (run["revision"], run["updated"]) for run in runs},
        dead_letters=letters.waiting(access.client("sqs", office)),
        alarms=ringing(access.client("cloudwatch", office)),
    )


def ringing(cloudwatch: Any) -> dict[str, str]:
    """The office's alarms that ring, with their words and their entry of the runbook."""
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{PREFIX}-", StateValue="ALARM"
    )
    return {
        each["AlarmName"]: each.get("AlarmDescription") or RUNBOOK
        for p in pages
        for each in p["MetricAlarms"]
    }


def behind(home: Home, at_headquarters: Mapping[str, Row], now: datetime) -> tuple[str, ...]:
    """Ids of the runs whose latest state has not come to headquarters, and is not on its way either."""
    late = [
        run
        for run, (revision, updated) in home.open_runs.items()
        if _settled(updated, now)
        and (run not in at_headquarters or at_headquarters[run]["revision"] < revision)
    ]
    # Open here, but done with at home: the word of its end got lost.
    lost = [
        run
        for run, row in at_headquarters.items()
        if row["state"] not in TERMINAL and run not in home.open_runs and _settled(row.get("updated"), now)
    ]
    return tuple(sorted({*late, *lost}))


def lag_of(row: Row | None) -> float | None:
    """Seconds from a transition to its row at headquarters; None if that was not noted."""
    first, last = (moment(row.get(name)) for name in ("updated", "arrived")) if row else (None, None)
    return max(0.0, (last - first).total_seconds()) if first and last else None


def _standing(
    table: FleetTable, office: Office, home: Home | Exception, open_rows: list[Row], since: str, now: datetime
) -> Standing:
    ended = Query(index="by_office", key=f"office#{office.name}", since=since, only=("state",))
    newest = Query(index="by_office", key=f"office#{office.name}", only=_ONLY, at_once=1)
    latest = next(table.rows(newest), None)
    counts = Counter(row["state"] for row in table.rows(ended) if row["state"] in TERMINAL)
    counts.update(row["state"] for row in open_rows)
    trouble = census.gap(table, office, now)
    known: dict[str, Any] = {"gap": " ".join(trouble) if trouble else None}
    if isinstance(home, Exception):
        known["trouble"] = str(home)
    else:
        here = {row["run_id"]: row for row in open_rows}
        unknown = [(office.name, run) for run in home.open_runs if run not in here]
        here |= {row["run_id"]: row for row in table.runs(unknown)}
        known |= {"behind": behind(home, here, now), "dead_letters": home.dead_letters, "alarms": home.alarms}
    return Standing(
        office=office.name,
        counts=counts,
        oldest_open=min(open_rows, key=began, default=None),
        last_event=latest,
        lag_s=lag_of(latest),
        **known,
    )


def began(row: Row) -> str:
    """When the upload came. A new attempt goes back to received, so that its time is not the first."""
    return str(row.get("uploaded") or row.get("times", {}).get("received") or row.get("updated"))


def _settled(updated: str | None, now: datetime) -> bool:
    then = moment(updated)
    return then is None or (now - then).total_seconds() >= ON_ITS_WAY_S
