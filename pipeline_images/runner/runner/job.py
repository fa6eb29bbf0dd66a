"""The story of one attempt: lease, references, stage-in, pipeline, publication; and how each end is told."""

import errno
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from runner import metrics
from runner.after import stage_results
from runner.aws import Clients
from runner.environment import Job
from runner.host import host_of
from runner.lease import Heart, Lease
from runner.manifest import left_by_pipeline, manifest, resources
from runner.members import LIST, stage_members
from runner.outcome import EX_DATAERR, EX_IOERR, EX_SOFTWARE, EX_TEMPFAIL, EX_UNAVAILABLE, Failed, Refused
from runner.pipeline import Folders, pipeline_environment
from runner.publish import AlreadyPublished, Prefix
from runner.references import Cache
from runner.scratch import run_folder
from runner.source import S3Source
from runner.staging import stage
from runner.stop import Stop
from runner.supervise import Ended, supervise


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """All that an attempt touches, so that a test can put something else in its place."""

    job: Job
    clients: Clients
    environ: Mapping[str, str]  # what the pipeline may see of it is decided in `pipeline`
    stop: Stop
    clock: Callable[[], float] = time.time  # epoch seconds
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    beat_s: float = 1.0


def run(attempt: Attempt) -> int:
    """Run the attempt to its end; returns the exit code. Every end but a lost lease is told to the ledger."""
    lease = _lease_of(attempt)
    try:
        lease.take()
        with Heart(lease, attempt.beat_s):
            _work(attempt, lease)
    except AlreadyPublished as published:
        _log(lease, str(published))
    except Exception as error:
        return _tell(lease, *_ending(error))
    return 0


def _work(attempt: Attempt, lease: Lease) -> None:
    job, stop, started = attempt.job, attempt.stop, attempt.clock()
    results = Prefix(
        s3=attempt.clients.s3,
        bucket=job.results_bucket,
        prefix=job.results_prefix,
        stop=stop,
        confirm=lease.ensure,
        metadata={"run-id": job.run_id, "attempt": str(job.attempt)},
    )
    with run_folder(job.scratch, job.job_id) as work:
        if results.published() is not None:
            _log(lease, "is published already")
            return
        folders = Folders.make(work)
        cache = Cache(
            folder=job.scratch / "references",
            s3=attempt.clients.s3,
            bucket=job.references_bucket,
            stop=stop,
            note=lambda detail: lease.note("fetching references", detail),
        )
        lease.note("fetching references")
        with cache.hold(job.references, folders.references):
            input_bytes = _stage(attempt, lease, folders, lambda size: _fits(size, work))
            ended = _pipeline(attempt, lease, folders)
        if job.members is not None:
            shutil.copyfile(folders.input / LIST, folders.output / LIST)
        lease.note("publishing results")
        files = results.put_files(folders.output)
        document = manifest(
            job,
            files=files,
            input_bytes=input_bytes,
            tools=left_by_pipeline(folders.meta, "tools.json"),
            resources=resources(
                ended.usage,
                input_bytes=input_bytes,
                output_bytes=sum(file.size for file in files),
                requests=attempt.clients.requests.made(),
                left=left_by_pipeline(folders.meta, "resources.json"),
            ),
            host=lease.host,
            started=started,
            published=attempt.clock(),
        )
        # Everything is there: even after a SIGTERM, one call more makes a result of it.
        ours = results.put_manifest(document)
        _log(lease, f"published {len(files)} files" if ours else "another attempt has published this run")
        if ours:
            _measured(metrics.line(job, ended.usage, attempt.clock()))


def _stage(attempt: Attempt, lease: Lease, folders: Folders, fits: Callable[[int], None]) -> int:
    """Fetch what the run is made of; returns its bytes."""
    job, s3, stop = attempt.job, attempt.clients.s3, attempt.stop
    size = 0
    if job.members is not None:
        lease.note("fetching the results of the project's samples")
        size = stage_members(s3, job.results_bucket, job.members, folders.input, stop, fits)
    if job.upload is not None:
        lease.note("unpacking the upload")
        source = S3Source.open(s3, job.upload.bucket, job.upload.key, job.upload.version_id)
        fits(source.size)
        staged = stage(source, folders.input, stop)
        size = source.size
        _log(lease, f"staged {len(staged)} files of {job.upload.key}")
    if job.after is not None:
        lease.note("fetching the results of the run before")
        stage_results(s3, job.results_bucket, job.after, folders.after, stop, fits)
    return size


def _pipeline(attempt: Attempt, lease: Lease, folders: Folders) -> Ended:
    """Run it; raises `Refused` for bad input, `Failed` with its last words for every other end."""
    job = attempt.job
    lease.note("analysing")
    ended = supervise(
        [*job.command, str(folders.input), str(folders.output)],
        environ=pipeline_environment(
            attempt.environ,
            folders,
            references=folders.references,
            after=folders.after,
            threads=job.vcpus,
            memory_mib=job.memory_mib,
        ),
        folder=folders.scratch,
        disk=folders.scratch.parent,
        stop=attempt.stop,
        heard=lambda line: lease.note("analysing", line),
    )
    attempt.stop.check()
    if ended.code:
        raise Failed(ended.words, ended.code)
    return ended


def _ending(error: Exception) -> tuple[int, str]:
    """The exit code and the sentence for an error. The unforeseen is told with its type."""
    match error:
        case Refused():
            return EX_DATAERR, str(error)
        case Failed():
            return error.code, str(error)
        case BotoCoreError() | ClientError():
            return EX_UNAVAILABLE, f"AWS did not do its part: {error}"
        case OSError(errno=errno.ENOSPC):
            return EX_IOERR, f"No space left on device: {error.filename or 'the scratch disk'} is full"
        case OSError():
            return EX_IOERR, f"reading or writing failed: {error}"
        case _:
            return EX_SOFTWARE, f"the runner met something unforeseen: {type(error).__name__}: {error}"


def _tell(lease: Lease, code: int, sentence: str) -> int:
    word = {EX_DATAERR: "refused", EX_TEMPFAIL: "stopped"}.get(code, "failed")
    _log(lease, f"{word}: {sentence}")
    if code != EX_TEMPFAIL:
        try:
            lease.say(code, sentence)
        except (BotoCoreError, ClientError) as error:  # the exit code still tells the most
            _log(lease, f"the ledger could not be told: {error}")
    return code


def _lease_of(attempt: Attempt) -> Lease:
    return Lease(
        dynamodb=attempt.clients.dynamodb,
        table=attempt.job.ledger,
        run_id=attempt.job.run_id,
        attempt=attempt.job.attempt,
        token=attempt.token,
        stop=attempt.stop,
        clock=attempt.clock,
        host=host_of(attempt.job.scratch),
    )


def _fits(input_bytes: int, work: Path) -> None:
    free = shutil.disk_usage(work).free
    if input_bytes > free:
        raise Failed(f"No space left on device: the input has {input_bytes} bytes, {free} are free", EX_IOERR)


def _log(lease: Lease, sentence: str) -> None:
    """With the run's id, as each line of the functions' logs: by it all of them are found."""
    words = sentence.replace(os.linesep, " ")
    print(f"{lease.run_id} attempt {lease.attempt}: {words}", file=sys.stderr, flush=True)


def _measured(line: str) -> None:
    print(line, flush=True)
