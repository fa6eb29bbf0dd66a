"""A twin that was stopped goes on where it was, and one that crashed leaves nothing behind."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from pipeline_images import containers
from twin import batch_containers, deploy, home, state
from twin.batch_jobs import Attempt
from twin.server import StartFailed, Twin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWIN_HOME", str(tmp_path / "twin"))
    return tmp_path / "twin"


@pytest.fixture
def twin(folder: Path) -> Iterator[Twin]:
    with Twin() as started:
        yield started


def test_what_was_made_and_what_was_in_hand_is_there_after_a_restart(twin: Twin, program: Path) -> None:
    """An upload whose event a function had in hand when the twin was stopped must not wait minutes, or for
    ever.
    """
    deploy.up("eu", program)
    url = state.outputs("eu")["first"]
    twin.client("sqs", "eu").send_message(QueueUrl=url, MessageBody="an upload")
    assert twin.client("sqs", "eu").receive_message(QueueUrl=url)["Messages"]
    address = twin.endpoint
    twin.stop()
    with Twin(keep=True) as again:
        assert again.endpoint == address
        assert deploy.up("eu", program) == []
        (message,) = again.client("sqs", "eu").receive_message(QueueUrl=url)["Messages"]
        assert message["Body"] == "an upload"


def test_the_keys_of_a_role_outlive_a_restart(twin: Twin) -> None:
    """A branch that is in the middle of an upload has keys that hold for an hour."""
    iam = twin.client("iam", "eu")
    trust = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="staff", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    keys = twin.client("sts", "eu").assume_role(RoleArn=role, RoleSessionName="ana")["Credentials"]
    twin.stop()
    with Twin(keep=True) as again:
        client = boto3.client(
            "sts",
            endpoint_url=again.endpoint,
            region_name="eu-central-1",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        assert client.get_caller_identity()["Arn"].endswith(":assumed-role/staff/ana")


def test_after_a_crash_nothing_is_believed_to_be_there(twin: Twin, program: Path) -> None:
    """A crash saves nothing: a deployer that thinks otherwise would leave an office without its queues."""
    made = deploy.up("eu", program)
    twin.kill()
    with Twin(keep=True):
        assert {change.name for change in deploy.up("eu", program)} == {change.name for change in made}


def test_a_second_twin_in_the_same_folder_is_refused_with_the_way_out(twin: Twin) -> None:
    """Two twins over one folder would destroy each other's data."""
    with pytest.raises(StartFailed, match=r"already runs at http.*twin down"):
        Twin().start()


@pytest.mark.containers
@pytest.mark.xdist_group("end_states")
def test_the_containers_of_a_twin_that_crashed_end_at_the_next_start(twin: Twin, folder: Path) -> None:
    """They would go on with an analysis that nobody waits for, and publish into the next twin's buckets."""
    engine = containers.engine()
    attempt = Attempt(
        name=f"crash-{time.time_ns()}",
        office="eu",
        image=containers.local_image("runner"),
        command=["--entrypoint-is-below"],
        environment={},
        memory_mib=64,
    )
    words = batch_containers._words(attempt, attempt.image, folder)
    at = words.index(attempt.image)
    started = engine.ask(*words[:at], "--detach", "--entrypoint", "sleep", attempt.image, "600")
    assert started
    twin.kill()
    began = time.monotonic()
    with Twin():
        assert time.monotonic() - began < 8  # not the grace of a polite stop
        ours = f"label={batch_containers.LABEL}={home.home()}"
        assert engine.ask("ps", "--all", "--quiet", "--filter", ours) == ""
