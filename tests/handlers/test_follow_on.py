"""Follow-on runs: a pipeline that takes another's results starts by itself, once, and never on stale ones.

What a fault at each call does to them is in test_doubt.py, with all other stories.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from handlers import follow_on, ledger, reconcile
from handlers.context import Context
from handlers.keys import Sample
from handlers.run import Run
from tests.handlers.aws_fakes import UPLOADS, World
from tests.handlers.lab import (
    ASSEMBLY,
    ASSEMBLY_STATUS,
    runs_of,
    started,
    status,
    succeeded,
    take,
    tell,
    with_assembly,
)

HAND = "assembly/soil/S1/input.tar"


@pytest.fixture
def world(world: World) -> World:
    with_assembly(world)
    return world


def only_assembly(world: World) -> tuple[str, dict[str, Any]]:
    [(run_id, run)] = runs_of(world, "assembly").items()
    return run_id, run


def environment_of(world: World, run_id: str) -> dict[str, str]:
    [job] = [job for job in world.jobs.values() if job["jobName"] == f"{run_id}-1"]
    return {each["name"]: each["value"] for each in job["container"]["environment"]}


def unfollowed(world: World) -> Run:
    """A run that has just succeeded, and whose function was stopped before it told anybody."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = lambda call: "failed" if call.operation == "PutEvents" else None
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == ["m0"]
    world.faults = lambda call: None
    run = ledger.read_run(world.context(), run_id)
    assert run is not None
    assert run.follow_due
    return run


def test_a_success_starts_the_follow_on_with_all_that_its_job_needs(world: World) -> None:
    """Without one of these a follow-on job finds no reads, no results, or writes over another's."""
    first = succeeded(world)
    run_id, run = only_assembly(world)
    environment = environment_of(world, run_id)
    assert environment["PIPELINE"] == "assembly"
    assert environment["AFTER_RUN_ID"] == first
    assert environment["AFTER_PREFIX"] == f"metagenome/soil/S1/{first}/"
    assert environment["RESULTS_PREFIX"] == f"assembly/soil/S1/{run_id}/"
    assert environment["UPLOADS_BUCKET"] == UPLOADS
    assert environment["UPLOAD_KEY"] == "metagenome/soil/S1/input.tar"
    assert environment["UPLOAD_VERSION_ID"] == world.run_item(first)["version_id"]
    assert environment["RELEASE_DIGEST"] == ASSEMBLY.digest
    told = status(world, ASSEMBLY_STATUS)
    assert told["upload"]["key"] == "metagenome/soil/S1/input.tar"
    assert told["after"]["run_id"] == first
    # and it goes its own way to the end
    assert tell(world, world.job_event(f"{run_id}-1", "RUNNING")) == []
    world.publish(run)
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    assert status(world, ASSEMBLY_STATUS)["state"] == "succeeded"
    assert len(world.runs()) == 2


@pytest.mark.parametrize("ending", ["failed", "rejected"])
def test_only_success_is_followed(world: World, ending: str) -> None:
    """A follow-on without its predecessor's results could only fail, on a paid instance."""
    run_id = started(world)
    if ending == "rejected":
        world.say(run_id, 1, 65, "No reads inside.")
        tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))
    else:
        denied = "CannotPullContainerError: no basic auth credentials"
        tell(world, world.job_event(f"{run_id}-1", "FAILED", container=denied))
    assert world.run_item(run_id)["state"] == ending
    assert runs_of(world, "assembly") == {}


def test_the_same_success_told_again_starts_nothing(world: World) -> None:
    """Events come at least once; each must not cost another assembly."""
    first = succeeded(world)
    for _ in range(3):
        assert tell(world, world.job_event(f"{first}-1", "SUCCEEDED")) == []
    assert len(runs_of(world, "assembly")) == 1
    assert len(world.jobs) == 2


def test_a_pipeline_released_later_does_not_run_over_the_past(world: World) -> None:
    """Releasing a follow-on must not assemble all samples of all years at once."""
    world.office = replace(world.office, releases={"metagenome": world.office.releases["metagenome"]})
    first = succeeded(world)
    with_assembly(world)
    tell(world, world.job_event(f"{first}-1", "SUCCEEDED"))
    for _ in range(2):
        world.now += 300
        reconcile.handle({}, world.context())
    assert runs_of(world, "assembly") == {}


def test_a_stale_predecessor_starts_nothing(world: World) -> None:
    """While a corrected upload is being analysed, the old one's results are not worth an assembly."""
    old = started(world)
    world.publish(world.run_item(old))
    event = world.job_event(f"{old}-1", "SUCCEEDED")
    world.faults = lambda call: "failed" if call.operation == "PutEvents" else None
    assert tell(world, event) == ["m0"]  # succeeded in the ledger, and no further
    world.faults = lambda call: None
    new = started(world, body=b"changed")
    assert tell(world, event) == []
    assert runs_of(world, "assembly") == {}
    assert "follow_due" not in world.run_item(old)
    world.publish(world.run_item(new))
    assert tell(world, world.job_event(f"{new}-1", "SUCCEEDED")) == []
    assert only_assembly(world)[1]["after"]["run_id"] == new


@pytest.mark.parametrize("looks", [1, 2])
def test_an_old_predecessor_that_comes_late_never_becomes_the_latest(world: World, looks: int) -> None:
    """Between any two looks into the ledger, a newer run may succeed and be followed."""
    run = unfollowed(world)
    real, seen = ledger.read_newest, list[str]()

    def read_newest(context: Context, sample: Sample) -> ledger.Newest | None:
        found = real(context, sample)
        seen.append(sample.pipeline)
        if len(seen) == looks:
            world.now += 60
            succeeded(world, body=b"changed")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "read_newest", read_newest)
        follow_on.start_follow_ons(world.context(), run)
    _, following = only_assembly(world)
    assert following["after"]["run_id"] != run.run_id
    assert following["state"] == "submitted"


def test_reads_uploaded_to_the_follow_on_itself_are_a_normal_run(world: World) -> None:
    """A branch that only wants an assembly must not need the other pipeline."""
    assert take(world, world.upload(HAND)) == []
    run_id, run = only_assembly(world)
    environment = environment_of(world, run_id)
    assert environment["UPLOAD_KEY"] == HAND
    assert "AFTER_PREFIX" not in environment
    assert status(world, ASSEMBLY_STATUS)["after"] is None
    assert run["version_id"] == environment["UPLOAD_VERSION_ID"]


def test_between_both_ways_the_newer_reads_win(world: World) -> None:
    """The latest assembly must be of the latest reads, whichever way they came."""
    succeeded(world)
    first, _ = only_assembly(world)
    world.now += 60
    assert take(world, world.upload(HAND, b"by hand")) == []
    assert world.run_item(first)["state"] == "superseded"
    [hand] = set(runs_of(world, "assembly")) - {first}
    assert status(world, ASSEMBLY_STATUS)["run_id"] == hand
    world.now += 60
    newest = succeeded(world, body=b"newest")
    assert world.run_item(hand)["state"] == "superseded"
    [last] = set(runs_of(world, "assembly")) - {first, hand}
    assert world.run_item(last)["after"]["run_id"] == newest
    # Reconcile sees the upload by hand in the bucket, without a run of its own; it stays so.
    world.now += 300
    answer = reconcile.handle({}, world.context())
    assert "UploadsWithoutRun" not in answer
    assert len(runs_of(world, "assembly")) == 3


def test_reads_by_hand_that_are_newer_are_not_replaced(world: World) -> None:
    """A slow predecessor must not throw away the assembly of newer reads."""
    first = started(world)
    world.now += 60
    assert take(world, world.upload(HAND, b"by hand")) == []
    hand, _ = only_assembly(world)
    world.publish(world.run_item(first))
    assert tell(world, world.job_event(f"{first}-1", "SUCCEEDED")) == []
    assert only_assembly(world)[0] == hand
    assert world.run_item(hand)["state"] == "submitted"


def test_reconcile_claims_what_nobody_else_will(world: World) -> None:
    """After a crash between success and claim, EventBridge has nothing more to say."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow_on, "begin", _breaks)
        assert tell(world, event) == ["m0"]
    assert status(world)["state"] == "succeeded"
    assert runs_of(world, "assembly") == {}
    world.now += 300
    answer = reconcile.handle({}, world.context())
    assert answer["FollowOnMissing"] == 1
    assert len(runs_of(world, "assembly")) == 1
    assert "open" not in world.run_item(run_id)
    world.now += 300
    assert "FollowOnMissing" not in reconcile.handle({}, world.context())


def _breaks(*_: Any) -> bool:
    raise RuntimeError("broken")


def test_a_refused_follow_on_says_where_better_reads_go(world: World) -> None:
    """The words of an upload by hand would send the branch to a key that it never used."""
    succeeded(world)
    run_id, _ = only_assembly(world)
    world.say(run_id, 1, 65, "Too few reads to assemble.")
    assert tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65)) == []
    told = status(world, ASSEMBLY_STATUS)
    assert told["state"] == "rejected"
    assert "metagenome/soil/S1/input.tar" in told["what_to_do"]
    assert json.dumps(status(world)["state"]) == '"succeeded"'


def test_the_same_reads_by_hand_are_as_new_as_their_upload(world: World) -> None:
    """Uploaded again to the follow-on, old reads are what the branch wants now: an older upload stays out."""
    first = started(world)
    world.publish(world.run_item(first))
    assert tell(world, world.job_event(f"{first}-1", "SUCCEEDED")) == []
    followed, _ = only_assembly(world)
    world.now += 60
    slow = started(world, body=b"changed")
    world.now += 60
    assert take(world, world.upload(HAND, b"reads")) == []
    assert only_assembly(world)[0] == followed, "the same bytes again need no run"
    world.publish(world.run_item(slow))
    assert tell(world, world.job_event(f"{slow}-1", "SUCCEEDED")) == []
    assert only_assembly(world)[0] == followed


@pytest.mark.parametrize("first", ["announced", "followed"])
def test_a_run_is_done_with_when_it_is_both_told_and_followed(world: World, first: str) -> None:
    """Closed too early, a lost follow-on is never looked for; never closed, reconcile slows down for ever."""
    run = unfollowed(world)
    marks = [ledger.mark_announced, ledger.mark_followed]
    for mark in marks if first == "announced" else marks[::-1]:
        assert world.run_item(run.run_id)["open"] == "open"
        mark(world.context(), run)
    assert "open" not in world.run_item(run.run_id)
    assert "follow_due" not in world.run_item(run.run_id)
