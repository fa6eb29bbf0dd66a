"""Exactly once: wherever an attempt dies, and whoever else is alive, a run has one whole result or none."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from runner import job
from runner.publish import Prefix
from runner.stop import Stop

from tests.pipeline_images.runner.faults import Calls, die, in_child
from tests.pipeline_images.runner.office import PIPELINE, Office, Sample

# Its results differ from attempt to attempt, so that a mixture of two attempts shows.
UNSTEADY = PIPELINE + "\n(results / 'attempt.txt').write_text(os.environ['ATTEMPT'] * 1000)\n"


def quiet_attempt(sample: Sample, number: int = 1, scratch: str = "scratch") -> job.Attempt:
    """An attempt whose renewing thread sleeps, so that its calls come in one order."""
    attempt = sample.attempt(number, Stop(), SCRATCH=str(sample.office.home / scratch))
    return replace(attempt, beat_s=1000.0)


def calls_of_an_attempt(office: Office) -> list[str]:
    attempt = quiet_attempt(office.sample(pipeline=UNSTEADY), scratch="count")
    calls = Calls(attempt)
    assert job.run(attempt) == 0
    return calls.names


def manifest_versions(sample: Sample) -> int:
    listed = sample.office.clients.s3.list_object_versions(
        Bucket=sample.office.results, Prefix=f"{sample.prefix}manifest.json"
    )
    return len(listed.get("Versions", []))


def test_a_kill_before_and_after_every_call_is_recovered_from(office: Office) -> None:
    """Hosts are lost at any moment. The calls are those the code makes, not a list that somebody keeps."""
    names = calls_of_an_attempt(office)
    assert {"UpdateItem", "ListObjectsV2", "HeadObject", "GetObject", "PutObject"} <= set(names)
    for number in range(len(names)):
        for when in ("before", "after"):
            sample = office.sample(pipeline=UNSTEADY)
            scratch = f"kill-{number}-{when}"

            def work(
                sample: Sample = sample, scratch: str = scratch, when: str = when, number: int = number
            ) -> int:
                attempt = quiet_attempt(sample, scratch=scratch)
                Calls(attempt, **{when: lambda n, _: die() if n == number else None})  # type: ignore[arg-type]
                return job.run(attempt)

            where = f"killed {when} call {number} ({names[number]})"
            assert in_child(work) == -9, where
            manifest = sample.result()  # whole, or absent
            was_published = manifest is not None
            sample.next_attempt(2)
            assert job.run(quiet_attempt(sample, 2, scratch)) == 0, where
            manifest = sample.result()
            assert manifest is not None, where
            assert manifest["attempt"] == (1 if was_published else 2), where
            assert manifest_versions(sample) == 1, where
            assert not list((office.home / scratch / "runs").iterdir()), where


def test_a_lost_reply_to_any_call_changes_nothing(office: Office) -> None:
    """A reply lost after success makes botocore ask again: a condition we fulfilled must not stop us."""
    names = calls_of_an_attempt(office)
    for number, name in enumerate(names):
        sample = office.sample(pipeline=UNSTEADY)
        attempt = quiet_attempt(sample, scratch=f"lost-{number}")
        calls = Calls(attempt, lose_reply_of=number)
        assert job.run(attempt) == 0, f"call {number} ({name})"
        assert len(calls.names) > len(names), (
            f"call {number} ({name}) was not repeated: the fault did not bite"
        )
        manifest = sample.result()
        assert manifest is not None
        assert manifest_versions(sample) == 1


def run_with_a_rival(
    office: Office, at: Callable[[list[str]], bool], rival: Callable[[Sample], None]
) -> tuple[Sample, int]:
    """Run attempt 1; before the call at which `at` says so, once, another attempt does its work."""
    sample = office.sample(pipeline=UNSTEADY)
    attempt = quiet_attempt(sample)
    gate = threading.Lock()
    came: list[bool] = []
    calls: Calls

    def before(_: int, __: str) -> None:
        with gate:  # the attempt's other threads wait as well, as on a host that is paused
            if not came and at(calls.names):
                came.append(True)
                rival(sample)

    calls = Calls(attempt, before=before)
    code = job.run(attempt)
    assert came, "the rival never came"
    return sample, code


def second_attempt(sample: Sample) -> None:
    sample.next_attempt(2)
    assert job.run(quiet_attempt(sample, 2, "rival")) == 0


def puts(names: list[str]) -> int:
    return names.count("PutObject")


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(lambda names: puts(names) == 1, id="before its first result"),
        pytest.param(lambda names: puts(names) == 3, id="before its last result"),
        pytest.param(
            lambda names: puts(names) == 3 and names[-1] == "UpdateItem", id="before it confirms its lease"
        ),
        pytest.param(lambda names: puts(names) == 4, id="before its manifest"),
    ],
)
def test_an_attempt_that_slept_through_its_successor_changes_nothing(
    office: Office, at: Callable[[list[str]], bool]
) -> None:
    """A paused host wakes up and goes on where it was: what the next attempt published must stay as it is."""
    sample, code = run_with_a_rival(office, at, second_attempt)
    assert code in (0, 75)
    manifest = sample.result()
    assert manifest is not None
    assert manifest["attempt"] == 2
    assert sample.objects()["attempt.txt"] == b"2" * 1000
    assert manifest_versions(sample) == 1


def narrowest_race(office: Office) -> Sample:
    """The older attempt confirms its lease, sleeps, and publishes as the newer one replaces its files."""
    sample = office.sample(pipeline=UNSTEADY)
    older, newer = quiet_attempt(sample), quiet_attempt(sample, 2, "rival")
    older_may_publish, older_done = threading.Event(), threading.Event()

    def older_waits(_: int, name: str) -> None:
        if puts(older_calls.names) == 4:
            sample.next_attempt(2)
            threading.Thread(target=lambda: newer_code.append(job.run(newer))).start()
            assert older_may_publish.wait(20)

    def newer_waits(_: int, name: str) -> None:
        # Its first put over a file of the older one's: it has looked for a result, and seen none.
        if name == "PutObject" and puts(newer_calls.names) >= 4:
            older_may_publish.set()
            assert older_done.wait(20)

    newer_code: list[int] = []
    older_calls = Calls(older, before=older_waits)
    newer_calls = Calls(newer, before=newer_waits)
    assert job.run(older) == 0
    older_done.set()
    deadline = time.monotonic() + 20
    while not newer_code:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert newer_code == [0]
    return sample


def test_a_result_published_late_is_left_alone_by_the_attempt_that_came_after(office: Office) -> None:
    """The older attempt wakes up before its manifest while the newer one analyses: one result, not two."""
    sample = office.sample(pipeline=UNSTEADY)
    older, newer = quiet_attempt(sample), quiet_attempt(sample, 2, "rival")
    newer_analysed, older_done = threading.Event(), threading.Event()
    newer_code: list[int] = []

    def older_waits(_: int, name: str) -> None:
        if puts(older_calls.names) == 4:
            sample.next_attempt(2)
            threading.Thread(target=lambda: newer_code.append(job.run(newer))).start()
            assert newer_analysed.wait(20)

    def newer_waits(_: int, name: str) -> None:
        # Its second look for a manifest: the analysis is done, nothing is put yet.
        if name == "GetObject" and newer_calls.names.count("HeadObject") and puts(newer_calls.names) == 0:
            newer_analysed.set()
            assert older_done.wait(20)

    older_calls = Calls(older, before=older_waits)
    newer_calls = Calls(newer, before=newer_waits)
    assert job.run(older) == 0
    older_done.set()
    deadline = time.monotonic() + 20
    while not newer_code:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert newer_code == [0]
    manifest = sample.result()
    assert manifest is not None
    assert manifest["attempt"] == 1
    assert manifest_versions(sample) == 1


def test_a_manifest_over_its_successor_s_files_is_put_right(office: Office) -> None:
    """One attempt's manifest over another's files is a result whose checksums fail for ever."""
    manifest = narrowest_race(office).result()  # asserts every checksum
    assert manifest is not None
    assert manifest["attempt"] == 2


@pytest.mark.parametrize(
    "guard", ["conditional puts", "confirmed lease", "look at the files behind a manifest"]
)
def test_each_guard_is_needed(office: Office, guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard whose removal nobody notices protects nobody: without each of these a wrong result stands."""
    if guard == "conditional puts":
        put = Prefix._put
        monkeypatch.setattr(Prefix, "_put", lambda self, path, body, sha, _: put(self, path, body, sha, {}))
        sample, _ = run_with_a_rival(office, lambda names: puts(names) == 1, second_attempt)
        with pytest.raises(AssertionError):
            sample.result()
    elif guard == "confirmed lease":
        monkeypatch.setattr("runner.lease.Lease.ensure", lambda _: None)
        supersede = partial(Sample.set, state={"S": "superseded"})
        sample, code = run_with_a_rival(office, lambda names: puts(names) == 1, supersede)
        assert code == 0
        assert sample.result() is not None, "a superseded run has published"
    else:
        monkeypatch.setattr(Prefix, "_stands", lambda *_: True)
        with pytest.raises(AssertionError):
            narrowest_race(office).result()


def test_two_containers_of_one_attempt_publish_once(office: Office) -> None:
    """SubmitJob has no client token: a lost reply starts two jobs of the same attempt."""
    go = office.home / "go"
    waiting = (
        f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)\n" + UNSTEADY
    )
    sample = office.sample(pipeline=waiting)
    late = [0.0]
    first = sample.attempt(1, Stop())
    first = replace(first, clock=lambda: time.time() + late[0])
    first_codes: list[int] = []
    thread = threading.Thread(target=lambda: first_codes.append(job.run(first)))
    thread.start()
    while "lease_token" not in sample.item():
        time.sleep(0.02)
    second_codes: list[int] = []
    twin = sample.attempt(1, Stop(), AWS_BATCH_JOB_ID="twin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.lease.POLL_S", 0.1)
        other = threading.Thread(target=lambda: second_codes.append(job.run(twin)))
        other.start()
        time.sleep(0.3)
        late[0] = 25.0  # the first renews, and so shows that it is alive
        other.join(20)
    assert second_codes == [75]
    go.touch()
    thread.join(20)
    assert first_codes == [0]
    assert sample.result() is not None
    assert manifest_versions(sample) == 1


def test_a_dead_container_s_lease_is_taken_over_when_it_has_expired(office: Office) -> None:
    """A container that was killed and started again under the same attempt must not wait for ever."""
    sample = office.sample()
    sample.set(
        lease_attempt={"N": "1"}, lease_token={"S": "dead"}, lease_expires={"N": str(int(time.time()) + 1)}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.lease.POLL_S", 0.3)
        assert job.run(sample.attempt()) == 0
    assert sample.result() is not None


def test_an_unanswering_ledger_ends_the_attempt_when_its_lease_runs_out(office: Office) -> None:
    """An attempt cut off from the ledger cannot know that it is still the one: it must stop by itself."""
    sample = office.sample(pipeline="import time; time.sleep(60)")
    late = [0.0]
    attempt = sample.attempt()
    attempt = replace(attempt, clock=lambda: time.time() + late[0])

    def cut_off(**_: object) -> None:
        raise ConnectionResetError

    def later() -> None:
        while sample.item().get("stage", {}).get("S") is None:
            time.sleep(0.05)
        attempt.clients.dynamodb.meta.events.register("before-call.dynamodb.*", cut_off)
        late[0] = 61.0

    threading.Thread(target=later).start()
    began = time.monotonic()
    assert job.run(attempt) == 75
    assert time.monotonic() - began < 20


def test_results_that_differ_in_number_leave_a_whole_result(office: Office) -> None:
    """An earlier attempt's extra file is no part of the result: the manifest alone says what is."""
    sample = office.sample(pipeline=UNSTEADY)
    stray = b"of an attempt that was killed"
    office.clients.s3.put_object(Bucket=office.results, Key=f"{sample.prefix}extra.txt", Body=stray)
    office.clients.s3.put_object(Bucket=office.results, Key=f"{sample.prefix}report.html", Body=stray)
    assert job.run(quiet_attempt(sample)) == 0
    manifest = sample.result()
    assert manifest is not None
    assert "extra.txt" not in {file["path"] for file in manifest["files"]}
    report = next(file for file in manifest["files"] if file["path"] == "report.html")
    assert report["sha256"] != hashlib.sha256(stray).hexdigest()
