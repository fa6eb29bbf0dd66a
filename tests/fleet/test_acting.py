"""`cancel` and `rerun`: headquarters' hand on a run breaks none of the promises of an upload."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fleet import cancel as cancelling
from fleet import rerun as rerunning
from fleet.find import NotFound
from fleet.output import Refused
from handlers import ledger
from handlers.keys import Sample
from handlers.ledger import Newest
from handlers.run import Run
from tests.fleet.lab import Offices, moved, run
from tests.handlers.aws_fakes import UPLOADS, Killed, World, created
from tests.handlers.lab import KEY, runs_of, started, status, succeeded, take, tell, with_assembly

SAMPLE = Sample(pipeline="metagenome", project="soil", sample="S1")


def cancel(world: World, run_id: str) -> Run:
    return cancelling.cancel(world.context(), run_id, "alice", "the wrong sample")


def test_a_cancelled_run_stops_and_the_branch_reads_why(world: World) -> None:
    """A job that nobody wants costs money until it ends, and the branch must not wait for it."""
    run_id = started(world)
    cancel(world, run_id)
    [job_id] = world.jobs
    assert job_id in world.terminated
    told = status(world)
    assert (told["state"], told["run_id"]) == ("failed", run_id)
    assert "the wrong sample" in told["summary"]
    [attempt] = told["attempts"]
    assert (attempt["class"], attempt["reason"]) == ("stopped", "cancelled by alice: the wrong sample")


def test_nothing_that_its_job_does_afterwards_brings_a_cancelled_run_back(world: World) -> None:
    """Else a Spot reclaim in the same minute would start it again."""
    run_id = started(world)
    cancel(world, run_id)
    reclaimed = "Host EC2 (instance i-1) terminated."
    assert tell(world, world.job_event(f"{run_id}-1", "FAILED", reason=reclaimed)) == []
    assert world.run_item(run_id)["state"] == "failed"
    assert len(world.jobs) == 1


def test_a_job_whose_submission_was_in_doubt_is_stopped_too(world: World) -> None:
    """The ledger may not know the job yet that AWS Batch has already started."""
    world.faults = lambda call: "lost" if call.operation == "SubmitJob" else None
    take(world, world.upload(KEY))
    world.faults = lambda call: None
    [run_id] = world.runs()
    ids = list(world.jobs)
    cancel(world, run_id)
    assert list(world.terminated) == ids


@pytest.mark.parametrize("call", ["TerminateJob", "PutEvents", "PutObject"])
def test_an_interrupted_cancel_is_finished_by_the_next(world: World, call: str) -> None:
    """The laptop closes at the worst moment: the same command again must do the rest."""
    run_id = started(world)
    world.faults = lambda each: "killed before" if each.operation == call else None
    with pytest.raises(Killed):
        cancel(world, run_id)
    world.faults = lambda each: None
    cancel(world, run_id)
    assert len(world.terminated) == 1
    assert status(world)["state"] == "failed"
    item = world.run_item(run_id)
    assert item["announced"] == item["revision"]
    assert "open" not in item


def test_a_run_that_has_ended_is_left_as_it_is(world: World) -> None:
    """Results that are there must not be called failed."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    with pytest.raises(Refused, match="succeeded already"):
        cancel(world, run_id)
    assert world.run_item(run_id)["state"] == "succeeded"


def test_the_end_that_comes_first_counts(world: World) -> None:
    """Cancelling reads, decides and writes on condition: a success in between wins."""
    run_id = started(world)
    world.publish(world.run_item(run_id))
    event = world.job_event(f"{run_id}-1", "SUCCEEDED")
    steps: Iterator[str] = iter(["GetItem"])
    step = next(steps, None)

    def race(call: Any) -> None:
        nonlocal step
        if call.operation == "UpdateItem" and step:
            step = None
            tell(world, event)

    world.faults = race
    with pytest.raises(Refused, match="succeeded already"):
        cancel(world, run_id)
    assert world.run_item(run_id)["state"] == "succeeded"


def test_a_run_that_is_nowhere_is_not_found(world: World) -> None:
    """A mistyped id must not look like a success."""
    with pytest.raises(NotFound):
        cancel(world, "r" + "0" * 32)


def test_cancel_asks_first(offices: Offices) -> None:
    """A command in a script that forgot --yes changes nothing."""
    one = moved(run(1), "running")
    offices.everywhere("eu", one)
    answer = offices.fleet("cancel", "soil/S1", "--why", "no")
    assert answer.code == 5
    assert "ends as failed, and its job is stopped" in answer.err
    held = ledger.read_run(offices.access.context(offices.office("eu")), one.run_id)
    assert held is not None
    assert held.state == "running"


def test_a_name_that_two_offices_have_is_not_guessed(offices: Offices) -> None:
    """Stopping another office's sample of the same name is the worst of mistakes."""
    offices.everywhere("eu", moved(run(1, sample="S"), "running"))
    offices.everywhere("us", moved(run(2, sample="S"), "running"))
    answer = offices.fleet("cancel", "soil/S", "--why", "no", "--yes")
    assert answer.code == 5
    assert "eu and us: say --office" in answer.err


# --- rerun ---


class Copying(World):
    """S3 that also copies an object onto itself."""

    def _s3_CopyObject(self, request: Any) -> Any:  # noqa: N802
        held = self.objects[(UPLOADS, KEY)]
        if request.headers["If-Match"].decode().strip('"') != held[-1].etag:
            return 412, {"content-type": "application/xml"}, b"<Error><Code>PreconditionFailed</Code></Error>"
        source = next(
            each
            for each in held
            if f"versionId={each.version_id}" in str(request.headers["x-amz-copy-source"])
        )
        version = self.put(UPLOADS, KEY, source.body)
        headers = {"content-type": "application/xml", "x-amz-version-id": version.version_id}
        return 200, headers, b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"


@pytest.fixture
def failed(world: World) -> tuple[Copying, Run]:
    """A run that failed for good."""
    copying = Copying()
    run_id = started(copying)
    cancel(copying, run_id)
    held = ledger.read_run(copying.context(), run_id)
    assert held is not None
    return copying, held


def newest(world: World) -> Newest:
    found = ledger.read_newest(world.context(), SAMPLE)
    assert found is not None
    return found


def test_a_failed_run_is_analysed_again_as_a_run_of_its_own(failed: tuple[Copying, Run]) -> None:
    """The branch needs to upload nothing again, and the old run stays to be looked at."""
    world, old = failed
    version = rerunning.rerun(world.context(), old, newest(world))
    held = world.objects[(UPLOADS, KEY)][-1]
    assert (held.version_id, held.body) == (version, b"reads")
    assert take(world, created(UPLOADS, KEY, held)) == []
    states = {run_id: item["state"] for run_id, item in world.runs().items()}
    assert states.pop(old.run_id) == "failed"
    assert list(states.values()) == ["submitted"]


def test_an_upload_that_comes_meanwhile_stays_the_newest(failed: tuple[Copying, Run]) -> None:
    """A copy of the old bytes on top of a corrected file would make the old result the latest."""
    world, old = failed
    known = newest(world)
    world.faults = lambda call: _corrected(world) if call.operation == "CopyObject" else None
    with pytest.raises(Refused, match="newer upload"):
        rerunning.rerun(world.context(), old, known)
    assert world.objects[(UPLOADS, KEY)][-1].body == b"corrected"


def _corrected(world: World) -> None:
    world.put(UPLOADS, KEY, b"corrected")


def test_an_upload_that_is_not_taken_in_yet_is_not_overtaken(failed: tuple[Copying, Run]) -> None:
    """The same, when it came a moment earlier."""
    world, old = failed
    known = newest(world)
    _corrected(world)
    with pytest.raises(Refused, match="newer version"):
        rerunning.rerun(world.context(), old, known)


def test_pipelines_of_the_same_sample_are_not_guessed(offices: Offices) -> None:
    """A sample and its follow-on share their name: which one to stop must be said."""
    offices.everywhere("eu", moved(run(1, sample="S"), "running"))
    offices.everywhere("eu", moved(run(2, sample="S", pipeline="assembly"), "running"))
    answer = offices.fleet("cancel", "soil/S", "--why", "no", "--yes")
    assert answer.code == 5
    assert "assembly/soil/S and metagenome/soil/S: say which" in answer.err


def test_what_would_come_to_the_same_is_refused_and_says_so() -> None:
    """A rerun that intake ignores as identical would leave people waiting for nothing."""
    one = replace(run(1), state="failed")
    release = one.release
    last = Newest(
        version_id="v1", sequencer="0", uploaded="", content="{}", size=1,
        run_id=one.run_id, release=release,
    )  # fmt: skip
    refusal = rerunning.refusal
    assert refusal(one, last, release) is None
    assert "still the same" in (refusal(replace(one, state="succeeded"), last, release) or "")
    assert refusal(replace(one, state="succeeded"), last, "another") is None
    assert "still the same" in (refusal(replace(one, state="rejected"), last, release) or "")
    assert "cancel it first" in (refusal(replace(one, state="running"), last, release) or "")
    other = replace(last, run_id="r" + "1" * 32)
    assert "is not the newest" in (refusal(one, other, release) or "")
    assert "no release" in (refusal(one, last, None) or "")


@pytest.mark.parametrize("length", [5 * 2**30 + 1, 7 * 2**30, 40 * 2**40])
def test_the_parts_of_a_large_upload_are_all_of_it(length: int) -> None:
    """A byte that is left out, or doubled, would be another sample."""
    ranges = rerunning.parts(length)
    assert len(ranges) <= 10_000
    assert (ranges[0][0], ranges[-1][1]) == (0, length - 1)
    assert all(later[0] == earlier[1] + 1 for earlier, later in itertools.pairwise(ranges))


@pytest.fixture
def failed_follow_on(world: World) -> tuple[World, Run]:
    """A metagenome run that succeeded, and its assembly that failed for good."""
    with_assembly(world)
    succeeded(world)
    [run_id] = runs_of(world, "assembly")
    cancel(world, run_id)
    held = ledger.read_run(world.context(), run_id)
    assert held is not None
    return world, held


def newest_assembly(world: World) -> Newest:
    found = ledger.read_newest(world.context(), replace(SAMPLE, pipeline="assembly"))
    assert found is not None
    return found


def test_a_failed_follow_on_takes_the_same_results_once_more(failed_follow_on: tuple[World, Run]) -> None:
    """It has no upload that could be uploaded again: without this, nothing could ever mend it."""
    world, old = failed_follow_on
    again = rerunning.rerun_follow_on(world.context(), old, newest_assembly(world))
    runs = runs_of(world, "assembly")
    assert {run_id: item["state"] for run_id, item in runs.items()} == {
        old.run_id: "failed",
        again: "submitted",
    }
    assert old.after is not None
    assert runs[again]["after"]["run_id"] == old.after.run_id


def test_a_follow_on_is_not_run_again_over_newer_reads(failed_follow_on: tuple[World, Run]) -> None:
    """The old reads' assembly would become the sample's latest."""
    world, old = failed_follow_on
    take(world, world.upload(KEY, b"corrected"))
    with pytest.raises(Refused, match="not the newest any more"):
        rerunning.rerun_follow_on(world.context(), old, newest_assembly(world))


def test_a_follow_on_is_run_again_once(failed_follow_on: tuple[World, Run]) -> None:
    """Two people who type the same command at once pay for one job."""
    world, old = failed_follow_on
    known = newest_assembly(world)
    rerunning.rerun_follow_on(world.context(), old, known)
    with pytest.raises(Refused, match="changed while"):
        rerunning.rerun_follow_on(world.context(), old, known)
    assert len(runs_of(world, "assembly")) == 2
