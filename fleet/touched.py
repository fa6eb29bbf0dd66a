"""Touched: every run that something bad went into, and the runs that took the results of those.

Headquarters' table is asked by its indexes: the runs of an image by `by_release`, those of an upload and
those that follow by `by_sample`, since a run and its follow-on runs share the names of project and sample
(keyed hashes, where an office keeps its names at home). A run has several references, so no index knows them:
those are looked for among all runs of each office, by `by_office`.
"""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fleet.access import Access, fleet_table
from fleet.find import NotFound
from fleet.table import Filter, FleetTable, Row, of_sample, queries
from handlers import ledger
from handlers.keys import Sample, parse
from handlers.notify import pseudonym, pseudonym_key
from handlers.run import ERASED
from handlers.upload import same_content

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One version of an object in an office's uploads bucket."""

    office: str
    key: str
    version_id: str


def of_image(access: Access, digest: str) -> list[Row]:
    """Every run that the image made, and what followed; raises NotFound."""
    table, offices = _table(access), [office.name for office in access.fleet.offices]
    asked = queries(Filter(release=digest), offices)
    rows = [row for row in table.newest_first(asked) if row["state"] != ERASED]
    if not rows:
        raise NotFound(f"headquarters knows no run of {digest}: `fleet check` says whether one is missing")
    return _with_follow_ons(access, table, rows)


def of_reference(access: Access, name: str, version: str) -> list[Row]:
    """Every run that this version of a reference was pinned for, in whatever role, and what followed; raises
    NotFound.
    """
    table, offices = _table(access), [office.name for office in access.fleet.offices]
    rows = [
        row
        for row in table.newest_first(queries(Filter(), offices))
        if [name, version] in (row.get("references") or {}).values() and row["state"] != ERASED
    ]
    if not rows:
        raise NotFound(
            f"headquarters knows no run with the reference {name} {version}:"
            " `fleet check` says whether one is missing"
        )
    return _with_follow_ons(access, table, rows)


def of_upload(access: Access, upload: Upload) -> list[Row]:
    """Every run of the upload's bytes, under whatever version `fleet rerun` gave them, and what followed;
    raises NotFound.
    """
    home = access.fleet.office(upload.office)
    place = parse(upload.key, access.fleet.pipelines)
    if not isinstance(place, Sample):
        raise NotFound(f"{upload.key!r} is no upload's key: those are PIPELINE/PROJECT/SAMPLE/input.tar")
    context = access.context(home)
    project, name = place.project, place.sample
    if context.office.pseudonymous:
        key = pseudonym_key(context)
        project, name = pseudonym(key, project), pseudonym(key, f"{project}/{name}")
    table = _table(access)
    rows = {row["run_id"]: row for row in table.rows(of_sample(place.pipeline, project, name))}
    # The ledger has none of another office's, whose sample may have the same name.
    runs = [run for run_id in rows if (run := ledger.read_run(context, run_id)) and run.after is None]
    bad = [run.content for run in runs if run.version_id == upload.version_id]
    newest = ledger.read_newest(context, place)
    if newest and newest.version_id == upload.version_id:
        bad.append(newest.content)  # the same bytes as an earlier version: it has no run of its own
    made = [rows[run.run_id] for run in runs if any(same_content(run.content, each) for each in bad)]
    if not made:
        raise NotFound(
            f"headquarters knows no run of version {upload.version_id!r} of {upload.key!r} at {home.name}:"
            " `fleet check` says whether one is missing"
        )
    return _with_follow_ons(access, table, made)


def _with_follow_ons(access: Access, table: FleetTable, rows: Sequence[Row]) -> list[Row]:
    """The rows, then those of the runs that took their results, and so on; each once."""
    found = {(row["office"], row["run_id"]): row for row in rows}
    frontier = list(rows)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while frontier:
            following: Iterable[list[Row]] = pool.map(
                lambda row: _followers(table, sorted(access.fleet.pipelines), row), frontier
            )
            new = {(row["office"], row["run_id"]): row for some in following for row in some}
            frontier = [row for key, row in new.items() if key not in found]
            found |= new
    return list(found.values())


def _followers(table: FleetTable, pipelines: Iterable[str], row: Row) -> list[Row]:
    return [
        other
        for pipeline in pipelines
        if pipeline != row["pipeline"]
        for other in table.rows(of_sample(pipeline, row["project"], row["sample"]))
        if other.get("after") == row["run_id"]
    ]


def _table(access: Access) -> FleetTable:
    return FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))
