"""Reconcile: what fell between is found and mended, once."""

from collections import Counter
from typing import Any

from handlers import reconcile
from handlers.context import Context
from tests.handlers.aws_fakes import ON_DEMAND_QUEUE, RESULTS, UPLOADS, World, job_name_counts
from tests.handlers.lab import KEY, STATUS, only_run, started, status, take, tell


def rounds(world: World, count: int = 1, **how: float) -> Counter[str]:
    """Rounds of reconcile, five minutes apart; what they mended."""
    mended: Counter[str] = Counter()
    for _ in range(count):
        world.now += 300
        mended += Counter(reconcile.handle({}, world.context(**how)))  # type: ignore[arg-type]
    return mended


def test_an_upload_whose_event_was_dropped_is_analysed(world: World) -> None:
    """EventBridge gives up after a day: without this the sample is lost without a word."""
    world.upload(KEY)
    assert rounds(world)["UploadsWithoutRun"] == 1
    assert status(world)["state"] == "submitted"
    assert rounds(world)["UploadsWithoutRun"] == 0


def test_a_late_event_of_an_upload_that_reconcile_found_changes_nothing(world: World) -> None:
    """Found first, told later: one run, and its sequencer known for what comes after."""
    event = world.upload(KEY)
    rounds(world)
    assert take(world, event) == []
    [run] = world.runs().values()
    assert len(world.jobs) == 1
    older = {
        **event,
        "detail": {**event["detail"], "object": {**event["detail"]["object"], "sequencer": "00"}},
    }
    assert take(world, older) == []
    assert only_run(world)[1] == run


def test_the_event_of_an_older_version_after_reconcile_found_the_newest_is_ignored(world: World) -> None:
    """Both uploaded in one second, and no sequencer to compare: S3 itself says which is the current one."""
    older = world.upload(KEY, b"old")
    newer = world.upload(KEY, b"new")
    rounds(world)
    assert take(world, older) == []
    assert only_run(world)[1]["version_id"] == newer["detail"]["object"]["version-id"]


def test_a_changed_upload_whose_event_was_dropped_supersedes(world: World) -> None:
    """The newest version is what the branch wants analysed, event or not."""
    old = started(world)
    world.now += 10
    world.upload(KEY, b"changed")
    rounds(world)
    assert world.run_item(old)["state"] == "superseded"
    assert status(world)["run_id"] != old


def test_a_wrong_key_whose_event_was_dropped_is_answered(world: World) -> None:
    """A branch waits for its answer as much as for its results."""
    world.upload("metagenome/soil/S1/Input.tar")
    rounds(world)
    assert status(world)["state"] == "rejected"


def test_two_wrong_keys_in_one_folder_are_answered_once(world: World) -> None:
    """Else the two answers overwrite each other every five minutes for ever, each a version to pay for."""
    take(world, world.upload("metagenome/soil/S1/Input.tar"))
    world.now += 60
    take(world, world.upload("metagenome/soil/S1/input.tar.gz"))
    assert "compressed" in status(world)["summary"]  # the newest is the one that the branch waits for
    written = len(world.objects[(RESULTS, STATUS)])
    rounds(world, 4)
    assert "compressed" in status(world)["summary"]
    assert len(world.objects[(RESULTS, STATUS)]) == written


def test_two_wrong_keys_whose_events_were_dropped_are_answered_once(world: World) -> None:
    """The same, when only the bucket's listing tells of them, and both are of one second."""
    for name in ("input.tar.gz", "Input.tar"):
        world.upload(f"metagenome/soil/S1/{name}")
    rounds(world)
    told, written = status(world), len(world.objects[(RESULTS, STATUS)])
    rounds(world, 4)
    assert (status(world), len(world.objects[(RESULTS, STATUS)])) == (told, written)


def test_a_job_that_ended_unseen_is_followed(world: World) -> None:
    """Results are there, but nobody was told."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.job_event(f"{run_id}-1", "SUCCEEDED")
    assert rounds(world)["JobsEndedUnseen"] == 1
    assert status(world)["state"] == "succeeded"


def test_a_job_that_batch_has_forgotten_is_tried_again(world: World) -> None:
    """Batch forgets ended jobs after a week: their runs must not stay open for ever."""
    run_id = started(world)
    world.jobs.clear()
    assert rounds(world)["JobsLost"] == 1
    assert sorted(job_name_counts(world)) == [f"{run_id}-2"]


def test_a_forgotten_job_with_results_is_a_success(world: World) -> None:
    """What is published need not be computed again."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.jobs.clear()
    rounds(world)
    assert status(world)["state"] == "succeeded"
    assert world.jobs == {}


def test_a_job_runnable_for_too_long_moves_to_on_demand(world: World) -> None:
    """Batch's own events tell only of the head of a queue."""
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    world.job_event(f"{run_id}-1", "RUNNABLE")
    assert rounds(world, 7)["RunnableTooLong"] == 1
    assert [job["jobQueue"] for job in world.jobs.values()][-1] == ON_DEMAND_QUEUE
    assert sorted(job["status"] for job in world.jobs.values()) == ["FAILED", "SUBMITTED"]


def test_a_runner_that_fell_silent_is_stopped_and_tried_elsewhere(world: World) -> None:
    """A hung host holds a sample until the time-out, which may be a day."""
    run_id = started(world)
    item = {"pk": {"S": f"run#{run_id}"}, "sk": {"S": "run"}}
    world._dynamo(
        "UpdateItem",
        {
            "TableName": world.office.ledger,
            "Key": item,
            "UpdateExpression": "SET lease_expires = :e, lease_attempt = :a",
            "ExpressionAttributeValues": {":e": {"N": str(int(world.now))}, ":a": {"N": "1"}},
        },
    )
    mended = rounds(world, 4)
    assert mended["LeasesExpired"] == 1
    assert sorted(job_name_counts(world)) == [f"{run_id}-1", f"{run_id}-2"]
    assert "lease" in world.run_item(run_id)["attempts"][0]["reason"]


def test_a_status_that_is_behind_the_ledger_is_written_again(world: World) -> None:
    """The branch reads status.json and nothing else."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    world.faults = lambda call: "failed" if call.operation in ("PutObject", "PutEvents") else None
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == ["m0"]
    world.faults = lambda call: None
    assert rounds(world)["Unannounced"] == 1
    assert status(world)["state"] == "succeeded"
    assert world.events[-1]["Detail"]["state"] == "succeeded"


def test_a_healthy_office_is_left_alone(world: World) -> None:
    """Reconcile must not disturb what goes its way, nor cost anything."""
    started(world)
    done = started(world, "metagenome/soil/S2/input.tar")
    world.publish(world.run_item(done))
    tell(world, world.job_event(f"{done}-1", "SUCCEEDED"))
    before = (world.runs(), len(world.jobs), len(world.events))
    assert rounds(world, 5) == Counter()
    assert (world.runs(), len(world.jobs), len(world.events)) == before


def test_work_stops_in_time_and_goes_on_in_the_next_round(world: World, monkeypatch: Any) -> None:
    """A bucket of a hundred thousand samples does not fit into one function's time."""
    monkeypatch.setattr(reconcile, "PAGE", 5)
    for number in range(40):
        world.upload(f"metagenome/p/s{number:02}/input.tar")
    world.faults = lambda call: world.sleep(1) if call.operation == "HeadObject" else None
    seen = []
    for _ in range(12):
        world.now += 300
        context: Context = world.context(deadline=world.now + 30)
        reconcile.handle({}, context)
        assert context.time_left() > 5
        seen.append(len(world.runs()))
    assert seen[0] < 40
    assert seen[-1] == 40


def test_one_thing_that_cannot_be_mended_does_not_keep_the_others(world: World) -> None:
    """One broken sample must not stop the mending of a whole office."""
    for number in range(3):
        world.upload(f"metagenome/p/s{number}/input.tar")
    world.objects[(UPLOADS, "metagenome/p/s1/input.tar")][-1].checksums = {"CRC64NVME": "x"}
    original = world._s3_HeadObject

    def head(request: Any) -> Any:
        return (403, {}, b"") if "/s1/" in request.url else original(request)

    world._s3_HeadObject = head  # type: ignore[method-assign]
    assert rounds(world)["NotMended"] == 1
    assert len(world.runs()) == 2
