"""Faults at every call: nothing is lost, nothing is paid twice.

The places are enumerated from the calls that the handlers really make, so a new call is covered when it is
written.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from handlers import budget, intake, outbox, progress, reconcile
from handlers.allowance import Allowance
from tests.handlers.aws_fakes import Call, Killed, World, job_name_counts, sqs
from tests.handlers.emitted import PRICES
from tests.handlers.lab import (
    ASSEMBLY_STATUS,
    COHORT_STATUS,
    KEY,
    only_run,
    publish_tables,
    quiet,
    runs_of,
    shared,
    started,
    status,
    succeeded,
    take,
    tell,
    with_assembly,
    with_cohort,
)

VISIBILITY_S = 360
Step = Callable[[World], None]


def _intake(world: World, event: Mapping[str, Any]) -> bool:
    return not intake.handle(sqs(event), world.context())["batchItemFailures"]


def _progress(world: World, event: Mapping[str, Any]) -> bool:
    return not progress.handle(sqs(event), world.context())["batchItemFailures"]


def _reconcile(world: World, event: Mapping[str, Any]) -> bool:
    return "NotMended" not in reconcile.handle(event, world.context())


def until_acknowledged(
    world: World, handle: Callable[[World, Mapping[str, Any]], bool], event: Mapping[str, Any]
) -> int:
    """Deliver as SQS does, again and again; returns how often."""
    for delivery in range(1, 6):
        try:
            if handle(world, event):
                return delivery
        except Killed:
            pass
        world.now += VISIBILITY_S
    raise AssertionError("the event would be in its dead-letter queue")


# A story: what has happened before, the event, who handles it, and what must be true in the end.


def first_upload(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    event = world.upload(KEY)

    def end(world: World) -> None:
        run_id, run = only_run(world)
        assert run["state"] == "submitted"
        assert job_name_counts(world) == {f"{run_id}-1": 1}
        assert status(world)["state"] == "submitted"

    return _intake, event, end


def changed_upload(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    old = started(world)
    event = world.upload(KEY, b"changed")

    def end(world: World) -> None:
        [new] = set(world.runs()) - {old}
        assert world.run_item(old)["state"] == "superseded"
        assert world.run_item(new)["state"] == "submitted"
        assert job_name_counts(world) == {f"{old}-1": 1, f"{new}-1": 1}
        assert world.run_item(old)["attempts"][0]["job_id"] in world.terminated
        assert status(world)["run_id"] == new
        assert (old, "superseded") in told(world)

    return _intake, event, end


def same_upload(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    started(world)
    event = world.upload(KEY)

    def end(world: World) -> None:
        assert only_run(world)[1]["state"] == "running"
        assert len(world.jobs) == 1

    return _intake, event, end


def wrong_key(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    event = world.upload("metagenome/soil/S1/Input.tar")
    return _intake, event, lambda world: _assert(status(world)["state"] == "rejected")


def job_runs(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    event = world.job_event(f"{run_id}-1", "RUNNING")
    return _progress, event, lambda world: _assert(status(world)["state"] == "running")


def job_succeeds(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")

    def end(world: World) -> None:
        assert status(world)["state"] == "succeeded"
        assert "open" not in world.run_item(run_id)

    return _progress, event, end


def job_is_reclaimed(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    run_id = started(world)
    event = world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-1) terminated.")

    def end(world: World) -> None:
        assert job_name_counts(world) == {f"{run_id}-1": 1, f"{run_id}-2": 1}
        assert (status(world)["state"], status(world)["attempt"]) == ("submitted", 2)

    return _progress, event, end


def job_is_refused(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    run_id = started(world)
    world.say(run_id, 1, 65, "No reads inside.")
    event = world.job_event(f"{run_id}-1", "FAILED", code=65)
    return _progress, event, lambda world: _assert(status(world)["summary"] == "No reads inside.")


def queue_is_blocked(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    event = {
        **world.job_event(f"{run_id}-1", "RUNNABLE", reason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"),
        "detail-type": "Batch Job Queue Blocked",
    }

    def end(world: World) -> None:
        assert job_name_counts(world) == {f"{run_id}-1": 1, f"{run_id}-2": 1}
        assert world.run_item(run_id)["attempts"][0]["job_id"] in world.terminated
        assert status(world)["attempt"] == 2

    return _progress, event, end


def predecessor_succeeds(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    with_assembly(world)
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")

    def end(world: World) -> None:
        [(next_id, following)] = runs_of(world, "assembly").items()
        assert following["state"] == "submitted"
        assert job_name_counts(world) == {f"{run_id}-1": 1, f"{next_id}-1": 1}
        assert status(world)["state"] == "succeeded"
        assert status(world, ASSEMBLY_STATUS)["after"]["run_id"] == run_id
        assert "open" not in world.run_item(run_id)

    return _progress, event, end


def newer_predecessor_succeeds(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    with_assembly(world)
    succeeded(world)
    [old] = runs_of(world, "assembly")
    world.now += 60
    run_id = started(world, body=b"changed")
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")

    def end(world: World) -> None:
        [new] = set(runs_of(world, "assembly")) - {old}
        assert world.run_item(old)["state"] == "superseded"
        assert world.run_item(old)["attempts"][0]["job_id"] in world.terminated
        assert job_name_counts(world)[f"{new}-1"] == job_name_counts(world)[f"{old}-1"] == 1
        assert status(world, ASSEMBLY_STATUS)["run_id"] == new
        assert "open" not in world.run_item(run_id)

    return _progress, event, end


def member_succeeds(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    with_cohort(world)
    run_id = started(world)
    publish_tables(world, run_id)
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")

    def end(world: World) -> None:
        assert "open" not in world.run_item(run_id)
        quiet(world)
        [(_, run)] = runs_of(world, "cohort").items()
        assert run["members"] == {"pipeline": "metagenome", "count": 1}

    return _progress, event, end


def cohort_is_due(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    with_cohort(world)
    shared(world, "S1")
    quiet(world)
    [old] = runs_of(world, "cohort")
    shared(world, "S2")
    world.now += 3600

    def end(world: World) -> None:
        [new] = set(runs_of(world, "cohort")) - {old}
        assert world.run_item(old)["state"] == "superseded"
        assert world.run_item(old)["attempts"][0]["job_id"] in world.terminated
        assert job_name_counts(world)[f"{new}-1"] == job_name_counts(world)[f"{old}-1"] == 1
        assert status(world, COHORT_STATUS)["run_id"] == new
        assert list(outbox.all_due(world.context(), outbox.COHORT)) == []

    return _reconcile, {}, end


def _with_a_budget(world: World, *, used_up: bool) -> None:
    """The project may cost a dollar a month."""
    world.office = replace(world.office, prices=PRICES, allowance=Allowance(usd={"soil": 1}))
    if used_up:
        run_id = started(world, "metagenome/soil/S0/input.tar")
        world.now += 24 * 3600
        tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))


def _committed(world: World) -> int:
    month = budget.read(world.context(), "soil", budget.month_of(world.context()))
    assert month is not None
    return month.committed


def upload_has_no_room(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    _with_a_budget(world, used_up=True)
    committed = _committed(world)
    event = world.upload(KEY)

    def end(world: World) -> None:
        assert "is used up" in status(world)["summary"]
        assert len(world.jobs) == 1, "that of the run before"
        assert _committed(world) == committed

    return _intake, event, end


def paid_job_ends(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    _with_a_budget(world, used_up=False)
    run_id = started(world)
    world.now += 3600
    event = world.job_event(f"{run_id}-1", "FAILED", code=65)

    def end(world: World) -> None:
        assert status(world)["state"] == "rejected"
        assert _committed(world) == pytest.approx(193_201, abs=100), "an hour, once"

    return _progress, event, end


def budget_is_lifted(world: World) -> tuple[Any, Mapping[str, Any], Callable[[World], None]]:
    _with_a_budget(world, used_up=True)
    take(world, world.upload(KEY))
    budget.lift(world.context(), "soil", budget.month_of(world.context()), "alice", "more money")

    def end(world: World) -> None:
        assert status(world)["state"] == "submitted"
        assert len(world.jobs) == 2
        assert set(job_name_counts(world).values()) == {1}

    return _reconcile, {}, end


STORIES = (
    first_upload,
    changed_upload,
    same_upload,
    wrong_key,
    job_runs,
    job_succeeds,
    job_is_reclaimed,
    job_is_refused,
    queue_is_blocked,
    predecessor_succeeds,
    newer_predecessor_succeeds,
    member_succeeds,
    cohort_is_due,
    upload_has_no_room,
    paid_job_ends,
    budget_is_lifted,
)


def _assert(condition: bool) -> None:
    assert condition


def told(world: World) -> set[tuple[str, str]]:
    return {(event["Detail"]["run_id"], event["Detail"]["state"]) for event in world.events}


def _settled(world: World) -> None:
    """What reconcile is for: two rounds, five minutes apart."""
    world.faults = lambda call: None
    for _ in range(2):
        world.now += 300
        reconcile.handle({}, world.context())


def _everything_told(world: World) -> None:
    for run_id, run in world.runs().items():
        assert (run_id, run["state"]) in told(world), "HQ's table lags behind the ledger for good"
        assert run["announced"] == run["revision"]


@pytest.mark.parametrize("fault", ["killed before", "killed after", "failed", "lost", "throttled"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_fault_at_any_call_is_recovered(world: World, story: Any, fault: str) -> None:
    """A function may be killed, and a reply lost, at any moment: the sample must come to the same end."""
    handle, event, end = story(world)
    before, seen = world.snapshot(), len(world.calls)
    handle(world, event)
    calls = len(world.calls) - seen
    assert calls >= 2
    for place in range(1, calls + 1):
        world.restore(before)
        first = len(world.calls)
        world.faults = lambda call, at=first + place: fault if call.number == at else None  # type: ignore[misc]
        until_acknowledged(world, handle, event)
        _settled(world)
        end(world)
        _everything_told(world)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_is_never_delivered_again_is_mended_by_reconcile(world: World, story: Any) -> None:
    """EventBridge drops events for good after a day: then reconcile is all there is. Killed at each call."""
    handle, event, end = story(world)
    before, seen = world.snapshot(), len(world.calls)
    handle(world, event)
    calls = len(world.calls) - seen
    for place in range(1, calls + 1):
        world.restore(before)
        first = len(world.calls)
        world.faults = lambda call, at=first + place: "killed before" if call.number == at else None  # type: ignore[misc]
        with pytest.raises(Killed):
            handle(world, event)
        if story is queue_is_blocked:
            world.now += 1800  # only then is RUNNABLE too long
        _settled(world)
        _settled(world)
        end(world)


def test_a_lost_reply_of_submit_job_submits_once(world: World) -> None:
    """SubmitJob has no client token, and botocore repeats by default: the sample would be paid for twice."""
    world.faults = lambda call: "lost" if call.operation == "SubmitJob" else None
    assert take(world, world.upload(KEY)) == []
    run_id, run = only_run(world)
    assert job_name_counts(world) == {f"{run_id}-1": 1}
    assert run["state"] == "submitted"


def test_a_submission_that_failed_is_not_acknowledged(world: World) -> None:
    """A claim without a job that is acknowledged is a lost sample."""
    event = world.upload(KEY)
    world.faults = lambda call: "failed" if call.operation == "SubmitJob" else None
    assert take(world, event) == ["m0"]
    assert len([call for call in world.calls if call.operation == "SubmitJob"]) == 1
    world.faults = lambda call: None
    world.now += VISIBILITY_S
    assert take(world, event) == []
    assert len(world.jobs) == 1


def test_two_functions_with_the_same_event_submit_once(world: World) -> None:
    """SQS may give a message to two functions at once."""
    event = world.upload(KEY)
    results: list[list[str]] = []

    def meanwhile(call: Call) -> str | None:
        if call.operation == "SubmitJob" and not results:
            results.append([])
            results[0] = take(world, event)
        return None

    world.faults = meanwhile
    assert take(world, event) == []
    assert results == [["m0"]]
    assert len(world.jobs) == 1


def test_a_run_superseded_while_it_was_submitted_leaves_no_job_running(world: World) -> None:
    """The newer upload comes between claim and record: the old job must not be paid for to its end."""
    old, new = world.upload(KEY, b"old"), world.upload(KEY, b"new")
    done: list[bool] = []

    def meanwhile(call: Call) -> str | None:
        if call.operation == "SubmitJob" and not done:
            done.append(True)
            assert take(world, new) == []
        return None

    world.faults = meanwhile
    assert take(world, old) == []
    assert sorted(job["status"] for job in world.jobs.values()) == ["FAILED", "SUBMITTED"]
    [alive] = [job for job in world.jobs.values() if job["status"] == "SUBMITTED"]
    assert status(world)["run_id"] in alive["jobName"]


def test_throttling_backs_off_and_goes_through(world: World) -> None:
    """A 429 is never fatal."""
    throttled = iter(["throttled"] * 3)
    world.faults = lambda call: next(throttled, None) if call.operation == "SubmitJob" else None
    before = world.now
    assert take(world, world.upload(KEY)) == []
    assert len(world.jobs) == 1
    assert world.now > before


def test_throttling_without_end_gives_the_record_back_in_time(world: World) -> None:
    """Waiting past the function's time-out would return the whole batch, done or not."""
    world.faults = lambda call: "throttled" if call.operation == "SubmitJob" else None
    deadline = world.now + 60
    assert take(world, world.upload(KEY), deadline=deadline) == ["m0"]
    assert world.now < deadline


def test_with_little_time_left_records_go_back_undone(world: World) -> None:
    """The public incident: a time-out in mid-batch returned the whole batch, and each record ran again."""
    events = [world.upload(f"metagenome/p/s{i}/input.tar") for i in range(10)]
    deadline = world.now + 60
    world.faults = lambda call: world.sleep(6) if call.operation == "SubmitJob" else None
    returned = take(world, *events, deadline=deadline)
    assert 0 < len(returned) < 10
    assert len(world.jobs) == 10 - len(returned)
    assert world.now < deadline


def test_functions_killed_in_mid_batch_submit_every_upload_once(world: World) -> None:
    """The incident in small: as many jobs as uploads, not three times as many."""
    chance = Random(904)
    queue = [world.upload(f"metagenome/p/s{i}/input.tar") for i in range(150)]
    world.faults = lambda call: "killed after" if chance.random() < 0.01 else None
    rounds = 0
    while queue:
        rounds += 1
        assert rounds < 400
        batch, queue = queue[:10], queue[10:]
        try:
            failed = {
                item["itemIdentifier"]
                for item in intake.handle(sqs(*batch), world.context())["batchItemFailures"]
            }
            queue += [event for i, event in enumerate(batch) if f"m{i}" in failed]
        except Killed:
            queue += batch
            world.now += VISIBILITY_S
    assert job_name_counts(world).total() == len(job_name_counts(world)) == 150


def test_a_burst_never_exceeds_fifty_submissions_a_second(world: World) -> None:
    """AWS throttles the whole account beyond that, also for everybody else in it."""
    for batch in range(12):
        events = [world.upload(f"metagenome/p/b{batch}s{i}/input.tar") for i in range(10)]
        assert take(world, *events, seed=batch) == []
    times = sorted(world.submitted_at)
    assert len(times) == 120
    assert max(sum(1 for other in times if at <= other < at + 1) for at in times) <= 50
    assert times[-1] - times[0] < 120 / 25


@pytest.mark.parametrize("seed", range(12))
def test_weather(world: World, seed: int) -> None:
    """Calls are throttled, fail, lose replies or kill their function at random: one result all the same."""
    chance = Random(seed)
    kinds = ["throttled", "failed", "lost", "killed before", "killed after"]
    weather = lambda call: chance.choice(kinds) if chance.random() < 0.08 else None  # noqa: E731
    world.faults = weather
    event = world.upload(KEY)
    _patiently(world, _intake, event)
    run_id, _ = only_run(world)
    world.faults = lambda call: None
    _settled(world)
    event = world.job_event(f"{run_id}-1", "FAILED", reason="Host EC2 (instance i-1) terminated.")
    world.faults = weather
    _patiently(world, _progress, event)
    world.faults = lambda call: None
    _settled(world)
    world.publish(world.run_item(run_id), attempt=2)
    event = world.job_event(f"{run_id}-2", "SUCCEEDED")
    world.faults = weather
    _patiently(world, _progress, event)
    _settled(world)
    assert job_name_counts(world) == {f"{run_id}-1": 1, f"{run_id}-2": 1}
    assert status(world)["state"] == "succeeded"
    _everything_told(world)


def _patiently(
    world: World, handle: Callable[[World, Mapping[str, Any]], bool], event: Mapping[str, Any]
) -> None:
    for _ in range(30):
        try:
            if handle(world, event):
                return
        except Killed:
            pass
        world.now += VISIBILITY_S
    raise AssertionError("never acknowledged")


def test_whoever_waited_longer_than_its_turn_does_not_submit(world: World) -> None:
    """By then another function may have submitted the same attempt: two jobs for one sample."""
    event = world.upload(KEY)
    world.faults = lambda call: world.sleep(70) if call.operation == "UpdateItem" else None
    assert take(world, event) == ["m0"]
    assert world.jobs == {}
    world.faults = lambda call: None
    world.now += VISIBILITY_S
    assert take(world, event) == []
    assert len(world.jobs) == 1


def test_a_refused_submission_stays_in_the_queue(world: World) -> None:
    """A job definition that is gone is HQ's to mend: the event must be there when it is."""
    event = world.upload(KEY)
    original = world._batch_SubmitJob
    world._batch_SubmitJob = lambda data: (400, "ClientException")  # type: ignore[method-assign]
    assert take(world, event) == ["m0"]
    world._batch_SubmitJob = original  # type: ignore[method-assign]
    world.now += VISIBILITY_S
    assert take(world, event) == []
    assert len(world.jobs) == 1


def test_announcements_are_made_again_when_a_record_comes_again(world: World) -> None:
    """The ledger was written, then the function died: the branch still reads the new state."""
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    event = world.job_event(f"{run_id}-1", "RUNNING")
    world.faults = lambda call: "failed" if call.operation == "PutEvents" else None
    assert tell(world, event) == ["m0"]
    world.faults = lambda call: None
    assert tell(world, event) == []
    assert (run_id, "running") in told(world)
