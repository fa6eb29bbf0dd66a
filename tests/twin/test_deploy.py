"""The deployer makes exactly what a change of the program or of the stack file asks for."""

import json
from pathlib import Path
from typing import Any

import botocore.client
import pulumi
import pytest

from tests.twin.sample_program import did, edit
from twin import deploy, home, schema, state
from twin.offices import Office, office
from twin.resources import kind as kinds
from twin.server import Twin


def running_life() -> str:
    return home.running().life


@pytest.mark.usefixtures("kept")
def test_a_second_run_with_nothing_changed_makes_no_call(
    program: Path, running: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who runs `up` twice must not find anything touched, and must not wait."""
    assert ("create", "first") in did(deploy.up("eu", program))
    calls: list[str] = []

    def record(self: Any, operation: str, words: Any) -> Any:
        calls.append(operation)
        raise AssertionError(operation)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", record)
    assert deploy.up("eu", program) == []
    assert calls == []


@pytest.mark.usefixtures("kept")
def test_a_changed_value_updates_in_place_and_only_what_it_must(program: Path, running: Twin) -> None:
    """Queues keep their messages when a time-out changes: they are updated, not made anew."""
    deploy.up("eu", program)
    edit(program, "visibility: 60", "visibility: 90")
    assert did(deploy.up("eu", program)) == [("update", "first"), ("update", "second")]
    sqs = running.client("sqs", "eu")
    url = state.outputs("eu")["first"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert found == {"VisibilityTimeout": "90"}


@pytest.mark.usefixtures("kept")
def test_a_changed_definition_is_a_new_revision_beside_the_old(program: Path, running: Twin) -> None:
    """Runs that started with a release keep its revision after the next one was applied."""
    deploy.up("eu", program)
    before = state.outputs("eu")["definition"]
    edit(program, "kind: STANDARD", "kind: OTHER")
    assert did(deploy.up("eu", program)) == [("update", "work")]
    after = state.outputs("eu")["definition"]
    assert int(after.rsplit(":", 1)[1]) == int(before.rsplit(":", 1)[1]) + 1
    found = running.client("batch", "eu").describe_job_definitions(jobDefinitions=[before])["jobDefinitions"]
    assert found[0]["status"] == "ACTIVE"


@pytest.mark.usefixtures("kept")
def test_what_is_no_longer_declared_is_deleted(program: Path, running: Twin) -> None:
    """A queue that left the program must not go on taking messages."""
    deploy.up("eu", program)
    edit(program, r"\[first, second\]", "[first]")
    assert did(deploy.up("eu", program)) == [("delete", "second")]
    names = [u.rsplit("/", 1)[1] for u in running.client("sqs", "eu").list_queues()["QueueUrls"]]
    assert "second" not in names
    assert "first" in names


@pytest.mark.usefixtures("kept")
def test_a_replacement_stands_before_what_it_replaces_goes(program: Path, running: Twin) -> None:
    """A compute environment that AWS cannot change is replaced while its queue still has one to run on."""
    deploy.up("eu", program)
    batch = running.client("batch", "eu")
    (before,) = [
        e["computeEnvironmentName"] for e in batch.describe_compute_environments()["computeEnvironments"]
    ]
    edit(program, 'type="MANAGED"', 'type="UNMANAGED"', "__main__.py")
    assert did(deploy.up("eu", program)) == [("replace", "workers"), ("update", "jobs")]
    (after,) = [
        e["computeEnvironmentName"] for e in batch.describe_compute_environments()["computeEnvironments"]
    ]
    assert after != before
    (queue,) = batch.describe_job_queues(jobQueues=["jobs"])["jobQueues"]
    assert queue["computeEnvironmentOrder"][0]["computeEnvironment"].endswith(f"/{after}")


@pytest.mark.usefixtures("kept")
def test_an_unknown_type_is_refused_with_the_file_to_edit_and_what_was_made_is_kept(
    program: Path, running: Twin
) -> None:
    """Who adds a resource to the program learns where the twin must learn of it, and a failed run loses
    nothing.
    """
    edit(program, "kind: STANDARD", "kind: STANDARD\n  sample:further: amp")
    with pytest.raises(
        deploy.Refused, match=r"aws:amp/workspace:Workspace \(unknown\).*twin/resources/amp\.py"
    ):
        deploy.up("eu", program)
    edit(program, "\n  sample:further: amp", "")
    made = {kept.name for kept in state.State.load("eu", running_life()).resources.values()}
    again = {change.name for change in deploy.up("eu", program)}
    assert made.isdisjoint(again)
    assert made | again == {"first", "second", "workers", "jobs", "work"}


@pytest.mark.usefixtures("running")
def test_an_input_that_the_provider_does_not_know_is_refused() -> None:
    """A misspelt property passes in process, while the real provider refuses it: the twin must, too."""
    schema.check("aws:sqs/queue:Queue", "q", {"name": "q", "visibilityTimeoutSeconds": 3})
    with pytest.raises(schema.UnknownInput, match="visibilityTimeout'"):
        schema.check("aws:sqs/queue:Queue", "q", {"name": "q", "visibilityTimeout": 3})
    with pytest.raises(schema.UnknownInput, match="maxVCPU"):
        schema.check(
            "aws:batch/computeEnvironment:ComputeEnvironment", "c", {"computeResources": {"maxVCPU": 3}}
        )


@pytest.mark.usefixtures("kept")
def test_the_program_sees_the_credentials_in_use(program: Path, running: Twin) -> None:
    """The program's own refusal of foreign credentials works only if it is told whose they are."""
    foreign = Office(name="other", account="333333333333", region="us-east-1", headquarters=False)
    target = kinds.Target(office=foreign, endpoint=running.endpoint)
    identity = deploy.Deployment(target, state.State(office="eu", life="x"))
    arguments = pulumi.runtime.MockCallArgs("aws:index/getCallerIdentity:getCallerIdentity", {}, "")
    assert identity.call(arguments)["accountId"] == "333333333333"


def test_an_office_brought_up_with_the_keys_of_another_is_refused_and_nothing_is_made(running: Twin) -> None:
    """Who is signed in to the wrong account must not find an office's buckets there."""
    with pytest.raises(pulumi.RunError) as refused:
        deploy.up("us", credentials=office("eu"))
    for word in ("333333333333", "222222222222", "us-east-1", "eu-central-1"):
        assert word in str(refused.value)
    assert state.State.load("us", running_life()).resources == {}
    for name in ("eu", "us"):
        names = [b["Name"] for b in running.client("s3", name).list_buckets()["Buckets"]]
        assert [n for n in names if n.startswith("globalbi-")] == []
        roles = running.client("iam", name).list_roles()["Roles"]
        assert [r for r in roles if r["RoleName"].startswith("globalbi-")] == []


def test_values_reach_the_program_as_the_cli_gives_them() -> None:
    """`pulumi.Config` parses JSON text: anything else would work here and fail on AWS."""
    assert deploy.config_text(True) == "true"
    assert deploy.config_text("2026.1") == "2026.1"
    assert (
        json.loads(deploy.config_text({"digest": "sha256:0", "references": {"a": "1"}}))["digest"]
        == "sha256:0"
    )
