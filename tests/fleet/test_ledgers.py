"""`check` and `rebuild`: headquarters' table is as good as the offices' ledgers."""

from dataclasses import replace
from typing import Any

from fleet.access import fleet_table
from fleet.ledgers import compare, expected, mend
from fleet.options import now, table_of
from handlers.fleet import keep, row_of
from handlers.notify import event_of
from handlers.run import Run
from tests.fleet.lab import Offices, moved, run


def rows(offices: Offices, office: str) -> dict[str, dict[str, Any]]:
    return {row["run_id"]: row for row in table_of(offices.access).of_office(office)}


def test_an_emptied_table_is_rebuilt_as_the_events_had_made_it(offices: Offices) -> None:
    """After a loss of the table, headquarters must not have to wait for the runs to change."""
    runs = {
        "eu": [moved(run(1), "running"), moved(run(2), "succeeded"), moved(run(3), "superseded")],
        "us": [moved(run(4), "rejected", what_to_do="Upload again.")],
        "hq": [moved(run(5), "failed")],
    }
    for office, held in runs.items():
        offices.everywhere(office, *held)
    before = {office: rows(offices, office) for office in runs}
    for held_rows in before.values():
        for row in held_rows.values():
            key = {name: {"S": row[name]} for name in ("pk", "sk")}
            offices.access.headquarters("dynamodb").delete_item(TableName=fleet_table(), Key=key)
    assert offices.fleet("check").code == 1
    answer = offices.fleet("rebuild", "--yes", "--json")
    assert (answer.code, answer.json["written"]) == (0, 5)
    assert {office: rows(offices, office) for office in runs} == before
    assert offices.fleet("check").code == 0


def test_each_kind_of_difference_is_told_and_what_can_be_mended_is(offices: Offices) -> None:
    """Whoever repairs the table must know what was wrong, and be sure that nothing got worse."""
    missing, behind, same = moved(run(1), "running"), moved(run(2), "running"), moved(run(3), "running")
    different, ahead = moved(run(4), "running"), moved(run(5), "running")
    unknown = moved(run(6), "running")
    later = moved(ahead, "succeeded", seconds=70)
    offices.at_home("eu", missing, moved(behind, "succeeded", seconds=70), same, different, ahead)
    offices.at_headquarters("eu", behind, same, replace(different, message="forged"), later, unknown)
    [eu] = offices.fleet("check", "eu", "--json").json
    kinds = {each["run_id"]: each["kind"] for each in eu["differences"]}
    assert kinds == {
        missing.run_id: "missing",
        behind.run_id: "behind",
        different.run_id: "different",
        ahead.run_id: "ahead",
        unknown.run_id: "unknown",
    }
    assert offices.fleet("rebuild", "eu", "--yes", "--json").json["written"] == 3
    held = rows(offices, "eu")
    assert held[missing.run_id]["state"] == "running"
    assert held[behind.run_id]["state"] == "succeeded"
    assert held[different.run_id]["message"] == different.message
    assert held[ahead.run_id]["state"] == "succeeded"  # newer than the ledger's: never overwritten
    assert held[unknown.run_id]["state"] == "running"  # nothing is ever deleted


def test_a_row_is_not_taken_from_the_account_that_sent_it(offices: Offices) -> None:
    """A rebuild may not let one office write what another's events have said."""
    one = moved(run(1), "running")
    offices.at_home("eu", one)
    row = expected(one, offices.office("eu"), None)
    keep(offices.headquarters_context, row | {"account": "333333333333"})
    answer = offices.fleet("rebuild", "eu", "--yes", "--json").json
    assert (answer["written"], answer["left"]) == (0, 1)
    assert rows(offices, "eu")[one.run_id]["account"] == "333333333333"


def test_what_comes_during_a_rebuild_stays_and_stops_no_other_row(offices: Offices) -> None:
    """Runs go on while a table is rebuilt: a newer row must not be put back, nor cost others theirs."""
    runs = [moved(run(number), "running") for number in range(1, 6)]
    offices.at_home("eu", *runs)
    found = compare(offices.access, offices.office("eu"), now()).differences
    offices.at_headquarters("eu", moved(runs[2], "succeeded", seconds=70))
    assert mend(offices.access, found) == (4, 1)
    held = rows(offices, "eu")
    assert held.keys() == {each.run_id for each in runs}
    assert held[runs[2].run_id]["state"] == "succeeded"


def test_nothing_is_written_without_a_yes(offices: Offices) -> None:
    """The command says what it will do first; a script that is not meant to must not do it."""
    offices.at_home("eu", moved(run(1), "running"))
    answer = offices.fleet("rebuild", "eu")
    assert answer.code == 5
    assert "1 rows of headquarters' table are written anew (1 missing)" in answer.err
    assert rows(offices, "eu") == {}


def test_when_an_event_arrived_is_no_difference(offices: Offices) -> None:
    """Else the nightly check would find every row wrong."""
    one = moved(run(1), "running")
    offices.at_home("eu", one)
    offices.at_headquarters("eu", one, arrived="2026-01-01T00:00:00.000Z")
    assert offices.fleet("check", "eu").code == 0


def test_an_office_that_keeps_its_names_is_compared_by_its_pseudonyms(offices: Offices) -> None:
    """Neither may a rebuild bring the names to headquarters, nor the check find them missing."""
    one: Run = moved(run(1, project="secret", sample="patient"), "running")
    office = offices.office("eu")
    row = expected(one, office, "k" * 64)
    assert "secret" not in str(row)
    assert "patient" not in str(row)
    event = {
        "source": "globalbi.office",
        "detail-type": "Run State Changed",
        "account": office.account,
        "region": office.region,
        "detail": event_of(one, "eu", "k" * 64),
    }
    assert row == row_of(event)
