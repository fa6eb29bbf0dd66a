"""Check and rebuild: headquarters' table beside the offices' ledgers, which are the truth.

Every run of a ledger is turned into the row that its last event would have made, and compared with the row
that is there. `rebuild` writes those that are missing, behind or different, by the same conditional write as
the fleet function: a newer event that comes meanwhile stays.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from components.office import Office
from fleet.access import Access, fleet_table, ledger_table
from fleet.overview import ON_ITS_WAY_S
from fleet.table import FleetTable, Row
from fleet.text import moment
from handlers.census import BEHIND, DIFFERENT, MISSING, UNKNOWN, kind_of
from handlers.census import digest as digest_of
from handlers.fleet import FleetContext, keep, put_of, row_of
from handlers.items import natural as read
from handlers.ledger import run_of
from handlers.notify import DETAIL_TYPE, SOURCE, event_of, pseudonym_key
from handlers.run import Run

WRITERS = 16
# Rows of one transaction: a request of its own costs the processor here five times as much as its row.
# DynamoDB takes 100, of 4 MiB together.
TOGETHER = 50
# When an event came is headquarters' own knowledge, which no ledger has.
_OWN = ("arrived",)
MENDED = (MISSING, BEHIND, DIFFERENT)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A run that is not at headquarters as its ledger has it. `row`: as it should be (None: unknown there).

    missing: no row; behind: an older revision; different: this revision, otherwise; ahead: a newer revision
    than the ledger's (was it restored to an earlier time?); unknown: the ledger has no such run.
    """

    office: str
    run_id: str
    kind: str
    ledger_revision: int | None
    headquarters_revision: int | None
    row: Row | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of an office's comparison. `on_their_way`: runs whose event is too young to be missed."""

    office: str
    runs: int
    rows: int
    on_their_way: int
    differences: list[Difference]


def compare(access: Access, office: Office, now: datetime) -> Compared:
    """Headquarters' rows of the office beside its ledger, all of both."""
    table = FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    # First headquarters, then the ledger: what happens in between makes the ledger the newer one.
    held = {row["run_id"]: (row["revision"], digest(row)) for row in table.of_office(office.name)}
    context = access.context(office)
    key = pseudonym_key(context) if context.office.pseudonymous else None
    seen, young, differences = 0, 0, []
    unmatched = dict(held)
    for run in ledger_runs(access.client("dynamodb", office), ledger_table(office)):
        seen += 1
        row = expected(run, office, key)
        found = difference(row, unmatched.pop(run.run_id, None))
        if found is None:
            continue
        if found.kind in MENDED and _on_its_way(run, now):
            young += 1
        else:
            differences.append(found)
    differences += [
        Difference(
            office=office.name,
            run_id=run_id,
            kind=UNKNOWN,
            ledger_revision=None,
            headquarters_revision=revision,
        )
        for run_id, (revision, _) in unmatched.items()
    ]
    return Compared(
        office=office.name, runs=seen, rows=len(held), on_their_way=young, differences=differences
    )


def expected(run: Run, office: Office, key: str | None) -> Row:
    """The row that the run's last event makes."""
    return row_of(
        {
            "source": SOURCE,
            "detail-type": DETAIL_TYPE,
            "account": office.account,
            "region": office.region,
            "detail": event_of(run, office.name, key),
        }
    )


def difference(row: Row, held: tuple[int, str] | None) -> Difference | None:
    """What is wrong with what headquarters holds (revision, digest), given the row as it should be."""
    kind = kind_of((row["revision"], digest(row)), held)
    if kind is None:
        return None
    return Difference(
        office=row["office"],
        run_id=row["run_id"],
        kind=kind,
        ledger_revision=row["revision"],
        headquarters_revision=held[0] if held else None,
        row=row,
    )


def mend(access: Access, differences: Iterable[Difference]) -> tuple[int, int]:
    """Write the rows that are missing, behind or different; how many were written, and how many were not,
    since something newer, or another account's, is there by now.
    """
    context = FleetContext(table=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    rows = (each.row for each in differences if each.kind in MENDED and each.row is not None)
    written = left = 0
    with ThreadPoolExecutor(WRITERS) as pool:
        while some := list(islice(rows, WRITERS * TOGETHER)):  # no more in hand than that
            parts = [some[at : at + TOGETHER] for at in range(0, len(some), TOGETHER)]
            kept = sum(pool.map(partial(_keep_all, context), parts))
            written, left = written + kept, left + len(some) - kept
    return written, left


def _keep_all(context: FleetContext, rows: Sequence[Row]) -> int:
    """Write the rows in one transaction, or, where one of them must not be written, each for itself; how many
    were written.
    """
    if len(rows) > 1:
        try:
            context.dynamodb.transact_write_items(
                TransactItems=[{"Put": put_of(context, row, or_same=True)} for row in rows]
            )
            return len(rows)
        except ClientError:  # the write of each alone tells why
            pass
    return sum(keep(context, row, or_same=True) for row in rows)


def ledger_runs(dynamodb: Any, table: str) -> Iterator[Run]:
    """Every run of a ledger. A comparison of everything is the one thing that no index answers."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="sk = :run",
        ExpressionAttributeValues={":run": {"S": "run"}},
    )
    for page in pages:
        for item in page["Items"]:
            yield run_of(read(item))


def digest(row: Mapping[str, Any]) -> str:
    """Equal for equal rows, whoever wrote them."""
    return digest_of({name: value for name, value in row.items() if name not in _OWN})


def _on_its_way(run: Run, now: datetime) -> bool:
    then = moment(run.updated)
    return then is not None and (now - then).total_seconds() < ON_ITS_WAY_S
