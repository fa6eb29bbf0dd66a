"""Exactly once, whatever fails: the faults of real hosts, through the twin and real containers.

The office in Europe and headquarters come from their real stack files, with one pipeline more: the same image
with too little memory. Whatever happens to a container, a host, a queue or all of AWS, the sample ends with
one set of results, its status tells what failed and what was decided, and HQ reads the same.
"""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from canary import mock
from demo import results, story
from demo.story import Offices, wait_for
from pipeline_images import containers
from twin import deploy, home, state
from twin.server import Twin

ROOT = Path(__file__).resolve().parent.parent
FRUGAL = "frugal"
TOO_LITTLE_MIB = 600  # fastp needs some 900 MiB, whatever the size of the sample
pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("end_states")]


@pytest.fixture(scope="module")
def community() -> mock.Community:
    return mock.community(ROOT / ".build" / "mock", pairs=6_000, seed=20, options=("--lanes", "2"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as it stands, with the frugal pipeline released in eu."""
    root = tmp_path_factory.mktemp("tree")
    for name in ("Pulumi.yaml", "__main__.py", *(f"Pulumi.{office}.yaml" for office in story.OFFICES)):
        shutil.copy(ROOT / name, root / name)
    for name in ("components", "cost", "handlers"):
        (root / name).symlink_to(ROOT / name)
    for path in (ROOT / "pipeline_images").glob("*/pipeline.yaml"):
        (root / "pipeline_images" / path.parent.name).mkdir(parents=True)
        shutil.copy(path, root / "pipeline_images" / path.parent.name)
    pipeline = yaml.safe_load((ROOT / "pipeline_images" / "metagenome" / "pipeline.yaml").read_text())
    pipeline["name"] = FRUGAL
    pipeline["resources"]["memoryMib"]["base"] = TOO_LITTLE_MIB
    (root / "pipeline_images" / FRUGAL).mkdir()
    (root / "pipeline_images" / FRUGAL / "pipeline.yaml").write_text(yaml.safe_dump(pipeline))
    stack = yaml.safe_load((root / "Pulumi.eu.yaml").read_text())
    releases = stack["config"]["globalbi:releases"]
    releases[FRUGAL] = releases["metagenome"] | {"digest": "sha256:" + "f0" * 32}
    (root / "Pulumi.eu.yaml").write_text(yaml.safe_dump(stack))
    return root


@pytest.fixture(scope="module")
def offices(
    tmp_path_factory: pytest.TempPathFactory, tree: Path, community: mock.Community
) -> Iterator[Offices]:
    folder = tmp_path_factory.mktemp("end_states")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(folder))
        image = containers.local_image("metagenome")
        (folder / "images.json").write_text(json.dumps({"sha256:" + "f0" * 32: image}))
        deployed = Offices(twin=Twin().start(), console=Console(quiet=True), outputs={})
        try:
            for office in ("hq", "eu"):
                deploy.up(office, root=tree)
                deployed.outputs[office] = state.outputs(office)
            for path in (p for p in community.references.rglob("*") if p.is_file()):
                key = path.relative_to(community.references).as_posix()
                deployed.twin.client("s3", "hq").upload_file(
                    str(path), deployed.outputs["hq"]["references_bucket"], key
                )
            yield deployed
        finally:
            deployed.twin.stop()


def begun(offices: Offices, community: mock.Community, sample: str) -> None:
    offices.upload("eu", f"{sample}/input.tar", community.input_tar)


def at_work(offices: Offices, sample: str, attempt: int) -> str:
    """Waits until the runner of this attempt has its lease; the job's id."""
    dynamodb, table = offices.twin.client("dynamodb", "eu"), offices.outputs["eu"]["ledger_table"]

    def job() -> str | None:
        status = offices.status("eu", sample)
        if not status or status["attempt"] != attempt:
            return None
        key = {"pk": {"S": f"run#{status['run_id']}"}, "sk": {"S": "run"}}
        item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
        leased = item.get("lease_attempt", {}).get("N") == str(attempt)
        return status["attempts"][-1]["job_id"] if leased else None

    found: str = wait_for(f"attempt {attempt} of {sample} at work", job)
    return found


def compute(offices: Offices, to: str) -> None:
    """Every compute environment of eu ENABLED or DISABLED."""
    batch = offices.twin.client("batch", "eu")
    for each in batch.describe_compute_environments()["computeEnvironments"]:
        batch.update_compute_environment(computeEnvironment=each["computeEnvironmentName"], state=to)


def end_of(offices: Offices, sample: str, folder: Path) -> list[dict[str, Any]]:
    """Follows the sample to its end, proves that it ended once and well, and returns its attempts."""
    status = offices.follow("eu", sample)
    assert status["state"] == "succeeded", status
    bucket = offices.outputs["eu"]["results_bucket"]
    listed = offices.twin.client("s3", "eu").list_objects_v2(Bucket=bucket, Prefix=f"{sample}/")["Contents"]
    manifests = [each["Key"] for each in listed if each["Key"].endswith("manifest.json")]
    assert manifests == [status["results"]["manifest"]]
    prefix = status["results"]["prefix"]
    manifest = results.fetch(offices.branch("eu"), bucket, prefix, folder).manifest
    assert (manifest["run_id"], manifest["attempt"]) == (status["run_id"], status["attempt"])
    row = offices.in_fleet_table("eu", status["run_id"], "succeeded")
    assert row["attempts"] == status["attempts"]
    assert (row["revision"], row["message"]) == (status["revision"], status["summary"])
    rows = [r for r in offices.fleet_table() if r["run_id"] == status["run_id"]]
    assert len(rows) == 1
    assert all(each["decision"] for each in status["attempts"])
    return list(status["attempts"])


def classes(attempts: list[dict[str, Any]]) -> list[str | None]:
    return [each["class"] for each in attempts]


def test_a_container_that_is_killed_from_outside_is_run_again(
    offices: Offices, community: mock.Community, tmp_path: Path
) -> None:
    """A kill without a reason must not lose the sample; it counts as one for want of memory."""
    begun(offices, community, "metagenome/ends/killed")
    job = at_work(offices, "metagenome/ends/killed", 1)
    name = containers.engine().ask("ps", "--filter", f"name={job}", "--format", "{{.Names}}")
    assert name
    assert containers.engine().ask("kill", name) is not None
    first, second = end_of(offices, "metagenome/ends/killed", tmp_path)
    assert (first["class"], second["class"]) == ("memory", None)
    assert "137" in first["reason"]
    assert second["memory_mib"] > first["memory_mib"]


def test_a_job_with_too_little_memory_gets_more(
    offices: Offices, community: mock.Community, tmp_path: Path
) -> None:
    """The kernel kills a tool inside the container: a branch must get its results all the same."""
    begun(offices, community, f"{FRUGAL}/ends/memory")
    *failed, last = end_of(offices, f"{FRUGAL}/ends/memory", tmp_path)
    assert failed
    assert set(classes(failed)) == {"memory"}
    assert failed[0]["memory_mib"] < 2 * TOO_LITTLE_MIB <= last["memory_mib"]
    assert f"{failed[0]['memory_mib']} MiB of memory were too few" in failed[0]["decision"]


def test_a_lost_instance_costs_one_attempt(
    offices: Offices, community: mock.Community, tmp_path: Path
) -> None:
    """A host that is gone says nothing, not even an exit code."""
    begun(offices, community, "metagenome/ends/host")
    offices.twin.fault("eu", at_work(offices, "metagenome/ends/host", 1), "host")
    attempts = end_of(offices, "metagenome/ends/host", tmp_path)
    assert classes(attempts) == ["spot", None]  # AWS has the same words for both
    assert attempts[0]["reason"].startswith("Host EC2 (instance ")
    assert "exit code" not in attempts[0]["reason"]


def test_a_sample_whose_spot_instances_are_reclaimed_ends_on_demand(
    offices: Offices, community: mock.Community, tmp_path: Path
) -> None:
    """A sample must not be reclaimed for ever, nor be dear at the first reclaim."""
    begun(offices, community, "metagenome/ends/spot")
    for attempt in (1, 2):
        offices.twin.fault("eu", at_work(offices, "metagenome/ends/spot", attempt), "spot")
    attempts = end_of(offices, "metagenome/ends/spot", tmp_path)
    assert classes(attempts) == ["spot", "spot", None]
    assert [each["queue"] for each in attempts] == ["spot", "spot", "on-demand"]


def test_a_paused_office_loses_nothing(offices: Offices, community: mock.Community, tmp_path: Path) -> None:
    """Whoever stops an office's compute for a day finds every upload of that day analysed after it."""
    compute(offices, "DISABLED")
    begun(offices, community, "metagenome/ends/paused")
    wait_for("its submission", lambda: (offices.status("eu", "metagenome/ends/paused") or {}).get("attempt"))
    time.sleep(2)
    waiting = offices.status("eu", "metagenome/ends/paused")
    assert waiting
    assert waiting["state"] == "submitted"
    compute(offices, "ENABLED")
    assert classes(end_of(offices, "metagenome/ends/paused", tmp_path)) == [None]


def test_all_of_aws_ends_in_mid_run_and_comes_back(
    offices: Offices, community: mock.Community, tmp_path: Path
) -> None:
    """What ran is run again, what waited goes on, and no container of before has a say."""
    begun(offices, community, "metagenome/ends/ran")
    job = at_work(offices, "metagenome/ends/ran", 1)
    # A small sample would be done before everything ends.
    container = containers.engine().ask("ps", "--filter", f"name={job}", "--format", "{{.Names}}")
    assert container
    assert containers.engine().ask("pause", container) is not None
    compute(offices, "DISABLED")
    begun(offices, community, "metagenome/ends/waited")
    wait_for("its submission", lambda: offices.status("eu", "metagenome/ends/waited"))
    offices.twin.stop()
    assert not containers.engine().ask("ps", "--quiet", "--filter", f"name={job}")
    offices.twin = Twin(keep=True).start()
    assert home.running().endpoint == offices.twin.endpoint
    compute(offices, "ENABLED")
    ran = end_of(offices, "metagenome/ends/ran", tmp_path / "ran")
    assert classes(ran) == ["spot", None]
    assert classes(end_of(offices, "metagenome/ends/waited", tmp_path / "waited")) == [None]


def test_no_job_of_all_these_faults_is_left_unfinished(offices: Offices) -> None:
    """A job that nobody waits for any more would cost until someone finds it."""
    batch = offices.twin.client("batch", "eu")
    for queue in batch.describe_job_queues()["jobQueues"]:
        for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING"):
            jobs = batch.list_jobs(jobQueue=queue["jobQueueArn"], jobStatus=status)["jobSummaryList"]
            assert jobs == []
