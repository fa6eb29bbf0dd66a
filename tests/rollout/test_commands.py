"""The commands, run as the workflows run them, with GitHub over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.roster import Fleet
from rehearsal.github import LocalGitHub
from rollout.comment import LABEL
from rollout.drift import REMEDIATE, marker
from rollout.repository import git
from rollout.summary import Change, Summary
from tests.rollout.http_github import ROOT, Job, serving
from tests.three_offices import add_office, copy_stack_files

HEAD = git(ROOT, "rev-parse", "HEAD").strip()
LOSS = Change(action="replace", type="aws:s3/bucket:Bucket", name="globalbi-eu-uploads")


@pytest.fixture
def github() -> LocalGitHub:
    return LocalGitHub()


@pytest.fixture
def job(github: LocalGitHub, tmp_path: Path) -> Iterator[Job]:
    with serving(github, tmp_path) as made:
        yield made


def success(sha: str) -> list[dict[str, Any]]:
    return [{"id": abs(hash(sha)) % 1000, "sha": sha, "statuses": [{"state": "success"}]}]


def leave(job: Job, *summaries: Summary) -> str:
    folder = job.folder / "summaries"
    for each in summaries:
        # As download-artifact lays them out.
        path = folder / f"preview-{each.office}" / f"{each.office}.json"
        path.parent.mkdir(parents=True)
        path.write_text(each.to_json())
    return str(folder)


def test_the_jobs_that_write_need_nothing_installed(github: LocalGitHub, job: Job) -> None:
    """They hold a token that may write, so they run no package of anybody's."""
    folder = leave(job, Summary(office="eu"))
    ran = job.run(
        "comment",
        "--pull-request",
        "7",
        "--commit",
        HEAD,
        "--offices",
        '["eu"]',
        "--summaries",
        folder,
        bare=True,
    )
    assert ran.code == 0, ran.said
    assert len(github.comments) == 1
    ran = job.run("drift", "--offices", '["eu"]', "--summaries", folder, bare=True)
    assert ran.code == 0, ran.said


def test_a_verdict_blocks_until_the_label_is_there(github: LocalGitHub, job: Job) -> None:
    """The label is looked for on the pull request itself, each time."""
    folder = leave(job, Summary(office="eu", changes=(LOSS,)))
    asked = ("comment", "--pull-request", "7", "--commit", HEAD, "--offices", '["eu"]', "--summaries", folder)
    assert job.run(*asked, bare=True).code == 1
    github.labels["7"] = [LABEL]
    assert job.run(*asked, bare=True).code == 0
    assert len(github.comments) == 1
    assert "Approved by the label" in github.comments[0]["body"]


def test_an_office_is_not_given_up_without_the_label(github: LocalGitHub, job: Job) -> None:
    """A merge would leave its runs and its data to nobody, and no preview of the office would say so."""
    folder = leave(job, Summary(office="hq"))
    asked = ("comment", "--pull-request", "7", "--commit", HEAD, "--offices", '["hq"]', "--summaries", folder)
    ran = job.run(*asked, "--gone", '["us"]', bare=True)
    assert ran.code == 1
    assert "python -m fleet retire us" in ran.said
    assert "Stack files would be gone. Blocked without" in github.comments[0]["body"]
    github.labels["7"] = [LABEL]
    assert job.run(*asked, "--gone", '["us"]', bare=True).code == 0
    assert "Stack files would be gone. Approved" in github.comments[0]["body"]
    assert job.run(*asked, "--gone", "[]", bare=True).code == 0
    assert "Stack files" not in github.comments[0]["body"]


def test_an_office_whose_job_left_nothing_is_not_forgotten(github: LocalGitHub, job: Job) -> None:
    """A job that was killed would else count as an office without changes."""
    folder = leave(job, Summary(office="eu"))
    ran = job.run(
        "comment", "--pull-request", "7", "--commit", HEAD, "--offices", '["eu", "us"]', "--summaries", folder
    )
    assert ran.code == 1
    assert "us: no preview" in ran.said


def test_a_summary_under_another_offices_name_is_refused(job: Job) -> None:
    """A job that ran a pull request's code speaks for its own office only."""
    folder = leave(job, Summary(office="eu"))
    (Path(folder) / "preview-eu" / "us.json").write_text(Summary(office="eu").to_json())
    ran = job.run(
        "comment", "--pull-request", "7", "--commit", HEAD, "--offices", '["us"]', "--summaries", folder
    )
    assert ran.code == 1
    assert "is of 'eu', not of 'us'" in ran.said


def test_a_hostile_name_starts_no_workflow_command(job: Job) -> None:
    """A line that begins with :: is an order to the runner."""
    hostile = Change(action="delete", type="aws:s3/bucket:Bucket", name="x\n::add-mask::y\n::error::z")
    folder = leave(job, Summary(office="eu", changes=(hostile,)))
    ran = job.run(
        "comment", "--pull-request", "7", "--commit", HEAD, "--offices", '["eu"]', "--summaries", folder
    )
    assert not [line for line in ran.said.splitlines() if line.startswith("::")]


@pytest.mark.parametrize(("base", "head"), [("origin/nowhere", "HEAD"), ("HEAD", "--all")])
def test_a_commit_that_is_not_here_is_named(job: Job, base: str, head: str) -> None:
    """In a clone without origin/main a person would read Python instead of what to do."""
    ran = job.run("offices", f"--base={base}", f"--head={head}")
    unknown = base if base != "HEAD" else head
    assert (ran.code, ran.outputs) == (2, {})
    assert ran.said == (
        f"rollout: there is no commit {unknown!r} here: fetch it (`git fetch origin`), or name one that is\n"
    )


def test_stack_files_that_are_not_committed_are_told(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who adds an office would read that nobody is touched, and believe it."""
    root = tmp_path / "clone"
    root.mkdir()
    copy_stack_files(root)
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "-m", "x")
    monkeypatch.setattr("rollout.commands.ROOT", root)
    asked = ("offices", "--base", "HEAD", "--head", "HEAD")
    assert "not committed" not in job.run(*asked).said
    add_office(root, "jp", account="555555555555", region="ap-northeast-1", cidr="10.40.0.0/16")
    assert "1 stack file is not committed and so not seen: Pulumi.jp.yaml\n" in job.run(*asked).said
    (root / "Pulumi.eu.yaml").write_text("config: {}\n")
    (root / "notes.txt").write_text("")
    ran = job.run(*asked)
    assert "2 stack files are not committed and so not seen: Pulumi.eu.yaml, Pulumi.jp.yaml\n" in ran.said
    assert (ran.code, ran.outputs["offices"]) == (0, "[]")


def test_a_rollout_takes_what_was_not_applied_yet(github: LocalGitHub, job: Job) -> None:
    """eu failed last time and us is new: both are due, whatever the newest merge touched; hq has it all."""
    github.deployments = {each.name: success(HEAD) for each in Fleet.load(ROOT).offices if each.name != "us"}
    github.deployments["eu"] = [{"id": 1, "sha": HEAD, "statuses": [{"state": "failure"}]}]
    ran = job.run("plan", "--head", HEAD, "--override", "test")
    assert ran.outputs == {"wave_1": "[]", "wave_2": '["eu"]', "wave_3": '["us"]', "wave_4": "[]"}, ran.said
    assert "eu: <code>never&#32;applied" in ran.page or "eu: <code>never applied" in ran.page
    assert "hq: already as the repository says" in ran.page


def test_a_commit_that_is_gone_from_the_history_is_applied_over(github: LocalGitHub, job: Job) -> None:
    github.deployments = {"hq": success("0" * 40), "eu": success(HEAD), "us": success(HEAD)}
    ran = job.run("plan", "--head", HEAD, "--override", "test")
    assert ran.outputs["wave_1"] == '["hq"]', ran.said


def test_an_old_run_that_is_run_again_applies_nothing(github: LocalGitHub, job: Job) -> None:
    """Re-running last week's failed rollout would take every office back to last week."""
    ran = job.run("plan", "--head", f"{HEAD}~1", "--tip", HEAD, "--override", "test")
    assert ran.code == 0
    assert set(ran.outputs.values()) == {"[]"}
    assert len(ran.outputs) == 4


def test_a_run_by_hand_is_for_one_office(github: LocalGitHub, job: Job) -> None:
    github.deployments = {"us": success(HEAD)}
    ran = job.run("plan", "--head", HEAD, "--office", "us", "--override", "asked")
    assert [json.loads(value) for value in ran.outputs.values()] == [[], [], ["us"], []]
    assert job.run("plan", "--head", HEAD, "--office", "mars").code == 2


def test_an_apply_asks_the_merged_pull_requests_for_the_label(github: LocalGitHub, job: Job) -> None:
    """What is there may have changed since the preview: the same rule holds again, just before."""
    path = job.folder / "eu.json"
    path.write_text(Summary(office="eu", changes=(LOSS,)).to_json())
    github.deployments = {"eu": success(git(ROOT, "rev-parse", f"{HEAD}~2").strip())}
    assert job.run("refuse", str(path), "--head", HEAD).code == 1
    github.pulls[HEAD] = [{"merged_at": "2026-11-25", "labels": [{"name": LABEL}]}]
    assert job.run("refuse", str(path), "--head", HEAD).code == 0


def test_an_office_that_waits_for_a_change_is_not_said_to_drift(github: LocalGitHub, job: Job) -> None:
    """Else every freeze would open issues that nobody caused."""
    github.deployments = {"hq": success(HEAD), "eu": success(HEAD)}
    assert json.loads(job.run("settled", "--head", HEAD).outputs["offices"]) == ["eu", "hq"]


@pytest.mark.parametrize(("kind", "code"), [("Bot", 0), ("User", 1)])
def test_the_label_to_remediate_works_on_the_workflows_own_issues(job: Job, kind: str, code: int) -> None:
    """Anybody may open an issue and write an office's name into it."""
    event = {"label": {"name": REMEDIATE}, "issue": {"body": marker("eu") + "\n…", "user": {"type": kind}}}
    (job.folder / "event.json").write_text(json.dumps(event))
    ran = job.run("drifted-office", str(job.folder / "event.json"), bare=True)
    assert ran.code == code
    assert ran.outputs == ({"office": "eu"} if code == 0 else {})


def test_a_summary_is_made_of_a_preview_with_the_policies_findings(job: Job) -> None:
    """The bucket that a pull request adds without its locks is named before it exists."""
    urn = "urn:pulumi:eu::globalbi::aws:s3/bucket:Bucket::open"
    step = {"op": "create", "urn": urn, "newState": {"custom": True, "inputs": {"bucket": "open"}}}
    preview, out = job.folder / "preview.json", job.folder / "eu.json"
    preview.write_text(json.dumps({"steps": [step]}))
    assert job.run("summary", "eu", "--preview", str(preview), "--out", str(out)).code == 0
    assert {each["policy"] for each in json.loads(out.read_text())["findings"]} >= {"GBI-S3-1", "GBI-S3-4"}
    preview.write_text("error: no credentials")
    assert job.run("summary", "eu", "--preview", str(preview), "--out", str(out)).code == 0
    assert json.loads(out.read_text())["fault"]


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("error: the stack is currently locked by 1 lock(s)", "pulumi cancel -s eu"),
        ("warning: the stack has pending operations", "pulumi refresh -s eu"),
        ("NoSuchBucket: The specified bucket does not exist", "A lost state bucket"),
        ("creating ECR Repository: RepositoryAlreadyExistsException", "pulumi import -s eu"),
        ("User: arn:… is not authorized to perform: sqs:X", "bootstrap/permissions.py"),
        # Every office that was there before its boundary meets this once.
        (
            "CreateRole, NoSuchEntity: Scope ARN: arn:aws:iam::222222222222:policy/globalbi-eu-boundary"
            " does not exist or is not attachable.",
            "python -m bootstrap eu --apply",
        ),
    ],
)
def test_a_failed_run_says_what_helps(job: Job, log: str, told: str) -> None:
    """A stale lock at night is one command, if one knows it."""
    (job.folder / "up.log").write_text(log)
    ran = job.run("explain", "eu", str(job.folder / "up.log"))
    assert told in ran.page
    assert "::error title=eu::" in ran.said
