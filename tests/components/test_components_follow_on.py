"""A pipeline after another: what its job may read, and what the functions are told of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.faults import InvalidOffices
from components.roster import Fleet
from handlers.context import office_of
from policies.program import Stack, deploy
from tests.components.conftest import Edit

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
