"""From headquarters' table to the comment's chapter on cost, by the workflow's own commands."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cost.book import book_of
from cost.replay import ATTRIBUTES
from fleet.table import Filter, queries
from handlers.run import RUNNING, SUCCEEDED, SUPERSEDED
from rollout.__main__ import main
from rollout.comment import comment
from rollout.costing import LAST_RUNS, cost_of
from rollout.summary import Summary, read
from tests.fleet.lab import ROOT, Offices, moved, run

ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def step(op: str, name: str, zones: int) -> dict[str, Any]:
    inputs = {"vpcEndpointType": "Interface", "subnetIds": ["subnet"] * zones}
    state = {"custom": True, "inputs": inputs}
    states = {"oldState": state} if op != "create" else {}
    states |= {"newState": state} if op != "delete" else {}
    return {"op": op, "urn": f"urn:pulumi:eu::globalbi::{ENDPOINT}::{name}", **states}


PREVIEW = {"steps": [step("same", "logs", 3), step("create", "sts", 3), step("delete", "ecr", 2)]}


def ended(number: int, state: str = SUCCEEDED, **changes: Any) -> Any:
    """A run of an hour on Spot, with what its runner said of the instance and of its requests."""
    made = run(number, **changes)
    attempt = replace(
        made.attempt,
        started="2026-11-26T01:00:00.000Z",
        ended="2026-11-26T02:00:00.000Z",
        instance="c6id.2xlarge",
        market="spot",
    )
    used = {"output_bytes": 10, "s3:GetObject": 100}
    return moved(replace(made, attempts=(attempt,), used=used), state, seconds=60 + number)


@pytest.fixture
def at_headquarters(offices: Offices, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Offices:
    """As the job has it: credentials of headquarters in the environment."""
    headquarters = offices.access.fleet.headquarters
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": headquarters.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": headquarters.region,
    }.items():
        monkeypatch.setenv(name, value)
    return offices


def fetched(folder: Path, *offices: str) -> Path:
    assert main(["runs", "--offices", json.dumps(offices), "--out", str(folder / "past" / "runs")]) == 0
    return folder / "past"


def summarised(folder: Path, past: Path, preview: Any = PREVIEW) -> Summary:
    (folder / "preview.json").write_text(json.dumps(preview))
    out = folder / "summaries" / "eu.json"
    asked = ["summary", "eu", "--preview", str(folder / "preview.json"), "--runs", str(past)]
    assert main([*asked, "--out", str(out)]) == 0
    return read(out, "eu")


def test_the_last_runs_become_a_chapter_of_the_comment(at_headquarters: Offices, tmp_path: Path) -> None:
    """Whoever merges learns before, not from the bill, what a change costs."""
    at_headquarters.at_headquarters("eu", *(ended(n) for n in range(1, 4)), ended(4, pipeline="gone"))
    at_headquarters.at_headquarters("us", ended(5))
    past = fetched(tmp_path, "eu")
    made = summarised(tmp_path, past)
    assert made.cost is not None
    assert made.cost.month is not None
    zone = 730 * book_of(None).regions["eu-central-1"].standing["vpc:endpoint-hour"]
    assert made.cost.month.before == pytest.approx(5 * zone)
    assert made.cost.month.after == pytest.approx(6 * zone)
    gone, metagenome = made.cost.replays
    assert (gone.pipeline, gone.runs, gone.after) == ("gone", 1, None)
    assert (metagenome.pipeline, metagenome.runs) == ("metagenome", 3)
    assert metagenome.before > 0
    assert metagenome.after is not None
    assert metagenome.after != metagenome.before  # the runs asked for 6,000 MiB, pipeline.yaml for more
    text = comment([made], [], "c" * 40)
    assert f"{5 * zone:.2f} → **{6 * zone:.2f}** (+{zone:.2f})" in text
    assert "3 of <code>metagenome</code>" in text
    assert "no longer analysed" in text


def test_no_name_of_a_project_or_a_sample_leaves_headquarters_table(
    at_headquarters: Offices, tmp_path: Path
) -> None:
    """The file goes on to a job that runs a pull request's code."""
    at_headquarters.at_headquarters("eu", ended(1, project="hospital-7", sample="patient-12"))
    past = fetched(tmp_path, "eu")
    told = (past / "runs" / "eu.json").read_text()
    assert len(json.loads(told)["runs"]) == 1
    assert "hospital" not in told
    assert "patient" not in told
    assert not {"project", "sample", "results_prefix", "message", "by_sample", "by_project"} & set(ATTRIBUTES)


def test_what_is_asked_is_what_the_preview_role_may_ask() -> None:
    """The role is refused anything but named figures of one index: another question has no answer at all."""
    (asked,) = queries(Filter(office="eu", states=("failed", "succeeded")), ["eu"], ATTRIBUTES)
    assert (asked.index, asked.only) == ("by_office", ATTRIBUTES)
    assert [name for name, _ in asked.also] == ["state"]
    assert "state" in ATTRIBUTES
    assert "updated" in ATTRIBUTES  # by which the pages of an index are merged


def test_only_the_newest_runs_that_are_over_count(at_headquarters: Offices, tmp_path: Path) -> None:
    """Last year's runs say little of next month's bill, and a run in flight nothing."""
    at_headquarters.at_headquarters("eu", *(ended(n) for n in range(1, LAST_RUNS + 6)))
    at_headquarters.at_headquarters("eu", ended(90, RUNNING), ended(91, SUPERSEDED))
    past = fetched(tmp_path, "eu")
    runs = json.loads((past / "runs" / "eu.json").read_text())["runs"]
    assert len(runs) == LAST_RUNS
    assert {each["state"] for each in runs} == {SUCCEEDED}
    assert runs[0]["run_id"] == ended(LAST_RUNS + 5).run_id


def test_an_office_without_runs_is_told_in_words(at_headquarters: Offices, tmp_path: Path) -> None:
    made = summarised(tmp_path, fetched(tmp_path, "eu"))
    assert "headquarters knows of none that is over" in comment([made], [], "c")


def test_a_table_that_cannot_be_read_is_told_and_stops_nothing(
    at_headquarters: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before headquarters' first rollout there is none: no change could ever be merged."""
    monkeypatch.setattr("components.names.FLEET", "not-there")
    made = summarised(tmp_path, fetched(tmp_path, "eu"))
    assert made.cost is not None
    assert "ResourceNotFoundException" in made.cost.missing
    assert made.cost.month is not None


def test_a_job_that_left_nothing_is_told(tmp_path: Path) -> None:
    made = cost_of(ROOT, "eu", PREVIEW, tmp_path / "nowhere")
    assert made.missing == "the job that reads headquarters' table left nothing"
    assert cost_of(ROOT, "eu", PREVIEW, None).missing == made.missing


def test_a_preview_that_failed_has_no_cost(tmp_path: Path) -> None:
    """Half of the steps are half of the price."""
    broken = {**PREVIEW, "diagnostics": [{"severity": "error", "message": "x"}]}
    assert summarised(tmp_path, tmp_path, broken).cost is None
