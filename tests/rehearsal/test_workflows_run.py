"""The workflow files themselves, run by act. `make rehearse` tells the whole story; this is a part of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bootstrap import names
from components.roster import Fleet
from rehearsal import Broken, act, world
from rehearsal.act import Event, Run
from rehearsal.pulumi import FAILED, dies
from rehearsal.world import World
from twin import credentials, home
from twin.state import State

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


def test_all_faults_of_a_stack_file_fail_the_check_beside_their_lines(here: World) -> None:
    """Found one after the other, or only by the preview, they would be logs to search."""
    here.repository.branch("faulty")
    here.repository.edit("Pulumi.eu.yaml", "10.20.0.0/16", "10.20.0.0/29")
    here.repository.edit("Pulumi.us.yaml", "maxVcpus: 256", "maxVcpus: none")
    here.repository.commit("faulty")
    ran = here.run("check.yml", here.pushed(here.open("faulty"), "opened"))
    assert not ran.succeeded
    (job,) = ran.jobs
    assert job.failed_steps == [".venv/bin/python -m rollout check"]
    assert len(job.errors) == len(job.places) == 2, job.errors
    for file, key, words in (
        ("Pulumi.eu.yaml", "globalbi:cidr", "must be a /16 to /24 network"),
        ("Pulumi.us.yaml", "maxVcpus", "not 'none'"),
    ):
        lines = (here.repository.desk / file).read_text().splitlines()
        number = next(number for number, line in enumerate(lines, start=1) if key in line)
        at = job.places.index(f"{file}:{number}")
        assert words in job.errors[at]


def apply_us(here: World) -> Run:
    return here.run("apply.yml", here.by_hand({"office": "us", "override": "a rehearsal"}))


def changes(ran: Run) -> int:
    """How many the job of the office told of."""
    return sum(line.startswith("  create ") for line in ran.job("office").lines)


@pytest.fixture(scope="module")
def us_killed(here: World) -> Run:
    """The machine died in the middle of the office's first apply."""
    dies("us", after=40)
    return apply_us(here)


@pytest.fixture(scope="module")
def us_locked(here: World, us_killed: Run) -> Run:
    assert not us_killed.succeeded
    return apply_us(here)


@pytest.fixture(scope="module")
def us_applied(here: World, us_locked: Run) -> Run:
    assert not us_locked.succeeded
    here.pulumi("cancel", "-s", "us", "--yes")
    return apply_us(here)


def test_a_lock_that_a_killed_run_left_is_explained_with_the_command_that_frees_it(us_locked: Run) -> None:
    """Whoever finds the office stuck at night needs one line."""
    (words,) = us_locked.job("office").errors
    assert "us is locked: another run changes it, or one was killed" in words
    assert "`pulumi cancel -s us`" in words


def test_an_apply_that_was_killed_goes_on_where_it_stopped(us_killed: Run, us_applied: Run) -> None:
    """Half an office would else have to be taken away by hand."""
    whole = State.load("us", home.running().life)
    assert 40 <= changes(us_killed) < len(whole.resources)
    assert changes(us_killed) + changes(us_applied) == len(whole.resources)


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


def test_a_job_takes_the_roles_of_its_own_environment_only(here: World) -> None:
    """The trust that the bootstrap writes is what keeps a pull request's jobs from an office."""
    eu = Fleet.load(world.ROOT).office("eu")
    sts = boto3.client("sts", endpoint_url=here.twin.endpoint, region_name=eu.region)

    def takes(role: str, environment: str) -> str:
        here.github.environment = environment
        answer = sts.assume_role_with_web_identity(
            RoleArn=names.role_arn(eu, role),
            RoleSessionName="job",
            WebIdentityToken=here.github.identity(names.AUDIENCE),
        )
        return str(answer["AssumedRoleUser"]["Arn"])

    for role, environment in (
        (names.promote_role(eu), names.PROMOTE),
        (names.preview_role(eu), "eu-preview"),
        (names.deploy_role(eu), "eu"),
    ):
        assert takes(role, environment).endswith(f"{role}/job")
        for other in {names.PROMOTE, "eu-preview", "eu", "us", ""} - {environment}:
            with pytest.raises(ClientError, match="AccessDenied"):
                takes(role, other)


def test_a_deleted_state_is_taken_back_by_its_last_version(here: World) -> None:
    """The runbook's first way: whoever deploys can delete the state, and never its history."""
    eu = Fleet.load(world.ROOT).office("eu")
    deploying = credentials.assume("eu", names.deploy_role(eu), endpoint=here.twin.endpoint)
    s3: Any = deploying.client("s3", endpoint_url=here.twin.endpoint)
    bucket = names.state_bucket(eu)
    state = {"Bucket": bucket, "Key": ".pulumi/stacks/globalbi/eu.json"}
    s3.put_object(**state, Body=b"what the office is")
    s3.delete_object(**state)
    (kept,) = s3.list_object_versions(Bucket=bucket, Prefix=state["Key"])["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(**state, VersionId=kept["VersionId"])
    s3.copy_object(**state, CopySource={**state, "VersionId": kept["VersionId"]})
    assert s3.get_object(**state)["Body"].read() == b"what the office is"


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
