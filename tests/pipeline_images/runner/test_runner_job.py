"""One attempt from the upload to its manifest, and every way it can end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from runner import job
from runner.outcome import TERMINATED
from runner.stop import Stop
from runner.supervise import supervise

from tests.pipeline_images.runner.office import FASTQ, PIPELINE, Office, Sample, tar_of

RUNNER = Path(__file__).parents[3] / "pipeline_images" / "runner"


def left_on_scratch(office: Office) -> list[str]:
    runs = office.home / "scratch" / "runs"
    return sorted(path.name for path in runs.iterdir()) if runs.exists() else []


def test_a_sample_becomes_a_whole_result(office: Office) -> None:
    """Without this a branch gets nothing."""
    sample = office.sample()
    assert job.run(sample.attempt()) == 0
    manifest = sample.result()
    assert manifest is not None
    assert [file["path"] for file in manifest["files"]] == ["report.html", "tables/reads.tsv"]
    assert manifest["run_id"] == sample.run_id
    assert manifest["attempt"] == 1
    assert manifest["upload"]["version_id"] == sample.version_id
    assert manifest["upload"]["size"] == manifest["resources"]["input_bytes"] > 0
    assert manifest["references"] == {"host": {"name": "genome", "version": "1"}}
    assert manifest["tools"] == {"counter": "1.0"}
    assert {"wall_s", "cpu_s", "max_rss_mib", "output_bytes"} <= manifest["resources"].keys()
    assert sample.objects()["tables/reads.tsv"] == b"reads\t400\n"
    assert sample.said() is None
    assert left_on_scratch(office) == []


def test_a_browser_shows_the_report(office: Office) -> None:
    """A report served as binary is downloaded, not read."""
    sample = office.sample()
    job.run(sample.attempt())
    head = office.clients.s3.head_object(
        Bucket=office.results, Key=f"{sample.prefix}report.html", ChecksumMode="ENABLED"
    )
    assert head["ContentType"] == "text/html; charset=utf-8"
    assert head["ChecksumSHA256"]
    assert head["Metadata"] == {"run-id": sample.run_id, "attempt": "1"}


def test_a_job_that_published_writes_what_it_used_as_metrics(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """The office's dashboard would show no job, and nobody would see how much of its memory is used."""
    sample = office.sample()
    assert job.run(sample.attempt()) == 0
    printed = capsys.readouterr()
    [told] = [json.loads(line) for line in printed.out.splitlines() if line.startswith('{"_aws"')]
    [directive] = told["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("GlobalBI", [["office"]])
    assert {each["Name"] for each in directive["Metrics"]} == {"PipelineSeconds", "PeakMemoryPercent"}
    run_id = sample.environ()["RUN_ID"]
    assert told["run_id"] == run_id
    assert told["PipelineSeconds"] >= 0
    # A process of the pipeline that was forked and not yet replaced is as large as the one that tests.
    manifest = sample.result()
    assert manifest is not None
    assert told["PeakMemoryPercent"] == round(100 * manifest["resources"]["max_rss_mib"] / 1000, 1)
    assert all(line.startswith(f"{run_id} attempt 1: ") for line in printed.err.splitlines())


@pytest.mark.parametrize(
    ("archive", "sentence"),
    [
        (b"", "the file is empty (0 bytes); upload input.tar again"),
        (tar_of({}), "the tar is empty"),
        (tar_of({"reads.fastq": FASTQ})[:3000], "cut short"),
        (b"hello" * 1000, "the file is not a tar archive; pack the FASTQ files as a plain tar"),
        (tar_of({"../x.fastq": FASTQ}), "'../x.fastq' has an empty, . or .. part"),
        (tar_of({"notes.txt": b"x"}), "no reads in the upload"),
    ],
)
def test_bad_input_ends_with_65_and_a_sentence(office: Office, archive: bytes, sentence: str) -> None:
    """Without the sentence a branch does not know what to upload instead, and uploads the same again."""
    sample = office.sample(archive)
    assert job.run(sample.attempt()) == 65
    code, said = sample.said() or (0, "")
    assert code == 65
    assert sentence in said
    assert "\n" not in said
    assert sample.objects() == {}
    assert left_on_scratch(office) == []


@pytest.mark.parametrize(
    ("pipeline", "code", "words"),
    [
        (
            "import sys; print('kraken2: no database', file=sys.stderr); sys.exit(3)",
            3,
            "kraken2: no database",
        ),
        ("import sys; sys.exit(7)", 7, "exit code 7"),
        ("import os; os.kill(os.getpid(), 9)", 137, "out of memory"),
        ("import os; os.kill(os.getpid(), 11)", 139, "SIGSEGV"),
        ("pass", 70, "left no results"),
        ("import sys, os; os.symlink('/etc/passwd', sys.argv[2] + '/x')", 70, "not a regular file"),
        ("import sys; open(sys.argv[2] + '/manifest.json', 'w').write('{}')", 70, "the platform's own"),
        ("import sys; open(sys.argv[2] + '/passport.json', 'w').write('{}')", 70, "the platform's own"),
        ("import sys; sys.stderr.write('é' * 5000 + chr(27) + '[31m end'); sys.exit(1)", 1, "end"),
    ],
)
def test_a_failure_is_told_with_the_pipeline_s_last_words(
    office: Office, pipeline: str, code: int, words: str
) -> None:
    """Whoever is called at night needs the reason, and the ladder of attempts needs the right code."""
    sample = office.sample(pipeline=pipeline)
    assert job.run(sample.attempt()) == code
    said_code, said = sample.said() or (0, "")
    assert said_code == code
    assert words in said
    assert len(said) <= 500
    assert said.isprintable()
    assert sample.objects() == {}


def test_no_credentials_reach_the_pipeline(office: Office) -> None:
    """A tool that a hostile file takes over must not find the keys to every sample of the office."""
    pipeline = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[2] + '/env.json', 'w'))"
    sample = office.sample(pipeline=pipeline)
    secret = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "ECS_AGENT_URI": "x",
    }
    assert job.run(sample.attempt(1, Stop(), **secret)) == 0
    seen = json.loads(sample.objects()["env.json"])
    assert not [name for name in seen if name.startswith(("AWS_", "ECS_"))]
    assert seen["THREADS"] == "2"
    assert seen["MEMORY_MIB"] == "1000"


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def waiting_pipeline(home: Path) -> str:
    """Says that it runs, waits for a sign, and then analyses."""
    return (
        f"import pathlib, time, os\nhome, attempt = pathlib.Path({str(home)!r}), os.environ['ATTEMPT']\n"
        "(home / f'at-{attempt}.new').write_text(str(os.getpid()))\n"
        "(home / f'at-{attempt}.new').rename(home / f'at-{attempt}')\n"
        "while not (home / f'go-{attempt}').exists(): time.sleep(0.02)\n" + PIPELINE
    )


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_sigterm_ends_the_pipeline_and_is_told(office: Office) -> None:
    """Spot reclaims come with SIGTERM: the next attempt needs the reason, the host its disk and its CPUs."""
    sample = office.sample(pipeline=waiting_pipeline(office.home))
    environ = {**os.environ, **sample.environ(), "PYTHONPATH": str(RUNNER)}
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "job"], env=environ, stderr=subprocess.PIPE, text=True
    )
    wait_for(office.home / "at-1")
    process.terminate()
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == TERMINATED
    assert sample.said() == (TERMINATED, "stopped by SIGTERM")
    assert stderr.splitlines()[-1] == f"{sample.environ()['RUN_ID']} attempt 1: failed: stopped by SIGTERM"
    assert gone(int((office.home / "at-1").read_text()))
    assert left_on_scratch(office) == []
    assert sample.objects() == {}


def test_a_pipeline_that_ignores_sigterm_is_killed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch kills the whole container 30 s after SIGTERM; the ledger must hear of it before."""
    monkeypatch.setattr("runner.job.supervise", partial(supervise, grace_s=0.3))
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + waiting_pipeline(office.home)
    sample = office.sample(pipeline=deaf)
    attempt = sample.attempt()
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(job.run(attempt)))
    thread.start()
    wait_for(office.home / "at-1")
    attempt.stop.ask("stopped by SIGTERM", TERMINATED)
    thread.join(timeout=20)
    assert codes == [TERMINATED]
    assert gone(int((office.home / "at-1").read_text()))


def test_a_killed_attempt_s_data_do_not_fill_the_disk(office: Office) -> None:
    """A host that fills up with the dead fails every sample that comes to it."""
    sample = office.sample(pipeline=waiting_pipeline(office.home))
    environ = {**os.environ, **sample.environ(), "PYTHONPATH": str(RUNNER)}
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "job"], env=environ, stderr=subprocess.DEVNULL
    )
    wait_for(office.home / "at-1")
    process.kill()
    process.wait()
    os.kill(int((office.home / "at-1").read_text()), signal.SIGKILL)  # in a container the kernel does this
    assert left_on_scratch(office) != []
    sample.next_attempt(2)
    (office.home / "go-2").touch()
    assert job.run(sample.attempt(2)) == 0
    assert sample.result() is not None
    assert left_on_scratch(office) == []


def test_the_second_attempt_of_a_published_run_does_no_work(office: Office) -> None:
    """An attempt that published and was lost before it could say so would be paid for twice."""
    sample = office.sample()
    assert job.run(sample.attempt()) == 0
    before = sample.objects()
    sample.next_attempt(2)
    sample.pipeline = "raise SystemExit('must not run')"
    assert job.run(sample.attempt(2)) == 0
    assert sample.objects() == before


def test_the_environment_s_faults_are_told_at_once(office: Office, capfd: pytest.CaptureFixture[str]) -> None:
    """One fault told at a time costs one deployment each."""
    environ = office.sample().environ()
    del environ["OFFICE"]
    environ |= {"RUN_ID": "x", "ATTEMPT": "0", "REFERENCES": '{"host": ["../x", "1"]}', "VCPUS": "two"}
    process = subprocess.run(
        [sys.executable, "-m", "runner", "job"],
        env={**environ, "PYTHONPATH": str(RUNNER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 78
    for name in (
        "OFFICE is missing",
        "RUN_ID must be",
        "ATTEMPT must be",
        "REFERENCES must",
        "VCPUS must be",
    ):
        assert name in process.stderr
    assert len(process.stderr.splitlines()) == 1


def test_progress_reaches_the_ledger(office: Office) -> None:
    """A branch that sees nothing for an hour uploads again."""
    sample = office.sample(pipeline="print('aligning lane 1', flush=True)\n" + waiting_pipeline(office.home))
    attempt = sample.attempt()
    late = [0.0]
    attempt = replace(attempt, clock=lambda: time.time() + late[0])
    thread = threading.Thread(target=lambda: job.run(attempt))
    thread.start()
    wait_for(office.home / "at-1")
    late[0] = 11.0
    deadline = time.monotonic() + 10
    while sample.item()["stage_detail"] != {"S": "aligning lane 1"}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert sample.item()["stage"] == {"S": "analysing"}
    (office.home / "go-1").touch()
    thread.join(timeout=20)
    assert sample.result() is not None


def take_over(office: Office, sample: Sample) -> tuple[threading.Thread, list[int], job.Attempt, list[float]]:
    """Start attempt 1 in a thread, up to the middle of its pipeline; its clock can be put forward."""
    late = [0.0]
    attempt = sample.attempt(1, Stop())
    attempt = replace(attempt, clock=lambda: time.time() + late[0])
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(job.run(attempt)))
    thread.start()
    wait_for(office.home / "at-1")
    return thread, codes, attempt, late


def test_a_newer_attempt_takes_over_and_the_older_stops(office: Office) -> None:
    """Two attempts that both work cost double; two that both publish mix their results."""
    sample = office.sample(pipeline=waiting_pipeline(office.home))
    thread, codes, _, late = take_over(office, sample)
    sample.next_attempt(2)
    (office.home / "go-2").touch()
    assert job.run(sample.attempt(2)) == 0
    late[0] = 25.0  # the older one's renewal is due
    thread.join(timeout=20)
    assert codes == [75]
    assert gone(int((office.home / "at-1").read_text()))
    manifest = sample.result()
    assert manifest is not None
    assert manifest["attempt"] == 2
    assert sample.said() is None, "an attempt that lost its lease must not speak for the run"


def test_a_superseded_run_never_publishes(office: Office) -> None:
    """The branch uploaded something newer: the old result must not appear as the latest."""
    sample = office.sample(pipeline=waiting_pipeline(office.home))
    thread, codes, _, _ = take_over(office, sample)
    sample.set(state={"S": "superseded"})
    (office.home / "go-1").touch()
    thread.join(timeout=20)
    assert codes == [75]
    assert "manifest.json" not in sample.objects()


@pytest.mark.parametrize("state", ["succeeded", "failed", "rejected", "superseded"])
def test_a_finished_run_is_not_worked_on(office: Office, state: str) -> None:
    """A duplicate job of a finished run must cost nothing and change nothing."""
    sample = office.sample()
    sample.set(state={"S": state})
    assert job.run(sample.attempt()) == 75
    assert sample.objects() == {}


def test_a_job_of_another_attempt_than_the_ledger_s_stops(office: Office) -> None:
    """A job that was submitted twice, or comes late, must not work beside the right one."""
    sample = office.sample()
    sample.next_attempt(3)
    assert job.run(sample.attempt(2)) == 75
    assert job.run(sample.attempt(4)) == 75
    assert sample.objects() == {}
