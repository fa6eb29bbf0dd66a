"""Alarms and dashboards: each alarm leads to its entry of the runbook, and watches what is really written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.monitoring import MOST_WIDGETS
from policies.program import ROOT, Declared, Stack, deploy
from tests.components.conftest import FLEET, OFFICES, Edit
from tests.handlers.emitted import emitted, of_censuses, of_runner

ALARM, DASHBOARD = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/dashboard:Dashboard"
OF_CENSUSES = ("RunsDiffering", "CensusesCompared")  # told by headquarters of each office
PARTS = ("Means", "Look", "Do", "Ends", "Comes of waiting")
AGREED: dict[str, Any] = {
    "globalbi:budget": {"monthlyUsd": 2000, "projects": {"soil": 300}},
    "globalbi:partners": {
        "acme": {"contact": "it@acme.example", "account": "444444444444", "bucket": "acme-results"}
    },
    "globalbi:deliveries": [{"partner": "acme", "pipeline": "metagenome", "project": "soil"}],
}


@pytest.fixture
def full(checkout: Path, edit: Edit) -> Stack:
    """An office with everything that an office can have."""
    edit("eu", AGREED)
    return deploy("eu", checkout)


def entries() -> dict[str, list[str]]:
    """The runbook's entries, with the lines of each."""
    _, *parts = re.split(r"^## ", (ROOT / "docs/runbook.md").read_text(), flags=re.MULTILINE)
    found = {}
    for part in parts:
        name, *lines = part.strip().splitlines()
        found[name] = [line for line in lines if line]
    return found


def entry_of(alarm: Declared) -> str:
    place, anchor = str(alarm.inputs["alarmDescription"]).rsplit(" ", 1)[1].split("#")
    assert place == "docs/runbook.md", alarm.name
    return anchor


def watched(stack: Stack) -> set[str]:
    """Metrics of our own that an alarm or a widget names."""
    alarms = {each.inputs["metricName"] for each in stack.of(ALARM) if each.inputs["namespace"] == "GlobalBI"}
    return alarms | {metric[1] for metric in drawn(stack) if metric[0] == "GlobalBI"}


def drawn(stack: Stack) -> list[list[Any]]:
    [dashboard] = stack.of(DASHBOARD)
    widgets = dashboard.json("dashboardBody")["widgets"]
    return [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]


def test_every_alarm_has_its_entry_and_every_entry_its_alarm(full: Stack, examples: dict[str, Stack]) -> None:
    """Whoever is called at night reads what to do in five lines, and no line tells of what never rings."""
    rung = {entry_of(alarm) for stack in (full, *examples.values()) for alarm in stack.of(ALARM)}
    assert rung == entries().keys()
    for name, lines in entries().items():
        assert [line.split(":")[0].removeprefix("* ") for line in lines] == list(PARTS), name


@pytest.mark.parametrize("office", OFFICES)
def test_alarms_and_dashboards_watch_what_is_really_written(
    stacks: dict[str, Stack], office: str, emitted_metrics: set[str]
) -> None:
    """An alarm on a metric that nobody writes never rings, and looks as if all were well."""
    assert watched(stacks[office]) <= emitted_metrics


def test_an_office_with_budgets_and_deliveries_watches_what_is_really_written(
    full: Stack, emitted_metrics: set[str]
) -> None:
    """The same, of what only some offices have."""
    assert {"BudgetsNear", "OpenHeld", "ReceiptsLate"} <= watched(full)
    assert watched(full) <= emitted_metrics


@pytest.fixture(scope="module")
def emitted_metrics() -> set[str]:
    return emitted() | of_runner() | of_censuses()


@pytest.mark.parametrize("office", OFFICES)
def test_own_metrics_are_watched_under_the_dimension_they_are_written_with(
    stacks: dict[str, Stack], office: str
) -> None:
    """CloudWatch takes a metric with other dimensions for another one, that has no data."""
    for alarm in stacks[office].of(ALARM):
        if alarm.inputs["namespace"] == "GlobalBI":
            of_census = alarm.inputs["metricName"] in OF_CENSUSES
            told = [{"office": each} for each in (OFFICES if of_census else [office])]
            assert alarm.inputs["dimensions"] in told, alarm.name
    for metric in drawn(stacks[office]):
        if metric[0] == "GlobalBI":
            assert metric[2:] == ["office", office]


@pytest.mark.parametrize("office", OFFICES)
def test_only_schedules_alarm_by_silence(stacks: dict[str, Stack], office: str) -> None:
    """Where nothing happens nothing is counted, and nobody is to be called; a schedule always runs."""
    silent = {
        tuple(alarm.inputs["dimensions"].values())
        for alarm in stacks[office].of(ALARM)
        if alarm.inputs["treatMissingData"] == "breaching"
    }
    censuses = {(each,) for each in OFFICES} if office == FLEET.headquarters.name else set()
    assert silent == {(f"globalbi-{office}-reconcile",), (f"globalbi-{office}-desk",)} | censuses
    for alarm in stacks[office].of(ALARM):
        breaching = alarm.inputs["treatMissingData"] == "breaching"
        assert breaching == (alarm.inputs["comparisonOperator"] == "LessThanThreshold"), alarm.name
        assert alarm.inputs["treatMissingData"] in ("breaching", "notBreaching"), alarm.name


@pytest.mark.parametrize("office", OFFICES)
def test_every_alarm_calls_the_contacts_and_tells_of_its_end(stacks: dict[str, Stack], office: str) -> None:
    """An alarm without an action is a light in an empty room."""
    topic = stacks[office].outputs["notices_topic_arn"]
    for alarm in stacks[office].of(ALARM):
        assert alarm.inputs["alarmActions"] == alarm.inputs["okActions"] == [topic], alarm.name


@pytest.mark.parametrize("office", OFFICES)
def test_a_dashboard_fits_into_cloudwatch(stacks: dict[str, Stack], office: str) -> None:
    """CloudWatch refuses more widgets in the middle of an update; more than fifty metrics cost money."""
    [dashboard] = stacks[office].of(DASHBOARD)
    body = dashboard.json("dashboardBody")
    assert 0 < len(body["widgets"]) <= MOST_WIDGETS
    assert len(drawn(stacks[office])) <= 50
    places = [(each["x"], each["y"]) for each in body["widgets"]]
    assert len(set(places)) == len(places)
    assert all(each["x"] + each["width"] <= 24 for each in body["widgets"])
    head = body["widgets"][0]
    assert head["type"] == "alarm"
    assert 10 < len(head["properties"]["alarms"]) <= 100
    assert len(json.dumps(body)) < 500_000


def test_the_queues_of_all_steps_are_drawn(full: Stack) -> None:
    """A queue that nobody draws fills up unseen."""
    names = {metric[3] for metric in drawn(full) if metric[0] == "AWS/SQS"}
    steps = ("intake", "progress", "delivery")
    assert names == {f"globalbi-eu-{step}-queue{end}" for step in steps for end in ("", "-dead-letters")}
