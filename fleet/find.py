"""Find a run by what people have in hand: its id, its job's name, or where its sample was uploaded to."""

import re
from dataclasses import dataclass

from fleet.access import Access, fleet_table
from fleet.table import FleetTable, Row, of_sample
from handlers.keys import INPUT

_RUN = re.compile(r"r[0-9a-f]{32}")
_JOB = re.compile(r"(r[0-9a-f]{32})-\d+")
_BEGINNING = re.compile(r"r[0-9a-f]{6,31}")


class NotFound(Exception):
    """Headquarters' table has no such run; the words say what was looked for."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The runs of what was asked for, newest first."""

    rows: list[Row]

    @property
    def latest(self) -> Row:
        return self.rows[0]


def find(access: Access, what: str, office: str | None = None) -> Found:
    """The runs that `what` names: a run id or its beginning, `project/sample`, `pipeline/project/sample`, or
    the upload's key; raises NotFound.
    """
    table = FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
    offices = [each.name for each in access.fleet.offices if office in (None, each.name)]
    name = what.strip().removeprefix("run#")
    if job := _JOB.fullmatch(name):
        name = job[1]
    if _RUN.fullmatch(name):
        rows = table.runs((each, name) for each in offices)
    elif _BEGINNING.fullmatch(name):
        rows = [row for each in offices for row in table.of_office(each, beginning=name)]
    else:
        rows = _of_sample(access, table, what)
    rows = [row for row in rows if row["office"] in offices]
    if not rows:
        raise NotFound(
            f"headquarters knows no run of {what!r}: give a run id, project/sample or"
            " pipeline/project/sample; `fleet samples --project NAME` lists what there is,"
            " `fleet check` says whether something is missing"
        )
    return Found(rows=sorted(rows, key=lambda row: str(row["updated"]), reverse=True))


def _of_sample(access: Access, table: FleetTable, what: str) -> list[Row]:
    parts = what.removesuffix(f"/{INPUT}").rstrip("/").split("/")
    match parts:
        case [pipeline, project, sample]:
            queries = [of_sample(pipeline, project, sample)]
        case [project, sample]:
            queries = [of_sample(pipeline, project, sample) for pipeline in sorted(access.fleet.pipelines)]
        case _:
            return []
    return list(table.newest_first(queries))
