"""Pull requests that the workflow opens: once, and of nothing but a release's own files."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal.github import LocalGitHub
from rollout.proposal import Proposal
from tests.rollout.http_github import Job, Ran, serving

CHART = "rollout/canaries/metagenome-aaaaaaaaaaaa.svg"
PROPOSAL = Proposal(
    branch="promote/metagenome-aaaaaaaaaaaa-us",
    title="Promote metagenome aaaaaaaaaaaa to us",
    body="Every gate let it through.\n",
    files={"Pulumi.us.yaml": "config: {}\n", CHART: "<svg/>"},
    chart=CHART,
)
BASE = "c" * 40


@pytest.fixture
def github() -> LocalGitHub:
    return LocalGitHub()


@pytest.fixture
def job(github: LocalGitHub, tmp_path: Path) -> Iterator[Job]:
    with serving(github, tmp_path) as made:
        yield made


def propose(job: Job, proposal: Proposal = PROPOSAL, **changes: Any) -> Ran:
    folder = job.folder / "proposals"
    folder.mkdir(exist_ok=True)
    (folder / "metagenome.json").write_text(json.dumps({**asdict(proposal), **changes}))
    return job.run("propose", str(folder), "--commit", BASE, bare=True)


def test_a_pull_request_is_opened_with_its_files_and_its_chart(github: LocalGitHub, job: Job) -> None:
    """On top of the commit whose files were judged; the chart is found after the branch is gone."""
    ran = propose(job)
    assert ran.code == 0, ran.said
    (pull,) = github.proposed
    commit = github.branches[PROPOSAL.branch]
    tree = github.objects[github.objects[commit]["tree"]]
    assert github.objects[commit]["parents"] == [BASE]
    assert tree["base_tree"] == f"tree-of-{BASE}"
    assert {each["path"]: each["content"] for each in tree["tree"]} == PROPOSAL.files
    assert (pull["base"], pull["head"], pull["title"]) == ("main", PROPOSAL.branch, PROPOSAL.title)
    assert f"/acme/platform/blob/{commit}/{CHART}?raw=true" in pull["body"]


@pytest.mark.parametrize("state", ["open", "closed"])
def test_it_is_opened_once(github: LocalGitHub, job: Job, state: str) -> None:
    """Every hour asks again: a review must not start anew, and a person's no is an answer."""
    propose(job)
    github.proposed[0]["state"] = state
    before = list(github.writes)
    ran = propose(job)
    assert (ran.code, github.writes) == (0, before)
    assert "#1" in ran.said


def test_a_branch_that_a_stopped_run_left_is_taken_up(github: LocalGitHub, job: Job) -> None:
    """Else the release waits for somebody to find a branch that nobody made."""
    github.branches[PROPOSAL.branch] = "old"
    github.branches[f"{PROPOSAL.branch}-2"] = "other"
    assert propose(job).code == 0
    assert github.branches[PROPOSAL.branch] != "old"
    assert github.branches[f"{PROPOSAL.branch}-2"] == "other"


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {".github/workflows/apply.yml": "on: push"}},
        {"files": {"Pulumi.us.yaml": "", "rollout/canaries/../../Makefile": ""}},
        {"files": {}},
        {"branch": "main"},
        {"branch": "promote/../main"},
        {"files": {"pipeline_images/metagenome/pipeline.yaml": "name: metagenome"}, "chart": ""},
        {"branch": "rightsize/metagenome-aaaaaaaaaaaa"},  # with a release's files
        {"more": 1},
    ],
)
def test_what_a_release_does_not_change_is_refused(
    github: LocalGitHub, job: Job, changes: dict[str, Any]
) -> None:
    """The image on trial ran beside the job that made it: what comes from there is read as a stranger's."""
    assert propose(job, **changes).code == 1
    assert github.writes == []


def test_sizes_change_their_pipelines_file(github: LocalGitHub, job: Job) -> None:
    """A person merges what the runs called for, as they merge a release."""
    files = {"pipeline_images/metagenome/pipeline.yaml": "name: metagenome\n"}
    sizes = replace(PROPOSAL, branch="rightsize/metagenome-aaaaaaaaaaaa", files=files, chart="")
    assert propose(job, sizes).code == 0
    assert [each["head"] for each in github.proposed] == [sizes.branch]


def test_a_bad_proposal_keeps_no_other_back(github: LocalGitHub, job: Job) -> None:
    """The one behind it may take back what fails."""
    folder = job.folder / "proposals"
    folder.mkdir()
    (folder / "assembly.json").write_text('{"branch": "main\\n::error::x"}')
    assert propose(job).code == 1
    assert [each["head"] for each in github.proposed] == [PROPOSAL.branch]


def test_an_hour_without_anything_due_is_no_failure(job: Job) -> None:
    """A workflow that is red by habit is looked at by nobody."""
    assert job.run("propose", str(job.folder / "none"), "--commit", BASE, bare=True).code == 0


def test_a_text_without_a_chart_is_left_as_it_is(github: LocalGitHub, job: Job) -> None:
    """A revert has none, and must not show a broken picture."""
    propose(job, replace(PROPOSAL, branch="revert/metagenome-aaaaaaaaaaaa", chart=""))
    assert github.proposed[0]["body"] == PROPOSAL.body


def test_each_office_is_asked_with_its_own_role(job: Job) -> None:
    """A profile with another office's role is refused by AWS, at the hour when a release should go on."""
    import boto3
    from botocore.session import Session

    out = job.folder / "config"
    ran = job.run(
        "profiles", "--out", str(out), "--token", str(job.folder / "token"), "--session", "promote-1"
    )
    assert ran.code == 0, ran.said
    assert ran.outputs == {
        "headquarters": "hq",
        "region": "ap-northeast-2",
        "registry": "111111111111.dkr.ecr.ap-northeast-2.amazonaws.com",
    }
    session = Session()
    session.set_config_variable("config_file", str(out))
    assert set(boto3.Session(botocore_session=session).available_profiles) >= {"hq", "eu", "us"}
    eu = session.full_config["profiles"]["eu"]
    assert eu["role_arn"] == "arn:aws:iam::222222222222:role/globalbi-eu-github-promote"
    assert (eu["region"], eu["role_session_name"]) == ("eu-central-1", "promote-1")
    assert eu["web_identity_token_file"] == str(job.folder / "token")
