"""A change of the program while a run is in flight: its job stays, and what its next attempt needs."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.client
import pytest

from tests.three_offices import checkout_of
from tests.twin.sample_program import did, edit
from twin import deploy, state
from twin.server import Twin

SAMPLE = Path(__file__).parent / "sample"
QUEUE, ENVIRONMENTS = "globalbi-us-spot", "computeEnvironments"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """A twin that starts no container: what is submitted stays in flight."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("twin")))
        patch.setenv("TWIN_CONTAINERS", "0")
        with Twin() as twin:
            yield twin


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, waiting: Twin) -> Path:
    """The repository's own program and three offices, where a stack file can be changed; us is applied."""
    folder = checkout_of(tmp_path_factory.mktemp("office"))
    deploy.up("us", folder)
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of AWS Batch, in order."""
    made: list[str] = []
    client: Any = botocore.client.BaseClient  # its types hide what all calls go through
    call = client._make_api_call

    def record(self: Any, operation: str, words: Any) -> Any:
        if self.meta.service_model.service_name == "batch":
            made.append(operation)
        return call(self, operation, words)

    monkeypatch.setattr(client, "_make_api_call", record)
    return made


class InFlight:
    """A job that the twin keeps waiting, and the revision that its run names."""

    def __init__(self, twin: Twin, office: str, queue: str, definition: str) -> None:
        self.batch, self.queue, self.definition = twin.client("batch", office), queue, definition
        self.job = self.submit()

    def submit(self) -> str:
        made = self.batch.submit_job(jobName="r1-1", jobQueue=self.queue, jobDefinition=self.definition)
        return str(made["jobId"])

    def goes_on(self) -> None:
        """The job is where it was, and the run's next attempt can have the revision of its first."""
        (job,) = self.batch.describe_jobs(jobs=[self.job])["jobs"]
        assert job["status"] in ("SUBMITTED", "PENDING", "RUNNABLE", "RUNNING"), job
        assert job["jobDefinition"] == self.definition
        self.batch.terminate_job(jobId=self.submit(), reason="the test")

    def ends(self) -> None:
        self.batch.terminate_job(jobId=self.job, reason="the test")


@pytest.fixture
def flying(waiting: Twin, office: Path) -> Iterator[InFlight]:
    made = InFlight(waiting, "us", QUEUE, state.outputs("us")["job_definitions"]["metagenome"])
    yield made
    made.ends()


def test_a_run_in_flight_keeps_its_revision_when_a_new_release_is_applied(
    flying: InFlight, office: Path, calls: list[str]
) -> None:
    """Its next attempt would else be refused by AWS Batch, or be made by another release than its first."""
    before = flying.definition
    edit(office, r'"sha256:\w{8}', '"sha256:00000000', "Pulumi.us.yaml")
    assert ("update", "globalbi-us-metagenome") in did(deploy.up("us", office))
    after = state.outputs("us")["job_definitions"]["metagenome"]
    assert int(after.rsplit(":", 1)[1]) == int(before.rsplit(":", 1)[1]) + 1
    assert "DeregisterJobDefinition" not in calls
    flying.goes_on()


def test_another_family_and_another_first_script_change_what_stands_and_stop_nothing(
    flying: InFlight, office: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Replaced instead of updated, a compute environment takes the instances of running jobs with it."""
    batch = flying.batch
    before = {each["computeEnvironmentName"] for each in batch.describe_compute_environments()[ENVIRONMENTS]}
    script = tmp_path / "scratch.sh"
    script.write_text("#!/bin/sh\n# another\n")
    monkeypatch.setattr("components.compute.USER_DATA", script)
    edit(office, r"instanceFamilies: \[c6id, ", "instanceFamilies: [", "Pulumi.us.yaml")
    done = did(deploy.up("us", office))
    assert ("update", "globalbi-us-instance") in done
    assert {name for action, name in done if action in ("create", "replace", "delete")} == set()
    found = batch.describe_compute_environments()[ENVIRONMENTS]
    assert {each["computeEnvironmentName"] for each in found} == before
    assert all(each["computeResources"]["instanceTypes"] == ["m6id", "r6id"] for each in found)
    assert not {"DeleteComputeEnvironment", "DeleteJobQueue", "TerminateJob"} & set(calls)
    flying.goes_on()


def test_a_compute_environment_that_must_be_replaced_leaves_the_queue_after_the_new_one_joined(
    waiting: Twin, tmp_path: Path, calls: list[str]
) -> None:
    """A queue without any environment would refuse every job that comes in between."""
    program = shutil.copytree(SAMPLE, tmp_path / "program")
    deploy.up("eu", program)
    flying = InFlight(waiting, "eu", "jobs", state.outputs("eu")["definition"])
    calls.clear()
    edit(program, 'type="MANAGED"', 'type="UNMANAGED"', "__main__.py")
    assert did(deploy.up("eu", program)) == [("replace", "workers"), ("update", "jobs")]
    assert [call for call in calls if not call.startswith(("Describe", "Tag"))] == [
        "CreateComputeEnvironment",
        "UpdateJobQueue",
        "UpdateComputeEnvironment",  # disabled, as AWS asks before a deletion
        "DeleteComputeEnvironment",
    ]
    flying.goes_on()
    flying.ends()
