"""All 40,320 orders of one sample's eight events, with one outcome.

The handlers are deterministic, so orders that have led to the same state of the account go on alike: each
state is reached once and driven on once. Every one of the 8! orders is thereby covered, not a sample of
them.
"""

import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest

from handlers import intake, progress
from handlers.run import run_id_of
from tests.handlers.aws_fakes import RELEASE, SPOT_QUEUE, UPLOADS, World, batch_event, sqs
from tests.handlers.lab import KEY, status

COUNTS = {"first upload": 2, "second upload": 2, "RUNNABLE": 1, "RUNNING": 1, "SUCCEEDED": 2}


def deliver(world: World, name: str, event: Mapping[str, Any]) -> bool:
    handle = intake.handle if "upload" in name else progress.handle
    return not handle(sqs(event), world.context())["batchItemFailures"]


def events_of(world: World) -> tuple[str, dict[str, Mapping[str, Any]]]:
    """The second upload's run, and the events of both uploads and of its job."""
    first, second = world.upload(KEY, b"first"), world.upload(KEY, b"second")
    run_id = run_id_of(UPLOADS, KEY, second["detail"]["object"]["version-id"], RELEASE.id)
    job = {"jobId": "j", "jobName": f"{run_id}-1", "jobQueue": SPOT_QUEUE, "createdAt": 0, "container": {}}
    states = {
        status: batch_event("Batch Job State Change", {**job, "status": status})
        for status in ("RUNNABLE", "RUNNING", "SUCCEEDED")
    }
    world.publish(
        {
            "pk": f"run#{run_id}",
            "results_prefix": f"metagenome/soil/S1/{run_id}/",
            "release_digest": RELEASE.digest,
            "version_id": second["detail"]["object"]["version-id"],
        }
    )
    # A job's events carry the id that Batch gave it when it was submitted.
    return run_id, {"first upload": first, "second upload": second, **states}


def state_of(world: World, left: Mapping[str, int], back: tuple[str, ...]) -> str:
    """All that later deliveries can depend on."""
    objects = {f"{key}": versions[-1].body.decode() for key, versions in world.objects.items()}
    return json.dumps(
        [left, sorted(back), world._items(), objects, world.jobs, world.terminated],
        default=str,
        sort_keys=True,
    )


def outcome(world: World, run_id: str) -> Any:
    told = status(world)
    newest = world._items()["sample#metagenome/soil/S1"]
    states = {each: run["state"] for each, run in world.runs().items() if each != run_id}
    assert set(states.values()) <= {"superseded"}
    return told["run_id"], told["state"], told["results"], newest["run_id"], newest["version_id"]


def test_every_order_of_eight_events_has_one_outcome(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 and Batch promise no order: the branch must read the same status whichever came first."""
    run_id, events = events_of(world)
    _give_jobs_the_events_id(world, events, monkeypatch)
    # State → a world in it, how often each event is to come, what SQS holds back, how many orders led there.
    frontier: dict[str, tuple[Any, dict[str, int], tuple[str, ...], int]] = {
        "": (world.snapshot(), COUNTS, (), 1)
    }
    for _ in range(sum(COUNTS.values())):
        reached: dict[str, tuple[Any, dict[str, int], tuple[str, ...], int]] = {}
        for snapshot, left, back, orders in frontier.values():
            for name, count in left.items():
                if count == 0:
                    continue
                world.restore(snapshot)
                kept = back if deliver(world, name, events[name]) else (*back, name)
                rest = {**left, name: count - 1}
                state = state_of(world, rest, kept)
                # An event and its duplicate are alike: `count` orders at once.
                known = reached.get(state)
                more = orders * count + (known[3] if known else 0)
                reached[state] = (known[0] if known else world.snapshot(), rest, kept, more)
        frontier = reached
    assert sum(orders for *_, orders in frontier.values()) == 40_320
    outcomes = set()
    for snapshot, _, back, _ in frontier.values():
        for order in set(permutations(back)):  # SQS brings back what could not be handled yet, in any order
            world.restore(snapshot)
            for name in order:
                world.now += 360
                assert deliver(world, name, events[name]), f"{name} would be in the dead-letter queue"
            outcomes.add(json.dumps(outcome(world, run_id)))
    assert len(outcomes) == 1
    assert json.loads(outcomes.pop())[:2] == [run_id, "succeeded"]


def _give_jobs_the_events_id(
    world: World, events: Mapping[str, Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = world._batch_SubmitJob
    name = events["RUNNING"]["detail"]["jobName"]

    def submit(data: dict[str, Any]) -> Any:
        answer = original(data)
        if data["jobName"] == name:
            world.jobs["j"] = {**world.jobs.pop(answer["jobId"]), "jobId": "j"}
            return {**answer, "jobId": "j"}
        return answer

    monkeypatch.setattr(world, "_batch_SubmitJob", submit)
