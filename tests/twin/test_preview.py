"""A preview tells what `up` would do, and does nothing of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from tests.twin.sample_program import did, edit
from twin import deploy, schema
from twin.preview import Step, preview
from twin.server import Twin

QUEUE = "aws:sqs/queue:Queue"


def changes(steps: list[Step]) -> list[tuple[str, str]]:
    return sorted((step.action, step.name) for step in steps if step.action)


@pytest.mark.usefixtures("kept")
def test_a_preview_tells_what_up_then_does(program: Path, running: Twin) -> None:
    """Who merges has read the preview, and nothing else."""
    assert changes(preview("eu", program)) == did(deploy.up("eu", program))
    assert changes(preview("eu", program)) == []
    edit(program, "kind: STANDARD", "kind: FAST")
    edit(program, "visibility: 60", "visibility: 40")
    edit(program, r"queues: \[first, second\]", "queues: [first, third]")
    told = changes(preview("eu", program))
    assert {action for action, _ in told} >= {"create", "update", "delete"}
    assert told == did(deploy.up("eu", program))


@pytest.mark.usefixtures("kept")
def test_a_preview_makes_nothing_and_keeps_nothing(program: Path, running: Twin) -> None:
    """It runs a pull request's code, which nobody has read yet."""
    preview("eu", program)
    assert not running.client("sqs", "eu").list_queues().get("QueueUrls")
    assert changes(preview("eu", program)) != []


@pytest.mark.usefixtures("kept")
def test_what_only_aws_will_know_is_unknown(program: Path, running: Twin) -> None:
    """A policy that judged a guess would find faults that are none, or miss some that are."""
    by_name = {step.name: step for step in preview("eu", program)}
    orders = by_name["jobs"].new or {}
    assert orders["computeEnvironmentOrders"] == [{"order": 1, "computeEnvironment": UNKNOWN}]
    assert by_name["jobs"].dependencies["computeEnvironmentOrders"][0].endswith("::workers")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("by_hand", "told"),
    [
        ({"VisibilityTimeout": "7"}, [("update", "first")]),
        (None, [("create", "first")]),
    ],
)
def test_what_was_changed_by_hand_is_seen_with_a_refresh(
    program: Path, running: Twin, by_hand: Mapping[str, str] | None, told: list[tuple[str, str]]
) -> None:
    """Without it nobody would learn of it before the next change of that very resource."""
    deploy.up("eu", program)
    sqs: Any = running.client("sqs", "eu")
    url = sqs.get_queue_url(QueueName="first")["QueueUrl"]
    if by_hand is None:
        sqs.delete_queue(QueueUrl=url)
    else:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=by_hand)
    assert changes(preview("eu", program)) == []
    assert changes(preview("eu", program, refresh=True)) == told
    assert did(deploy.up("eu", program, refresh=True)) == told
    assert changes(preview("eu", program, refresh=True)) == []


@pytest.mark.usefixtures("kept")
def test_a_step_is_told_as_the_engine_tells_it(program: Path, running: Twin) -> None:
    """The comment reads the engine's words: the operation, and the properties because of which."""
    deploy.up("eu", program)
    edit(program, "visibility: 60", "visibility: 40")
    (step,) = [each for each in preview("eu", program) if each.name == "first"]
    told = step.to_json("eu", "sample")
    assert (told["op"], told["urn"]) == ("update", f"urn:pulumi:eu::sample::{QUEUE}::first")
    assert told["diffReasons"] == ["visibilityTimeoutSeconds"]
    assert "replaceReasons" not in told


def test_the_outputs_that_a_type_always_has_are_those_of_the_provider() -> None:
    """One that were missing would be told as absent, not as unknown."""
    assert {"arn", "url", "tagsAll"} <= schema.computed(QUEUE).keys()
