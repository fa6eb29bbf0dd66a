"""`advance`: what the workflow finds due every hour. Of the container engine a stand-in."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.office import Office
from fleet import canaries
from fleet.access import Access, Session, Unreachable, bucket
from rollout.proposal import Proposal, read
from rollout.repository import git
from tests.fleet.release_lab import OLD, RELEASE, Lab

# Makes the community, and analyses it: what the old digest finds, and SHARES of any other.
ENGINE = f"""#!/usr/bin/env python3
import json, os, pathlib, sys
volumes = [word.removeprefix("--volume=") for word in sys.argv if word.startswith("--volume=")]
volumes += [after for word, after in zip(sys.argv, sys.argv[1:]) if word == "--volume"]
places = {{inside: pathlib.Path(outside) for outside, inside, *_ in (each.split(":") for each in volumes)}}
with open(os.environ["CALLS"], "a") as calls:
    print(*sys.argv, file=calls)
if "/out" in places:
    (places["/out"] / "input.tar").write_bytes(b"reads")
    rows = ("taxid\\tname\\tpairs", "562\\tE. coli\\t60", "1280\\tS. aureus\\t40")
    (places["/out"] / "truth.tsv").write_text("\\n".join(rows))
    sys.exit()
assert (places["/references/host"] / "host.mmi").is_file()
old = any("{OLD}" in word for word in sys.argv)
shares = {{562: 0.6, 1280: 0.4}} if old else json.loads(os.environ["SHARES"])
rows = [f"{{taxid}}\\tname{{taxid}}\\tspecies\\t1\\t{{share}}" for taxid, share in shares.items()]
(places["/output"] / "abundance").mkdir()
(places["/output"] / "abundance" / "species.tsv").write_text(
    "\\n".join(["taxid\\tname\\trank\\treads\\trelative_abundance", *rows]) + "\\n")
(places["/taken"] / "taken.json").write_text(json.dumps({{"seconds": 2.5, "memory_mib": 7}}))
"""


class Workflow:
    """The job `gates` on a machine with a container engine."""

    def __init__(self, lab: Lab, gh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lab, self.out, self.calls = lab, lab.root / ".build" / "proposals", lab.root / ".build" / "calls"
        program = lab.root / ".build" / "bin" / "podman"
        program.parent.mkdir(parents=True)
        program.write_text(ENGINE)
        program.chmod(0o755)
        (lab.root / ".gitignore").write_text(".build\n")
        self.calls.touch()
        monkeypatch.setenv("PATH", f"{program.parent}:{gh.parent}:/usr/bin:/bin")
        monkeypatch.setenv("CONTAINER_ENGINE", "podman")
        monkeypatch.setenv("CALLS", str(self.calls))
        self.monkeypatch = monkeypatch
        self.finds({"562": 0.6, "1280": 0.4})
        headquarters = lab.access.fleet.headquarters
        s3, name = lab.access.headquarters("s3"), bucket(headquarters, "references")
        with suppress(s3.exceptions.BucketAlreadyOwnedByYou):  # by the test before
            place = {"LocationConstraint": headquarters.region}
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        sums = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73  host.mmi\n"
        for reference, version in RELEASE.references.items():
            for file, content in (("host.mmi", "content"), ("SHA256SUMS", sums)):
                s3.put_object(Bucket=name, Key=f"{reference}/{version}/{file}", Body=content.encode())

    def finds(self, shares: dict[str, float]) -> None:
        self.monkeypatch.setenv("SHARES", json.dumps(shares))

    def runs(self) -> Proposal | None:
        answer = self.lab.fleet("advance", "--out", str(self.out))
        assert answer.code == 0, answer.err
        path = self.out / "metagenome.json"
        return read(path) if path.exists() else None

    @property
    def analyses(self) -> int:
        return sum(self.lab.digest in line or OLD in line for line in self.calls.read_text().splitlines())


@pytest.fixture
def workflow(tmp_path: Path, access: Access, gh: Path, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    lab = Lab(tmp_path, access)
    lab.make_history()
    return Workflow(lab, gh, monkeypatch)


def test_a_release_that_may_go_on_gets_its_pull_request(workflow: Workflow) -> None:
    """With all that a reviewer asks for: every gate, the canary's table and its chart."""
    workflow.lab.ran("succeeded", 1, 2)
    proposal = workflow.runs()
    assert proposal
    assert set(proposal.files) == {"Pulumi.us.yaml", proposal.chart}
    assert workflow.lab.digest in proposal.files["Pulumi.us.yaml"]
    assert proposal.branch.startswith("promote/metagenome-")
    for words in ("### Canary of", "distance from the truth", "| us | soak |"):
        assert words in proposal.body
    assert workflow.analyses == 0  # headquarters keeps one
    # The next pipeline's pull request must not bring this one's lines along.
    assert git(workflow.lab.root, "status", "--porcelain", "--untracked-files=no", ":!rollout.yaml") == ""


def test_an_image_that_nobody_vouches_for_is_not_even_run(workflow: Workflow, gh: Path) -> None:
    """The canary would run a stranger's program on the machine that holds the offices' roles."""
    workflow.lab.forget_canaries()
    workflow.lab.ran("succeeded", 1, 2)
    gh.write_text(f"{workflow.lab.digest}\n")
    assert workflow.runs() is None
    assert workflow.analyses == 0


def test_a_canary_that_is_all_that_is_missing_is_run_and_kept(workflow: Workflow, access: Access) -> None:
    """Nobody has to remember it; and the next hour does not run it again."""
    workflow.lab.forget_canaries()
    workflow.lab.ran("succeeded", 1, 2)
    assert workflow.runs()
    assert workflow.analyses == 6
    kept = canaries.newest(access, "metagenome", workflow.lab.old, workflow.lab.new)
    assert kept
    assert kept.by.startswith("arn:aws:")
    assert kept.new.image.endswith(f"/globalbi/metagenome@{workflow.lab.digest}")


def test_a_canary_that_fails_becomes_a_revert(workflow: Workflow) -> None:
    """Found before the offices of the next wave have it, and taken back from those that have."""
    workflow.lab.forget_canaries()
    workflow.lab.ran("succeeded", 1, 2)
    workflow.finds({"562": 1.0})
    proposal = workflow.runs()
    assert proposal
    assert proposal.branch.startswith("revert/metagenome-")
    assert set(proposal.files) == {"Pulumi.hq.yaml", "Pulumi.eu.yaml", "rollout/refused.yaml"}
    assert workflow.lab.digest in proposal.files["rollout/refused.yaml"]
    assert OLD in proposal.files["Pulumi.eu.yaml"]


def test_a_release_that_fails_in_an_office_becomes_a_revert(workflow: Workflow) -> None:
    """At night, too: in the morning the pull request is there."""
    workflow.lab.ran("succeeded", 1)
    workflow.lab.ran("failed", 2)
    proposal = workflow.runs()
    assert proposal
    assert proposal.branch.startswith("revert/")
    assert "1 of 2 runs failed" in proposal.files["rollout/refused.yaml"]


def test_a_release_that_another_gate_holds_waits_without_a_canary(workflow: Workflow) -> None:
    """A canary costs minutes of a machine every hour."""
    workflow.lab.forget_canaries()
    workflow.lab.ran("succeeded", 1)
    assert workflow.runs() is None
    assert workflow.analyses == 0


def test_a_canary_that_cannot_be_run_is_said_and_proves_nothing(workflow: Workflow) -> None:
    """A registry that does not answer must neither move nor take back."""
    workflow.lab.forget_canaries()
    workflow.lab.ran("succeeded", 1, 2)
    program = workflow.lab.root / ".build" / "bin" / "podman"
    program.write_text("#!/bin/sh\necho no such host >&2\nexit 125\n")
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert answer.code == 1
    assert "no such host" in answer.err
    assert list(workflow.out.iterdir()) == []


def unreachable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nobody has credentials of that office."""
    opened = Access._opened

    def refuse(self: Access, office: Office) -> Session:
        if office.name == name:
            raise Unreachable(f"{name}: no credentials for account {office.account}")
        return opened(self, office)

    monkeypatch.setattr(Access, "_opened", refuse)


def test_an_office_that_cannot_be_asked_does_not_hold_up_the_others(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its role was changed by hand: every promotion everywhere would wait for it, hour after hour."""
    workflow.lab.ran("succeeded", 1, 2)
    unreachable(monkeypatch, "eu")
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert set(read(workflow.out / "metagenome.json").files) >= {"Pulumi.us.yaml"}
    assert answer.code == 4  # not all of it was looked at
    assert "not asked: eu: no credentials for account 222222222222" in answer.err


def test_a_release_does_not_move_to_an_office_that_cannot_be_asked(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether image and references are there nobody knows: the gate that no reason lifts."""
    workflow.lab.ran("succeeded", 1, 2)
    unreachable(monkeypatch, "us")
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert list(workflow.out.iterdir()) == []
    assert answer.code == 4
    assert "metagenome: without us, which cannot be asked" in answer.err


def test_an_office_that_refuses_a_question_waits_as_well(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has credentials, and not the right to look into its registry."""
    workflow.lab.ran("succeeded", 1, 2)

    def refuse(*_: object) -> bool:
        error: Any = {
            "Code": "AccessDeniedException",
            "Message": "not authorized to perform: ecr:DescribeImages",
        }
        raise ClientError({"Error": error}, "DescribeImages")

    monkeypatch.setattr("rollout.promote._has_image", refuse)
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert list(workflow.out.iterdir()) == []
    assert answer.code == 4
    assert "not asked: us: " in answer.err
    assert "ecr:DescribeImages" in answer.err


def test_a_release_that_went_wrong_is_taken_back_though_an_office_cannot_be_asked(
    workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way back that needs every account is none at night."""
    workflow.lab.ran("succeeded", 1)
    workflow.lab.ran("failed", 2)
    unreachable(monkeypatch, "us")
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert read(workflow.out / "metagenome.json").branch.startswith("revert/")
    assert answer.code == 4


def test_without_headquarters_nothing_is_judged(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are known there: no answer is no good news."""
    unreachable(monkeypatch, "hq")
    answer = workflow.lab.fleet("advance", "--out", str(workflow.out))
    assert (answer.code, list(workflow.out.iterdir())) == (4, [])


def test_only_the_releases_own_images_are_kept_as_proof(workflow: Workflow) -> None:
    """Anybody could else compare the old image with itself, and call it the new one."""
    answer = workflow.lab.fleet("canary", "metagenome", "--new", "localhost/other", "--keep")
    assert answer.code == 5
    assert "--new" in answer.err
    assert workflow.analyses == 0


@pytest.mark.parametrize(("shares", "code"), [({"562": 0.6, "1280": 0.4}, 0), ({"562": 1.0}, 1)])
def test_a_person_s_canary_leaves_table_and_chart(
    workflow: Workflow, tmp_path: Path, shares: dict[str, float], code: int
) -> None:
    """Its exit code is the verdict, so that a script can stop."""
    workflow.finds(shares)
    answer = workflow.lab.fleet("canary", "metagenome", "--out", str(tmp_path / "out"))
    assert answer.code == code, answer.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"canary.md", "canary.svg", "record.json"}
    assert ("🔴" in answer.out) == bool(code)
