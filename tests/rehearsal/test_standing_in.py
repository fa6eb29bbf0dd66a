"""What stands in for GitHub's machines, actions and Pulumi's command."""

import io
import json
import os
import subprocess
from pathlib import Path

import pytest

from components.names import image_address, registry_host
from rehearsal import act, docker, pulumi
from rehearsal.github import LocalGitHub
from rehearsal.registry import stands_for
from rehearsal.serving import TOKEN, served
from supply_chain import attestation

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
# A workflow that needs a registry and a container engine; no rehearsal runs it.
NOT_REHEARSED = {"actions/attest-build-provenance", "actions/attest-sbom"}


def test_no_action_is_fetched_from_the_internet() -> None:
    """A rehearsal without a network would end at the first action that nothing stands in for."""
    used = {use[2] for path in WORKFLOWS.glob("*.yml") for use in act.USES.finditer(path.read_text())}
    assert used - NOT_REHEARSED == act.STAND_INS.keys()
    options = list(act.replaced(WORKFLOWS))
    assert len(options) == len(act.STAND_INS)  # one version of each
    for option in options:
        assert (Path(option.rpartition("=")[2]) / "action.yml").is_file()


def test_the_environments_of_jobs_are_those_of_the_files() -> None:
    """GitHub makes a deployment of a job that names one; without it no office would ever count as applied."""
    found = act.environments(WORKFLOWS)
    assert found["apply a wave", "office"] == "${{ matrix.office }}"
    assert found["preview", "office"] == "${{ matrix.office }}-preview"
    assert ("apply", "plan") not in found


def test_another_act_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its log could say the same things in other words, and a failure be overlooked."""
    binary = tmp_path / "act"
    binary.write_text("#!/bin/sh\necho act version 0.2.1\n")
    binary.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(act.Missing, match=rf"act version 0\.2\.1.*needs act {act.VERSION}"):
        act.found()
    binary.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(act.Missing, match="is not here"):
        act.found()


@pytest.mark.parametrize(
    "asked",
    [
        ("preview", "--stack", "eu", "--non-interactive", "--json", "--show-sames", "--diff"),
        ("preview", "--stack", "eu", "--json", "--show-sames"),
        ("up", "--stack", "eu", "--non-interactive", "--yes", "--skip-preview", "--refresh=perhaps"),
        ("destroy", "--stack", "eu"),
    ],
    ids=["an unknown option", "interactive", "no yes or no", "another command"],
)
def test_pulumi_takes_only_what_it_knows(asked: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """A workflow that asks for more would pass here, and do something else on GitHub."""
    with pytest.raises(SystemExit) as ended:
        pulumi.main(asked)
    assert ended.value.code == 2
    assert "usage: pulumi" in capsys.readouterr().err


def gh(github: LocalGitHub, words: list[str]) -> subprocess.CompletedProcess[str]:
    """The command as a job has it."""
    with served(github) as address:
        return subprocess.run(
            [str(act.FOLDER / "commands" / "runner" / "gh"), *words],
            env={
                "PATH": os.environ["PATH"],
                "REHEARSAL_PYTHON": "python3",
                "GITHUB_API_URL": address,
                "GITHUB_REPOSITORY": github.repository,
                "GH_TOKEN": TOKEN,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
        )


def test_gh_verifies_what_the_workflow_built_and_nothing_else() -> None:
    """A gate that lets everything through would look the same in the whole story."""
    github, digest = LocalGitHub(), f"sha256:{'a' * 64}"

    def verified(words: list[str]) -> subprocess.CompletedProcess[str]:
        return gh(github, words[1:])

    image = f"registry/globalbi/metagenome@{digest}"
    assert "no attestations found" in str(attestation.refusal("acme/platform", image, verified))
    github.attested.add(digest)
    assert attestation.refusal("acme/platform", image, verified) is None


def test_gh_asks_for_a_run() -> None:
    """The label that mends an office would do nothing."""
    github = LocalGitHub()
    done = gh(github, ["workflow", "run", "apply.yml", "--ref", "main", "--field", "office=eu"])
    assert done.returncode == 0
    assert github.dispatched == [{"workflow": "apply.yml", "ref": "main", "inputs": {"office": "eu"}}]


def test_an_image_needs_a_sign_in_and_a_push(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A canary of whatever lies on the machine would prove nothing of the release."""
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    monkeypatch.setenv("TWIN_HOME", str(tmp_path))
    account, region, digest = "111111111111", "ap-northeast-2", f"sha256:{'a' * 64}"
    image = image_address(account, region, "metagenome", digest)
    with pytest.raises(LookupError, match="no basic auth credentials"):
        docker.translated(["run", image])
    options = ["--username", "AWS", "--password-stdin", registry_host(account, region)]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert docker.login(options) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("a password"))
    assert docker.login(options) == 0
    with pytest.raises(LookupError, match="manifest unknown"):
        docker.translated(["run", image])
    stands_for(digest, "localhost/here")
    assert docker.translated(["run", image, "localhost/other"]) == [
        "run",
        "localhost/here",
        "localhost/other",
    ]


def test_issues_and_pull_requests_are_counted_together() -> None:
    """An issue with a pull request's number would be answered in its place."""
    github = LocalGitHub()
    numbers = [github.open_pull_request(), github.client.open_issue("t", "b", []), github.open_pull_request()]
    assert numbers == [1, 2, 3]
    github.client.say(2, "mended")
    assert [each["body"] for each in github.comments_of(2)] == ["mended"]
    assert github.comments_of(1) == []


def test_only_make_test_is_left_out(tmp_path: Path) -> None:
    """Else a broken Makefile would pass."""
    (tmp_path / "Makefile").write_text("setup:\n\t@echo made\n")
    make = act.FOLDER / "commands" / "runner" / "make"
    environment = {"PATH": os.environ["PATH"], "REHEARSAL_MAKE": "make"}

    def said(target: str) -> str:
        ran = subprocess.run([make, target], cwd=tmp_path, env=environment, capture_output=True, text=True)
        return ran.stdout

    assert said("setup") == "made\n"
    assert "left out" in said("test")


def test_a_log_tells_the_jobs_and_what_failed() -> None:
    """What is read of act's log decides whether an office counts as applied."""
    jobs: dict[str, act.Job] = {}
    heard: list[str] = []
    known = {("apply a wave", "office"): "${{ matrix.office }}"}
    job = {"job": "wave-1/apply a wave/office-2 ", "jobID": "office", "matrix": {"office": "eu"}}
    for line in (
        "not of the log's form",
        json.dumps({"msg": "of no job"}),
        json.dumps({**job, "raw_output": True, "msg": "error: no\n"}),
        json.dumps({**job, "stepResult": "failure", "step": "Apply"}),
        json.dumps({**job, "command": "error", "arg": "what it means", "kvPairs": {"title": "eu"}}),
        json.dumps({**job, "command": "error", "arg": "a fault", "kvPairs": {"file": "a.yaml", "line": "7"}}),
        json.dumps({**job, "jobResult": "failure"}),
    ):
        act.hear(
            line, jobs, known, lambda job: heard.append(f"{job} begun"), lambda job: heard.append(job.result)
        )
    (found,) = jobs.values()
    assert heard == ["wave-1/apply a wave/office eu begun", "failure"]
    assert (found.environment, found.lines, found.failed_steps) == ("eu", ["error: no"], ["Apply"])
    assert found.errors == ["what it means", "a fault"]
    assert found.places == ["a.yaml:7"]
