"""A pipeline after another: what its job may read, and what the functions are told of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.faults import InvalidOffices
from components.pipeline import load_pipelines
from components.roster import Fleet
from handlers.context import office_of
from policies.program import Stack, deploy
from tests.components.conftest import Edit
from tests.conftest import ROOT

DIGEST = "sha256:" + "a5" * 32


@pytest.fixture
def eu(checkout: Path, edit: Edit) -> Stack:
    """eu runs assembly too."""
    releases = yaml.safe_load((checkout / "Pulumi.eu.yaml").read_text())["config"]["globalbi:releases"]
    edit("eu", {"globalbi:releases": {**releases, "assembly": {"digest": DIGEST}}})
    return deploy("eu", checkout)


def policy(stack: Stack, name: str) -> dict[str, Any]:
    statements = json.loads(stack.named(name, "rolePolicy").inputs["policy"])["Statement"]
    return {each["Sid"]: each for each in statements}


def test_its_job_reads_the_reads_and_the_results_before_and_writes_only_its_own(eu: Stack) -> None:
    """Without the first two no assembly starts; with more, a hostile file in one could spoil the other."""
    job = policy(eu, "globalbi-eu-assembly-job")
    ends = {
        sid: sorted(arn.rpartition(":::")[2].split("/", 1)[1] for arn in job[sid]["Resource"])
        for sid in ("ReadVersionsOfUploads", "ReadResults", "WriteResults")
    }
    assert ends == {
        "ReadVersionsOfUploads": ["assembly/*", "metagenome/*"],
        "ReadResults": ["assembly/*", "metagenome/*"],
        "WriteResults": ["assembly/*"],
    }
    before = policy(eu, "globalbi-eu-metagenome-job")
    assert not [sid for sid, each in before.items() if "assembly" in json.dumps(each)]


def test_the_functions_know_what_follows(eu: Stack) -> None:
    """A function that is not told never starts it."""
    for function in ("intake", "progress", "reconcile"):
        inputs = eu.named(f"globalbi-eu-{function}", "lambda/function:").inputs
        releases = office_of(inputs["environment"]["variables"]).releases
        assert releases["assembly"].after == ("metagenome",)
        assert releases["metagenome"].after == ()


def test_an_office_without_the_pipeline_before_is_refused(checkout: Path, edit: Edit) -> None:
    """It would wait for results that never come, and nobody would know why."""
    edit("us", {"globalbi:releases": {"assembly": {"digest": DIGEST}}})
    with pytest.raises(InvalidOffices) as caught:
        Fleet.load(checkout)
    assert any(
        "releases.assembly takes the results of metagenome: release metagenome here too" in each
        for each in caught.value.faults
    )


@pytest.fixture
def comparing(checkout: Path, edit: Edit) -> Stack:
    """eu compares its projects after half an hour; it does not run amplicon."""
    releases = yaml.safe_load((checkout / "Pulumi.eu.yaml").read_text())["config"]["globalbi:releases"]
    cohort = {"cohort": {"digest": DIGEST}}
    edit("eu", {"globalbi:releases": {**releases, **cohort}, "globalbi:cohorts": {"quietMinutes": 30}})
    return deploy("eu", checkout)


def test_a_cohorts_job_reads_the_results_of_its_members_and_no_reads(comparing: Stack) -> None:
    """Without the results nothing can be compared; a job that needs no sample's reads must not have them."""
    job = policy(comparing, "globalbi-eu-cohort-job")
    ends = {
        sid: sorted(arn.rpartition(":::")[2].split("/", 1)[1] for arn in job[sid]["Resource"])
        for sid in ("ReadVersionsOfUploads", "ReadResults", "WriteResults")
    }
    assert ends == {
        "ReadVersionsOfUploads": ["cohort/*"],
        "ReadResults": ["cohort/*", "metagenome/*"],
        "WriteResults": ["cohort/*"],
    }


def test_reconcile_may_find_what_is_due_and_knows_when(comparing: Stack) -> None:
    """Without the index it finds no project; without the time it would compare after each sample."""
    reconcile = policy(comparing, "globalbi-eu-reconcile-may")
    indexes = {arn for sid in reconcile for arn in reconcile[sid]["Resource"] if "/index/" in arn}
    assert {arn.rpartition("/")[2] for arn in indexes} == {"by_state", "by_due", "by_page"}
    for function in ("progress", "reconcile"):
        inputs = comparing.named(f"globalbi-eu-{function}", "lambda/function:").inputs
        office = office_of(inputs["environment"]["variables"])
        assert office.quiet_s == 1800
        assert (office.releases["cohort"].after, office.releases["cohort"].per) == (
            ("metagenome", "amplicon"),
            "project",
        )


def test_a_cohort_without_any_of_its_members_pipelines_is_refused(checkout: Path, edit: Edit) -> None:
    """It would wait for results that never come, and nobody would know why."""
    edit("us", {"globalbi:releases": {"cohort": {"digest": DIGEST}}})
    with pytest.raises(InvalidOffices) as caught:
        Fleet.load(checkout)
    assert any("takes the results of metagenome or amplicon" in each for each in caught.value.faults)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({"pipelines": ["metagenome", "amplicon"]}, "must name one pipeline, or say per: project"),
        ({"pipelines": ["metagenome"], "per": "office"}, "per"),
        ({"pipelines": ["metagenom"], "per": "project"}, "not 'metagenom'"),
        ({"pipelines": ["assembly"], "per": "project"}, "follows no other"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused(tmp_path: Path, after: object, words: str) -> None:
    """A pipeline that nothing starts looks like one that works."""
    for name in ("metagenome", "amplicon", "assembly", "cohort"):
        folder = tmp_path / "pipeline_images" / name
        folder.mkdir(parents=True)
        told = yaml.safe_load((ROOT / "pipeline_images" / name / "pipeline.yaml").read_text())
        folder.joinpath("pipeline.yaml").write_text(
            yaml.safe_dump({**told, **({"after": after} if name == "cohort" else {})})
        )
    with pytest.raises(InvalidOffices) as caught:
        load_pipelines(tmp_path)
    assert any(words in each for each in caught.value.faults), caught.value.faults
