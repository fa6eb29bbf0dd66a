"""The workflow files themselves, run by act. `make rehearse` tells the whole story; this is a part of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rehearsal import Broken, act, world
from rehearsal.act import Event, Run
from rehearsal.pulumi import FAILED
from rehearsal.world import World

pytestmark = pytest.mark.xdist_group("rehearsal")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("rehearsal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(folder / "twin"))
        try:
            with world.made(folder / "world", lambda job, seconds: None) as made:
                yield made
        except act.Missing as fault:
            pytest.skip(str(fault))


def proposed(here: World, branch: str, old: str, new: str) -> tuple[int, Event]:
    """A pull request that changes one thing in eu."""
    here.repository.branch(branch)
    here.repository.edit("Pulumi.eu.yaml", old, new)
    here.repository.commit(branch)
    pull = here.open(branch)
    return pull.number, here.pushed(pull, "opened")


def test_a_pull_request_is_previewed_in_one_comment(here: World) -> None:
    """Roles, artifacts, comment and verdict meet only when the jobs really run one after the other."""
    number, event = proposed(here, "fewer", "maxVcpus: 256", "maxVcpus: 128")
    ran = here.run("preview.yml", event)
    assert ran.succeeded, ran.jobs
    assert [str(job).rpartition("/")[2] for job in ran.jobs] == ["offices", "runs", "office eu", "verdict"]
    (comment,) = here.github.comments_of(number)
    assert "### This change reaches 1 office" in comment["body"]
    assert "globalbi-eu-ledger" in comment["body"]
    # Headquarters has no table yet, and the price book knows what an office costs for being there.
    assert "a month, always" in comment["body"]
    assert "nothing is said of its last runs" in comment["body"]
    # Nothing was made, and by a role that could not have.
    assert here.twin.client("dynamodb", "eu").list_tables()["TableNames"] == []


def test_a_forks_pull_request_starts_no_job(here: World) -> None:
    """Its code would run with our role."""
    _, event = proposed(here, "stranger", "maxVcpus: 256", "maxVcpus: 64")
    event.payload["pull_request"]["head"]["repo"] = {"full_name": "somebody/else"}
    with pytest.raises(Broken, match="ran no job"):
        here.run("preview.yml", event)


def test_a_fault_of_a_stack_file_fails_the_check_beside_its_line(here: World) -> None:
    """Found only by the preview, it would be a log to search."""
    _, event = proposed(here, "faulty", "10.20.0.0/16", "10.20.0.0/29")
    ran = here.run("check.yml", event)
    assert not ran.succeeded
    (job,) = ran.jobs
    assert job.failed_steps == [".venv/bin/python -m rollout check"]
    assert any("globalbi:cidr must be a /16 to /24 network" in words for words in job.errors), job.errors


@pytest.fixture(scope="module")
def us_applied(here: World) -> Run:
    return here.run("apply.yml", here.by_hand({"office": "us", "override": "a rehearsal"}))


def test_an_office_is_applied_and_what_it_has_is_known(here: World, us_applied: Run) -> None:
    """The deployment that a job leaves is all that later rollouts know of an office."""
    assert us_applied.succeeded, us_applied.jobs
    assert [job.environment for job in us_applied.jobs if job.environment] == ["us"]
    assert here.github.client.applied("us") == here.repository.main
    assert here.github.client.applied("eu") is None
    assert f"| us | `{here.repository.main}` |" in us_applied.job("status").lines
    assert here.twin.client("dynamodb", "us").list_tables()["TableNames"] == ["globalbi-us-ledger"]


@pytest.mark.usefixtures("us_applied")
def test_what_somebody_changed_in_it_is_told_and_nothing_else(here: World) -> None:
    """A look that finds what is no drift is soon not read any more. The other offices wait for a change."""
    here.twin.client("logs", "us").put_retention_policy(
        logGroupName="/aws/lambda/globalbi-us-intake", retentionInDays=1
    )
    ran = here.run("drift.yml", here.clock())
    assert ran.succeeded, ran.jobs
    (issue,) = here.github.issues
    assert issue["title"] == "us: 1 resource differs from the repository"
    assert "retentionInDays" in issue["body"]


def test_another_accounts_credentials_are_refused(here: World) -> None:
    """The stand-in for Pulumi would else prove less than Pulumi does."""
    asked = ("preview", "--stack", "eu", "--non-interactive", "--json", "--show-sames")
    of_us = {
        "AWS_ACCESS_KEY_ID": "333333333333",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "rehearsal.pulumi", *asked],
        cwd=world.ROOT,
        env={**os.environ, **of_us},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == FAILED, ran.stderr
    assert "333333333333" in json.loads(ran.stdout)["diagnostics"][0]["message"]
