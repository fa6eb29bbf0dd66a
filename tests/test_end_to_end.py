"""One sample from upload to HQ's table, through the twin and real containers; and what a branch may do wrong.

The offices come from the real stack files, the handlers run as functions behind their queues, and the
pipeline runs in its real image.
"""

import asyncio
import io
import json
import random
import re
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from canary import mock, truth
from components.roster import Fleet
from demo import results, story
from demo.story import Offices
from demo.tree import planted
from fleet.access import Access
from fleet.app import app
from fleet.dashboard.app import application
from fleet.dashboard.guard import COOKIE, Secret
from fleet.dashboard.picture import Picture
from fleet.options import now
from handlers.passport_key import pem
from twin import deploy

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("end_to_end")]


@pytest.fixture(scope="module")
def community() -> mock.Community:
    """Not the demo's sample: other reads, over two lanes."""
    return mock.community(ROOT / ".build" / "mock", pairs=6_000, seed=20, options=("--lanes", "2"))


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory, community: mock.Community) -> Iterator[Offices]:
    home = tmp_path_factory.mktemp("offices") / "home"
    with story.three_offices(home, Console(quiet=True)) as deployed:
        deployed.publish_references(community.references)
        yield deployed


def put(offices: Offices, office: str, key: str, body: bytes, *, root: bool = False) -> str:
    """Uploads as the branch (or as the account's root, for keys a branch may not write); the version's id."""
    s3 = offices.twin.client("s3", office) if root else offices.branch(office)
    bucket = offices.outputs[office]["uploads_bucket"]
    return str(s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])


def repacked(
    community: mock.Community, change: Callable[[dict[str, bytes]], None] = lambda files: None
) -> bytes:
    """The community's tar with its files changed."""
    with tarfile.open(community.input_tar) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
    change(files)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def runs_of(offices: Offices, office: str, sample: str) -> list[dict[str, Any]]:
    return [r for r in offices.fleet_table() if r["office"] == office and r["sample"] == sample]


@pytest.mark.parametrize("office", ["hq", "eu", "us"])
def test_a_sample_uploaded_to_any_office_becomes_results_there_and_a_row_at_hq(
    offices: Offices, community: mock.Community, office: str, tmp_path: Path
) -> None:
    """The whole purpose: a branch uploads, results come back in its region, HQ sees it."""
    sample = f"metagenome/soil 2026/{office} + ü 100%"
    offices.upload(office, f"{sample}/input.tar", community.input_tar)
    status = offices.follow(office, sample)
    assert status["state"] == "succeeded", status
    fetched = results.fetch(
        offices.branch(office),
        offices.outputs[office]["results_bucket"],
        status["results"]["prefix"],
        tmp_path,
    )
    measured, _ = truth.measured_shares(tmp_path / "abundance" / "species.tsv")
    assert truth.bray_curtis(truth.true_shares(community.truth), measured) <= 0.05
    _verify_passport(offices, office, status["results"]["prefix"], tmp_path)
    row = offices.in_fleet_table(office, fetched.manifest["run_id"], "succeeded")
    assert (row["project"], row["sample"]) == ("soil 2026", f"{office} + ü 100%")
    assert {"received", "submitted", "running", "succeeded"} <= row["times"].keys()
    _sized(offices, office, row)


def _verify_passport(offices: Offices, office: str, prefix: str, folder: Path) -> None:
    """What came back is signed by the office's key, to the last file."""
    bucket, key = offices.outputs[office]["results_bucket"], offices.outputs[office]["passport_key_arn"]
    offices.branch(office).download_file(bucket, f"{prefix}passport.json", str(folder / "passport.json"))
    der = offices.twin.client("kms", office).get_public_key(KeyId=key)["PublicKey"]
    (folder / "office.pem").write_bytes(pem(der))
    words = ["verify", str(folder / "passport.json"), "--key", str(folder / "office.pem"), "--json"]
    verified = CliRunner().invoke(app, words)
    assert verified.exit_code == 0, verified.stderr
    files = json.loads(verified.stdout)["files"]
    assert {"report.html", "abundance/species.tsv", "manifest.json"} <= set(files["same"])
    assert files["absent"] == []


def _sized(offices: Offices, office: str, row: dict[str, Any]) -> None:
    """Headquarters sees what the run was given and took, and how full its instance was."""
    [attempt] = row["attempts"]
    access = Access(fleet=Fleet.load(ROOT), endpoint=offices.twin.endpoint)
    answer = CliRunner().invoke(app, ["packing", office, "--json"], obj=access)
    assert answer.exit_code == 0, answer.stderr
    told = {each["id"]: each for each in json.loads(answer.stdout)["instances"]}
    assert told.keys() >= {attempt["instance_id"]}
    filled = told[attempt["instance_id"]]
    assert (filled["jobs"], filled["most_at_once"], filled["pipelines"]) == (1, 1, ["metagenome"])
    assert 0 < filled["vcpus_given"] <= 1
    page = asyncio.run(_resources(access, office))
    assert f"<td>{attempt['memory_mib']:,}</td>" in page
    assert f"<td>{int(row['peak_mib']):,}</td>" in page
    assert "No job has said on which instance it was" not in page


async def _resources(access: Access, office: str) -> str:
    """The dashboard's page, without a server."""
    picture, secret = Picture(access=access, clock=now), Secret()
    picture.renew_runs()
    served = httpx.ASGITransport(application(picture, secret, 8765))
    async with httpx.AsyncClient(
        transport=served, base_url="http://127.0.0.1:8765", cookies={COOKIE: secret.token}
    ) as client:
        return (await client.get(f"/resources?office={office}")).text


def no_files(files: dict[str, bytes]) -> None:
    files.clear()


def no_reads(files: dict[str, bytes]) -> None:
    files.clear()
    files["notes.txt"] = b"to be sequenced again"


def one_mate(files: dict[str, bytes]) -> None:
    for name in [name for name in files if "_R2" in name]:
        del files[name]


def cut_gzip(files: dict[str, bytes]) -> None:
    name = next(iter(files))
    files[name] = files[name][: len(files[name]) // 2]


UNUSABLE = {
    "not a tar": (None, "tar"),
    "empty tar": (no_files, "no files|empty"),
    "no reads inside": (no_reads, "FASTQ"),
    "a mate missing": (one_mate, "R2|mate"),
    "damaged gzip": (cut_gzip, "damaged|truncated|cut|incomplete"),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_unusable_input_is_rejected_with_a_sentence_and_no_further_attempt(
    offices: Offices, community: mock.Community, fault: str
) -> None:
    """A branch must read what to do, and no job may loop on what can never work."""
    change, word = UNUSABLE[fault]
    body = repacked(community, change) if change else random.Random(1).randbytes(4096)
    sample = f"metagenome/bad/{fault}"
    put(offices, "eu", f"{sample}/input.tar", body)
    status = offices.follow("eu", sample)
    assert status["state"] == "rejected", status
    assert len(status["attempts"]) == 1
    assert any(w.lower() in status["summary"].lower() for w in word.split("|")), status["summary"]
    assert status["what_to_do"]


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("metagenome/wrong/case/Input.tar", "input.tar"),
        ("metagenome/wrong/gzipped/input.tar.gz", "input.tar"),
        ("metagenom/wrong/pipeline/input.tar", "metagenome"),
        ("metagenome/level/input.tar", "project"),
    ],
)
def test_a_wrong_key_is_answered_with_advice(offices: Offices, key: str, word: str) -> None:
    """Silence would leave a branch waiting for results that never come."""
    put(offices, "eu", key, b"anything", root=True)
    folder = key.rpartition("/")[0]
    status = story.wait_for(f"advice on {key}", lambda: offices.status("eu", folder))
    assert status["state"] == "rejected"
    assert word in f"{status['summary']} {status['what_to_do']}"


def test_changed_content_runs_again_and_identical_content_does_not(
    offices: Offices, community: mock.Community
) -> None:
    """Paying twice for the same bytes, or missing a correction, are what a branch would notice first."""
    sample = "metagenome/again/s1"
    body = repacked(community)
    put(offices, "us", f"{sample}/input.tar", body)
    first = offices.follow("us", sample)
    put(offices, "us", f"{sample}/input.tar", body)
    time.sleep(5)
    assert offices.status("us", sample) == first
    changed = repacked(community, lambda files: files.update({"README.txt": b"corrected"}))
    put(offices, "us", f"{sample}/input.tar", changed)
    story.wait_for(
        "a second run", lambda: (offices.status("us", sample) or first)["run_id"] != first["run_id"]
    )
    assert offices.follow("us", sample)["state"] == "succeeded"
    assert len(runs_of(offices, "us", "s1")) == 2


def test_a_branch_may_do_nothing_but_upload_and_read(offices: Offices) -> None:
    """A lost branch key must not reach other data, nor destroy results."""
    s3, outputs = offices.branch("eu"), offices.outputs["eu"]
    attempts: tuple[Callable[[], object], ...] = (
        lambda: s3.put_object(Bucket=outputs["results_bucket"], Key="metagenome/a/b/report.html", Body=b""),
        lambda: s3.delete_object(Bucket=outputs["uploads_bucket"], Key="metagenome/again/s1/input.tar"),
        lambda: s3.put_object(Bucket=outputs["uploads_bucket"], Key="elsewhere.bin", Body=b""),
        lambda: s3.list_objects_v2(Bucket=outputs["references_bucket"]),
        lambda: s3.list_objects_v2(Bucket=offices.outputs["us"]["results_bucket"]),
    )
    for attempt in attempts:
        with pytest.raises(s3.exceptions.ClientError, match=r"AccessDenied|Forbidden|403"):
            attempt()


def test_the_offices_as_they_stand_need_no_change(offices: Offices) -> None:
    """A second rollout of the same files must not touch a working office."""
    for office in story.OFFICES:
        assert offices.deploy(office) == []


def test_a_release_moved_in_eu_changes_only_its_job_definition_and_what_names_it(
    offices: Offices, tmp_path: Path
) -> None:
    """A rollout that touches more than it must is one that nobody dares to merge."""
    planted(tmp_path)
    stack = tmp_path / "Pulumi.eu.yaml"
    pinned = re.search(r"sha256:[0-9a-f]{64}", stack.read_text())
    assert pinned
    stack.write_text(stack.read_text().replace(pinned[0], "sha256:" + "ab" * 32))
    changed = {(change.type.rpartition(":")[2], change.name) for change in deploy.up("eu", root=tmp_path)}
    assert ("JobDefinition", "globalbi-eu-metagenome") in changed
    assert {kind for kind, _ in changed} <= {"JobDefinition", "Function"}
    assert deploy.up("us", root=tmp_path) == []
    assert deploy.up("hq", root=tmp_path) == []
    deploy.up("eu")  # back to the pinned release


def test_the_aws_command_line_reads_the_same_bucket(offices: Offices) -> None:
    """People use `aws`, not our code."""
    aws = ROOT / ".venv" / "bin" / "aws"
    account = offices.outputs["eu"]["uploads_bucket"].rpartition("-")[2]
    listed = subprocess.run(
        [aws, "--endpoint-url", offices.twin.endpoint, "--region", "eu-central-1", "s3", "ls"],
        env={"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "local", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert offices.outputs["eu"]["uploads_bucket"] in listed.stdout


def test_every_status_says_what_hq_says(offices: Offices) -> None:
    """Branch and HQ must never see two different truths of one run."""
    for row in offices.fleet_table():
        folder = f"{row['pipeline']}/{row['project']}/{row['sample']}"
        status = json.loads(json.dumps(offices.status(row["office"], folder)))
        if status["run_id"] == row["run_id"]:
            assert status["state"] == row["state"]
