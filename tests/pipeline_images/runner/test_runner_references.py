"""References come to a host once, whole, and stay while they are used."""

import fcntl
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from runner import job
from runner.environment import Reference
from runner.outcome import Failed
from runner.references import SPARE_BYTES, Cache
from runner.stop import Stop

from tests.pipeline_images.runner.faults import Calls, die, in_child
from tests.pipeline_images.runner.office import Office

GENOME = Reference(role="host", name="genome", version="1")


def cache(office: Office, **changed: object) -> Cache:
    settings: dict[str, object] = {
        "folder": office.home / "references",
        "s3": office.clients.s3,
        "bucket": office.references,
        "stop": Stop(),
    }
    return Cache(**(settings | changed))  # type: ignore[arg-type]


def cached(office: Office) -> list[str]:
    folder = office.home / "references"
    return sorted(f"{p.parent.name}/{p.name}" for p in folder.glob("[!.]*/*"))


def test_a_role_s_files_are_where_the_pipeline_looks(office: Office) -> None:
    """A pipeline that finds no database analyses against nothing."""
    with cache(office).hold([GENOME], office.home / "view") as view:
        assert (view / "host" / "genome.fa").read_bytes() == b">chr\nACGTACGT\n"
        assert (view / "host" / "deep" / "notes.txt").stat().st_size == 1000


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        (b"0" * 64 + b"  a\n", "a has SHA-256"),
        (b"", "a is not listed"),
        (b"0" * 64 + b"  b\n", "b is listed but missing"),
        (b"MD5 (a) = 123\n", "sha256sum does not write"),
    ],
)
def test_a_reference_with_wrong_checksums_is_never_used(office: Office, sums: bytes, words: str) -> None:
    """A damaged database gives wrong abundances, and nobody sees it in the report."""
    office.publish_reference("bad", "1", {"a": b"data"}, sums=sums)
    bad = Reference(role="host", name="bad", version="1")
    with pytest.raises(Failed, match=words) as failure, cache(office).hold([bad], office.home / "view"):
        pass
    assert failure.value.code == 78
    assert "bad 1" in str(failure.value)
    assert cached(office) == []
    assert not list((office.home / "references" / ".partial").iterdir())


def test_a_job_with_a_bad_reference_says_so(office: Office) -> None:
    """HQ must hear which version to publish again."""
    office.publish_reference("bad", "1", {"genome.fa": b"x"}, sums=b"0" * 64 + b"  genome.fa\n")
    sample = office.sample()
    assert job.run(sample.attempt(1, REFERENCES=json.dumps({"host": ["bad", "1"]}))) == 78
    code, said = sample.said() or (0, "")
    assert code == 78
    assert "publish it again as a new version" in said


def test_a_version_that_is_not_there_is_named(office: Office) -> None:
    """Replication has no deadline: an office may be told of a version before it has it."""
    absent = Reference(role="host", name="genome", version="2")
    with (
        pytest.raises(Failed, match="genome/2/ has no SHA256SUMS"),
        cache(office).hold([absent], office.home / "v"),
    ):
        pass


def test_two_jobs_fetch_one_reference_once(office: Office) -> None:
    """Ten jobs start on a fresh host: a database of 50 GB must not come ten times."""
    attempts = [office.sample().attempt(1, Stop(), AWS_BATCH_JOB_ID=f"job-{n}") for n in range(3)]
    fetched: list[int] = []
    codes: list[int] = []
    start = threading.Barrier(3)

    def run(attempt: job.Attempt) -> None:
        calls = Calls(attempt)
        start.wait()
        codes.append(job.run(attempt))
        fetched.append(calls.names.count("ListObjectsV2"))

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == [0, 0, 0]
    assert sorted(fetched) == [0, 0, 1]


def test_a_fetch_that_was_killed_is_done_again(office: Office) -> None:
    """Half a database must never be taken for a whole one, nor lock the host for ever."""

    def fetch_and_die() -> int:
        attempt = office.sample().attempt(1, Stop(), SCRATCH=str(office.home))
        Calls(attempt, before=lambda n, name: die() if name == "GetObject" and n > 3 else None)
        return job.run(attempt)

    assert in_child(fetch_and_die) == -9
    assert cached(office) == []
    assert list((office.home / "references" / ".partial").iterdir()), (
        "the kill came too early to prove anything"
    )
    with cache(office).hold([GENOME], office.home / "view") as view:
        assert (view / "host" / "genome.fa").exists()


def full_disk(office: Office, holds: int) -> Callable[[Path], int]:
    """A disk with room for so many versions."""
    return lambda _: SPARE_BYTES + (5000 if len(cached(office)) < holds else 0)


def test_the_longest_unused_version_makes_room(office: Office) -> None:
    """Without eviction a host's disk fills up with old versions until every job fails."""
    for version in ("2", "3"):
        office.publish_reference("genome", version, {"genome.fa": b"ACGT" * 10})
    small = cache(office, free_bytes=full_disk(office, 2))
    for number, version in enumerate(("1", "2", "1", "3")):
        wanted = Reference(role="host", name="genome", version=version)
        with small.hold([wanted], office.home / f"view{number}"):
            pass
    assert cached(office) == ["genome/1", "genome/3"]


def test_a_version_in_use_is_not_evicted(office: Office) -> None:
    """A database that vanishes in the middle of an analysis fails it, or falsifies it."""
    office.publish_reference("genome", "2", {"genome.fa": b"ACGT" * 10})
    small = cache(office, free_bytes=full_disk(office, 1))
    two = Reference(role="host", name="genome", version="2")
    with small.hold([GENOME], office.home / "view1") as view:
        with pytest.raises(Failed, match="No space left on device"), small.hold([two], office.home / "view2"):
            pass
        assert (view / "host" / "genome.fa").exists()
    with small.hold([two], office.home / "view3"):
        assert cached(office) == ["genome/2"]


def test_waiting_for_another_s_fetch_ends_with_sigterm(office: Office) -> None:
    """A job that waits must still leave when Batch says so."""
    locks = office.home / "references" / ".locks" / "genome"
    locks.mkdir(parents=True)
    stop = Stop()
    with (locks / "1").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        threading.Timer(0.3, lambda: stop.ask("stopped by SIGTERM", 143)).start()
        with (
            pytest.raises(Failed, match="SIGTERM"),
            cache(office, stop=stop).hold([GENOME], office.home / "view"),
        ):
            pass
