"""Who built an image: `gh` says so, and no answer is no yes."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from supply_chain.attestation import BRANCH, WORKFLOW, refusal

ROOT = Path(__file__).parents[2]
IMAGE = "444455556666.dkr.ecr.eu-central-1.amazonaws.com/globalbi/metagenome@sha256:" + "a" * 64


def answering(code: int, err: str = "") -> Any:
    return lambda words: subprocess.CompletedProcess(words, code, "", err)


def test_the_very_digest_this_repository_that_workflow_and_main_are_asked_for() -> None:
    """Without any one of them an image of a fork, of another workflow or of a branch would pass."""
    asked: list[str] = []

    def run(words: list[str]) -> subprocess.CompletedProcess[str]:
        asked.extend(words)
        return subprocess.CompletedProcess(words, 0, "", "")

    assert refusal("org/repo", IMAGE, run) is None
    line = " ".join(asked)
    assert line.startswith(f"gh attestation verify oci://{IMAGE} --repo org/repo ")
    assert f"--signer-workflow org/repo/{WORKFLOW}" in line
    assert f"--source-ref {BRANCH}" in line
    assert "--deny-self-hosted-runners" in line


def test_the_reason_is_ghs_own() -> None:
    """An engineer must see whether the image is foreign or gh is not logged in."""
    assert refusal("org/repo", IMAGE, answering(1, "Loaded digest\nError: no attestations found\n")) == (
        "gh: Error: no attestations found"
    )
    assert refusal("org/repo", IMAGE, answering(4)) == "gh ended with 4"


def test_without_an_answer_the_image_is_not_vouched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without gh would else let everything through."""
    monkeypatch.setenv("PATH", "")
    assert refusal("org/repo", IMAGE) == "the command gh, which verifies it, is not installed"

    def late(words: list[str]) -> subprocess.CompletedProcess[str]:
        raise subprocess.TimeoutExpired(words, 120)

    assert "did not answer" in str(refusal("org/repo", IMAGE, late))


def test_the_workflow_that_is_asked_for_attests_provenance_and_contents() -> None:
    """A renamed workflow would hold every release; to attest before the scan vouches for faults."""
    steps = yaml.safe_load((ROOT / WORKFLOW).read_text())["jobs"]["image"]["steps"]
    order = [str(step.get("name") or step.get("uses", step.get("run", ""))).split("@")[0] for step in steps]
    assert (
        order.index("Scan")
        < order.index("actions/attest-build-provenance")
        < order.index("actions/attest-sbom")
    )
