"""Progress: what Batch says becomes the run's state, and the manifest is the truth."""

from dataclasses import replace

import pytest

from handlers import pages
from tests.handlers.aws_fakes import ON_DEMAND_QUEUE, SPOT_QUEUE, World, batch_event, job_name_counts
from tests.handlers.lab import KEY, decisions, started, status, take, tell

SPOT_RECLAIM = "Host EC2 (instance i-0abc) terminated."
OOM = "OutOfMemoryError: Container killed due to memory usage"


def fail(
    world: World, name: str, *, reason: str = "Essential container in task exited", **how: object
) -> list[str]:
    return tell(world, world.job_event(name, "FAILED", reason=reason, **how))  # type: ignore[arg-type]


def test_a_finished_job_with_its_manifest_is_a_success(world: World) -> None:
    """The branch is told where its results are."""
    run_id = started(world)
    assert status(world)["state"] == "running"
    world.publish(world.run_item(run_id))
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    prefix = f"metagenome/soil/S1/{run_id}/"
    assert status(world)["results"] == {
        "prefix": prefix,
        "report": f"{prefix}report.html",
        "manifest": f"{prefix}manifest.json",
    }
    assert [event["Detail"]["state"] for event in world.events] == ["submitted", "running", "succeeded"]


def test_exit_0_without_a_manifest_is_a_failure(world: World) -> None:
    """A job that reports success over an empty folder must not become a result."""
    run_id = started(world)
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED", code=0)) == []
    assert world.run_item(run_id)["attempt"] == 2
    assert "no manifest" in world.run_item(run_id)["attempts"][0]["reason"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_id": "r" + "0" * 32},
        {"release_digest": "sha256:other"},
        {"upload": {"version_id": "v0"}},
        {"files": []},
        {"files": [{"path": "report.html", "size": 1, "sha256": ""}]},
        {"files": [{"path": "absent.tsv", "size": 1, "sha256": ""}]},
        {"schema": 2},
    ],
)
def test_a_wrong_manifest_is_no_success(world: World, wrong: dict[str, object]) -> None:
    """Another run's results, or half of them, must not be handed to a branch as its own."""
    run_id = started(world)
    world.publish(world.run_item(run_id), **wrong)  # type: ignore[arg-type]
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED", code=0)) == []
    assert world.run_item(run_id)["state"] == "submitted"
    assert world.run_item(run_id)["attempt"] == 2


def test_a_complete_manifest_behind_a_failed_job_is_a_success(world: World) -> None:
    """ECS sometimes loses sight of a container that had finished: nobody should pay for it twice."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    assert (
        fail(world, f"{run_id}-1", container="CannotInspectContainerError: Could not transition", code=0)
        == []
    )
    assert world.run_item(run_id)["state"] == "succeeded"
    assert len(world.jobs) == 1


def test_bad_input_is_rejected_with_the_pipelines_sentence(world: World) -> None:
    """The branch reads what is wrong and what to upload instead; no job loops."""
    run_id = started(world)
    world.say(run_id, 1, 65, "input.tar holds no FASTQ file.")
    assert fail(world, f"{run_id}-1", code=65) == []
    told = status(world)
    assert (told["state"], told["summary"]) == ("rejected", "input.tar holds no FASTQ file.")
    # The sentence says what to upload; advice of ours on pairs or formats may contradict it.
    assert told["what_to_do"] == f"Upload a corrected file as {KEY}; nothing else needs to be done."
    assert len(world.jobs) == 1


def test_a_missing_reference_is_for_headquarters_and_the_branch_is_told(world: World) -> None:
    """Exit 78: trying again changes nothing, and the branch must not look for a fault in its upload."""
    run_id = started(world)
    world.say(run_id, 1, 78, "the reference demo-host 2026.1 is not in the bucket")
    assert fail(world, f"{run_id}-1", code=78) == []
    told = status(world)
    assert (told["state"], told["attempts"][0]["class"]) == ("failed", "configuration")
    assert "demo-host 2026.1" in told["summary"]
    assert "Headquarters has been told" in told["what_to_do"]
    assert len(world.jobs) == 1


def test_an_upload_that_was_deleted_is_asked_for_again(world: World) -> None:
    """Exit 66: no attempt can find what is gone, and only the branch has it."""
    run_id = started(world)
    assert fail(world, f"{run_id}-1", code=66) == []
    told = status(world)
    assert (told["state"], told["attempts"][0]["class"]) == ("failed", "gone")
    assert f"upload the file again as {KEY}" in told["what_to_do"]
    assert len(world.jobs) == 1


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (0, "Not tried again: this office allows no further attempt after a failure of this kind (unknown)."),
        (1, "Not tried again: the one further attempt allowed after a failure of this kind (unknown) has"
            " been made."),
        (2, "Not tried again: all 2 further attempts allowed after failures of this kind (unknown) have"
            " been made."),
    ],
)  # fmt: skip
def test_the_end_of_a_budget_is_told_in_words(world: World, budget: int, words: str) -> None:
    """A branch reads why its sample is given up."""
    world.office = replace(world.office, budgets={**world.office.budgets, "unknown": budget})
    run_id = started(world)
    for attempt in range(1, budget + 2):
        fail(world, f"{run_id}-{attempt}", code=1)
    assert decisions(world, run_id)[-1] == words


def test_what_was_said_of_an_earlier_attempt_is_not_quoted_for_a_later_one(world: World) -> None:
    """A sentence about attempt 1 must not explain attempt 2."""
    run_id = started(world)
    world.say(run_id, 1, 74, "No space left on device: /scratch is full")
    fail(world, f"{run_id}-1", code=74)
    fail(world, f"{run_id}-2", code=65)
    assert "No space" not in status(world)["summary"]


def test_spot_reclaims_go_back_to_spot_at_once_then_on_demand(world: World) -> None:
    """A reclaim does not cost the sample, and does not go on for ever."""
    run_id = started(world)
    for attempt in (1, 2, 3):
        assert fail(world, f"{run_id}-{attempt}", reason=SPOT_RECLAIM) == []
    queues = [job["jobQueue"] for job in world.jobs.values()]
    assert queues == [SPOT_QUEUE, SPOT_QUEUE, ON_DEMAND_QUEUE, ON_DEMAND_QUEUE]
    assert fail(world, f"{run_id}-4", reason=SPOT_RECLAIM) == []
    assert status(world)["state"] == "failed"
    assert "all 3 further attempts" in status(world)["attempts"][-1]["decision"]


def test_out_of_memory_asks_for_more_up_to_the_largest(world: World) -> None:
    """The same memory would fail the same way."""
    run_id = started(world)
    for attempt in (1, 2, 3):
        fail(world, f"{run_id}-{attempt}", container=OOM, code=137)
    asked = [
        next(
            each["value"]
            for each in job["asked"]["containerOverrides"]["resourceRequirements"]
            if each["type"] == "MEMORY"
        )
        for job in world.jobs.values()
    ]
    assert asked == ["6001", "12002", "24004", "48008"]
    assert "6001 MiB of memory were too few" in decisions(world, run_id)[0]


@pytest.mark.parametrize(
    ("used_mib", "asked"),
    [(8000, 9600), (15_000, 18_000), (3000, 12_002)],
    ids=["less than twice", "more than twice", "others had enough"],
)
def test_more_memory_is_what_others_of_its_size_needed(world: World, used_mib: int, asked: int) -> None:
    """Twice by habit pays for memory that lies idle, or runs out of it again."""
    for number in range(5):
        other = started(world, f"metagenome/soil/past{number}/input.tar")
        world.publish(world.run_item(other), resources={"max_rss_mib": used_mib - number})
        tell(world, world.job_event(f"{other}-1", "RUNNING"), world.job_event(f"{other}-1", "SUCCEEDED"))
    pages.make_due_pages(world.context(), lambda: False)  # the desk keeps what was learnt
    run_id = started(world)
    fail(world, f"{run_id}-1", container=OOM, code=137)
    assert int(world.run_item(run_id)["attempts"][1]["memory_mib"]) == asked
    assert (f"others of its size needed up to {used_mib}" in decisions(world, run_id)[0]) == (used_mib > 6001)


def test_a_full_disk_asks_for_a_larger_share(world: World) -> None:
    """A full disk would be full again on the same share."""
    run_id = started(world)
    world.say(run_id, 1, 74, "No space left on device: the scratch disk is full")
    fail(world, f"{run_id}-1", code=74)
    assert int(world.run_item(run_id)["attempts"][1]["vcpus"]) == 8


def test_a_time_out_gets_twice_the_time_once(world: World) -> None:
    """A slow sample gets its chance; a hanging one does not run for ever."""
    run_id = started(world)
    for attempt in (1, 2):
        fail(world, f"{run_id}-{attempt}", reason="Job attempt duration exceeded timeout")
    times = [job["asked"]["timeout"]["attemptDurationSeconds"] for job in world.jobs.values()]
    assert times[1] == 2 * times[0]
    assert world.run_item(run_id)["state"] == "failed"


def test_a_pull_failure_waits_and_reconcile_submits_it(world: World) -> None:
    """A registry that is down for a minute does not cost the sample, and is not hammered."""
    from handlers import reconcile

    run_id = started(world)
    fail(
        world,
        f"{run_id}-1",
        container="CannotPullContainerError: pull image manifest has been retried 5 time(s)",
    )
    assert len(world.jobs) == 1
    reconcile.handle({}, world.context())
    assert len(world.jobs) == 1
    world.now += 61
    reconcile.handle({}, world.context())
    assert sorted(job_name_counts(world)) == [f"{run_id}-1", f"{run_id}-2"]


def test_stale_events_change_nothing(world: World) -> None:
    """A late word about attempt 1 must not fail attempt 2, nor take back a success."""
    run_id = started(world)
    failed = world.job_event(f"{run_id}-1", "FAILED", reason=SPOT_RECLAIM)
    tell(world, failed)
    running = batch_event("Batch Job State Change", {**failed["detail"], "status": "RUNNING"})
    before = world.run_item(run_id)
    assert tell(world, failed, running, failed) == []
    assert world.run_item(run_id) == before
    world.publish(world.run_item(run_id), attempt=2)
    tell(world, world.job_event(f"{run_id}-2", "SUCCEEDED"))
    assert tell(world, failed, running) == []
    assert status(world)["state"] == "succeeded"
    assert len(world.jobs) == 2


def test_a_second_job_of_the_same_attempt_cannot_fail_the_run(world: World) -> None:
    """A lost reply can leave two jobs of one name; the one that stands back ends with 75."""
    run_id = started(world)
    twin = {
        **next(iter(world.jobs.values())),
        "jobId": "another",
        "status": "FAILED",
        "container": {"exitCode": 75},
    }
    assert tell(world, batch_event("Batch Job State Change", twin)) == []
    assert world.run_item(run_id)["state"] == "running"


def test_an_event_of_an_unknown_run_is_kept(world: World) -> None:
    """After a restore of the table nothing may vanish: the event goes to the dead-letter queue."""
    job = {"jobId": "j", "jobName": "r" + "0" * 32 + "-1", "status": "FAILED", "jobQueue": SPOT_QUEUE}
    assert tell(world, batch_event("Batch Job State Change", job)) == ["m0"]


def test_jobs_of_others_on_the_queue_are_let_be(world: World) -> None:
    """An engineer's own job on the queue must not fill the dead-letter queue."""
    job = {"jobId": "j", "jobName": "try-something", "status": "FAILED", "jobQueue": SPOT_QUEUE}
    assert tell(world, batch_event("Batch Job State Change", job)) == []


def test_a_blocked_queue_moves_the_job_to_on_demand_and_tells_hq_why(world: World) -> None:
    """RUNNABLE for ever is the commonest way to lose a sample on Batch."""
    take(world, world.upload(KEY))
    [run_id] = world.runs()
    [job] = world.jobs.values()
    job["status"] = "RUNNABLE"
    job["statusReason"] = (
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested"
    )
    blocked = batch_event("Batch Job Queue Blocked", job)
    assert tell(world, blocked, blocked) == []
    first, second = world.jobs.values()
    assert (first["status"], second["jobQueue"]) == ("FAILED", ON_DEMAND_QUEUE)
    assert "INSUFFICIENT_INSTANCE_CAPACITY" in str(world.events[-1]["Detail"]["attempts"])
    assert tell(world, batch_event("Batch Job State Change", first)) == []
    assert world.run_item(run_id)["attempt"] == 2


def test_a_queue_that_is_blocked_on_demand_too_is_told(world: World) -> None:
    """There is nowhere else to go, but HQ must know why the sample waits."""
    take(world, world.upload(KEY))
    [job] = world.jobs.values()
    job.update(status="RUNNABLE", statusReason="CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY")
    tell(world, batch_event("Batch Job Queue Blocked", job))
    second = list(world.jobs.values())[1]
    second.update(status="RUNNABLE", statusReason="MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE")
    assert tell(world, batch_event("Batch Job Queue Blocked", second)) == []
    assert len(world.jobs) == 2
    assert "MAX_RESOURCE" in world.events[-1]["Detail"]["message"]


def test_pseudonymous_offices_send_no_names(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """What may not leave the office's region must not be in an event to HQ."""
    from dataclasses import replace

    world.office = replace(world.office, pseudonymous=True)
    run_id = started(world, "metagenome/Müller/Patient7/input.tar")
    world.say(run_id, 1, 65, "Patient7.fastq.gz is damaged")
    fail(world, f"{run_id}-1", code=65)
    told = str(world.events)
    assert "Müller" not in told
    assert "Patient7" not in told
    projects = {event["Detail"]["project"] for event in world.events}
    assert len(projects) == 1
