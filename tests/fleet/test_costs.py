"""What `fleet` and the dashboard tell of costs."""

from dataclasses import replace

import pytest

from cost.run import Cost, cost_of
from fleet.costs import cost_words
from fleet.dashboard.figures import costs, days_of
from fleet.dashboard.history import seen
from fleet.options import now
from fleet.table import Row
from handlers.run import Run
from tests.fleet.lab import Offices, at, moved, run


def ended(number: int = 1, instance: str | None = "c6id.xlarge", **changes: str) -> Run:
    """A run of half an hour that succeeded."""
    one = run(number, **changes)
    [attempt] = one.attempts
    attempt = replace(attempt, started=at(60), ended=at(1860), instance=instance, market="spot")
    used = {"output_bytes": 2**30, "s3:GetObject": 64}
    return replace(moved(one, "succeeded", 1900), attempts=(attempt,), used=used)


def test_a_runs_cost_is_shown(offices: Offices) -> None:
    """ "What did this sample cost?" is asked with every invoice."""
    one = ended()
    offices.at_headquarters("eu", one)
    shown = " ".join(offices.fleet("sample", one.run_id).out.split())
    assert "0.0425 USD (instances 0.0394, volumes 0.0031" in shown
    assert "with each month it is kept" in shown
    assert "c6id.xlarge spot" in shown
    told = offices.fleet("sample", one.run_id, "--json").json["run"]["cost"]
    assert told["complete"]
    assert told["total"] == pytest.approx(0.0425, abs=0.0001)
    assert told["prices_of"]
    [listed] = offices.fleet("samples", "--json").json["runs"]
    assert listed["cost"] == told


def test_a_cost_that_is_not_whole_says_so(offices: Offices) -> None:
    """A lower bound taken for the cost is a wrong invoice."""
    one = ended(instance=None)
    offices.at_headquarters("eu", one)
    shown = " ".join(offices.fleet("sample", one.run_id).out.split())
    assert "at least 0.0000275 USD" in shown
    assert "attempt 1: its instance is not known" in shown
    assert not offices.fleet("sample", one.run_id, "--json").json["run"]["cost"]["complete"]
    assert cost_words(Cost(unknown=("no prices of x",))) == "not known: no prices of x"
    assert cost_words(Cost()) == ""


def test_the_dashboard_sums_costs_by_office_and_project(offices: Offices) -> None:
    """A project's spending over time is what its head is asked for."""
    offices.at_headquarters("eu", ended(1), ended(2, project="gut"))
    offices.at_headquarters("us", ended(3), ended(4, instance=None))
    rows: list[Row] = offices.fleet("samples", "--json").json["runs"]
    runs = [one for one in map(seen, rows) if one]
    days = days_of(now(), 2)
    [gut] = [row for row in rows if row["project"] == "gut"]
    by_office = costs(runs, days, lambda one: one.office)
    by_project = costs(runs, days, lambda one: one.project)
    assert set(by_office.values) == {"eu", "us"}
    assert set(by_project.values) == {"soil", "gut"}
    assert by_office.unit == "USD, at least: of 1 runs not all is known"
    assert sum(by_project.values["gut"]) == pytest.approx(cost_of(gut).total, abs=0.001)  # type: ignore[arg-type]
    total = sum(value or 0 for values in by_office.values.values() for value in values)
    assert total == pytest.approx(sum(cost_of(row).total for row in rows), abs=0.001)
