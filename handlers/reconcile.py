"""Reconcile: every five minutes, what fell between is found and mended.

It compares the uploads with the ledger, the ledger with AWS Batch, and what was told with what is. Each
step can be done twice without harm, goes page by page, and ends when the function's time is up; the next
one goes on from there. What was mended is counted, and the counts are metrics.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handlers import budget, cohort, erasure, ledger, outbox, passport, passport_key, standing
from handlers.announce import announce
from handlers.context import Context, epoch, iso, office_context
from handlers.failures import End
from handlers.follow_on import start_follow_ons
from handlers.intake import take_in
from handlers.job import Job, job_of
from handlers.keys import Mistake, Sample, parse
from handlers.log import about, logger, one_by_one
from handlers.metrics import publish_counts
from handlers.progress import ENDED, follow, move
from handlers.project import Project
from handlers.run import RECEIVED, RUNNING, Run
from handlers.status import write_mistake
from handlers.submit import ensure_submitted, job_by_name, stop_job
from handlers.upload import Notice

# Younger than this, an event may still be on its way, or a function at work on it.
GRACE_S = 300
RUNNABLE_LIMIT_S = 1800
# A runner renews its lease of 60 s every 20 s: after this long it is not slow but gone.
SILENT_S = 900
STOP_WITH_S_LEFT = 20.0
DESCRIBE_AT_ONCE = 100
PAGE = 500
_CURSOR = "reconcile-uploads"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is wrong with an open run, as the name of the metric that counts it."""

    name: str


def finding(run: Run, job: Job | None, now_s: float, updated_s: float) -> Finding | None:
    """What is to be mended about an open run, given its current job (None: Batch has none).

    `now_s` and `updated_s`, the run's last transition, are epoch seconds.
    """
    quiet = now_s - updated_s >= GRACE_S
    if run.terminal or (run.state == RECEIVED and not run.attempt.job_id and job is None):
        if run.state == RECEIVED:
            due = run.attempt.not_before <= now_s
            return Finding(name="ClaimsWithoutJob") if due and (quiet or run.attempt.not_before) else None
        if quiet and run.announced < run.revision:
            return Finding(name="Unannounced")
        return Finding(name="FollowOnMissing") if quiet and run.follow_due else None
    if job is None:
        return Finding(name="JobsLost") if quiet else None
    if job.status in ENDED:
        return Finding(name="JobsEndedUnseen") if quiet else None
    if job.status == "RUNNABLE" and now_s - job.created >= RUNNABLE_LIMIT_S:
        return Finding(name="RunnableTooLong")
    if job.status == "RUNNING" and run.lease_expires and now_s - run.lease_expires >= SILENT_S:
        return Finding(name="LeasesExpired")
    if (job.status == "RUNNING") != (run.state == RUNNING) and quiet:
        return Finding(name="StatesBehind")
    return Finding(name="Unannounced") if quiet and run.announced < run.revision else None


def reconcile(context: Context) -> None:
    """One round: first how the office stands, then the runs that are open, passports, the projects whose
    cohort is due, and as many uploads as time allows.
    """
    _guarded(context, "standing", lambda: standing.look(context))
    _guarded(context, "budgets", lambda: budget.watch(context))
    busy: set[Project] = set()
    stopped: set[str] = set()  # projects whose budget had no room in this round
    for runs in _in_batches(_open(context), DESCRIBE_AT_ONCE):
        jobs = _jobs_of(context, runs)
        for run in runs:
            if _time_is_up(context):
                return
            if not run.terminal:
                busy.add(Project(pipeline=run.sample.pipeline, name=run.sample.project))
            if run.held and not run.terminal:
                _guarded(context, run.run_id, lambda run=run: _held(context, run, stopped))
                continue
            _guarded(context, run.run_id, lambda run=run, jobs=jobs: _mend(context, run, jobs))
    _passports(context)
    cohort.start_due(context, busy, lambda: _time_is_up(context))
    _uploads(context)


def _held(context: Context, run: Run, stopped: set[str]) -> None:
    """A run that waits for room in its project's budget: begin it if there is, else see that it is told."""
    about(run.run_id)
    begun = None if run.sample.project in stopped else budget.release(context, run)
    if begun is not None:
        context.counts["RunsReleased"] += 1
        logger.info("released", run_id=run.run_id, charged=begun.charged)
        announce(context, ensure_submitted(context, begun))
        return
    if run.sample.project not in stopped:
        stopped.add(run.sample.project)
        budget.tell_stopped(context, run)
    announce(context, run)


def _passports(context: Context) -> None:
    """The key that verifies them, passports that nobody signed when their runs succeeded, and tombstones."""
    _guarded(context, "passport key", lambda: passport_key.publish(context))
    for due in outbox.all_due(context, outbox.PASSPORT):
        if _time_is_up(context):
            return
        run_id = due.pk.removeprefix("run#")
        run = ledger.read_run(context, run_id)
        if run is not None and run.passport_due and context.clock() - epoch(run.updated) >= GRACE_S:
            context.counts["PassportsMissing"] += 1
            _guarded(context, run_id, lambda run=run: _sign(context, run))
    for due in outbox.all_due(context, outbox.TOMBSTONE):
        if _time_is_up(context):
            return
        _guarded(context, due.sk, lambda due=due: erasure.sign_tombstone(context, due))


def _sign(context: Context, run: Run) -> None:
    about(run.run_id)
    passport.sign(context, run)


def _open(context: Context) -> Iterator[Run]:
    for run_id in ledger.open_runs(context):
        run = ledger.read_run(context, run_id)  # the index lags behind; the run itself is read as it is
        if run is not None and (not run.terminal or run.announced < run.revision or run.follow_due):
            yield run


def _jobs_of(context: Context, runs: list[Run]) -> dict[str, Job]:
    ids = [run.attempt.job_id for run in runs if run.attempt.job_id and not run.terminal]
    if not ids:
        return {}
    described = context.clients.batch.describe_jobs(jobs=ids)["jobs"]
    return {job.job_id: job for job in map(job_of, described) if job is not None}


def _mend(context: Context, run: Run, jobs: Mapping[str, Job]) -> None:
    about(run.run_id)
    job = jobs.get(run.attempt.job_id or "")
    found = finding(run, job, context.clock(), epoch(run.updated))
    if found is None:
        return
    context.counts[found.name] += 1
    logger.info("mending", run_id=run.run_id, finding=found.name, state=run.state)
    match found.name, job:
        case "ClaimsWithoutJob", _:
            announce(context, ensure_submitted(context, run))
        case "JobsLost", _:
            follow(context, _lost(context, run))
        case "RunnableTooLong", Job():
            move(context, job)
        case "LeasesExpired", Job():
            stop_job(context, job.job_id, "its runner has not renewed its lease for a quarter of an hour")
        case (("JobsEndedUnseen" | "StatesBehind"), Job()):
            follow(context, job)
        case _:
            announce(context, run)
            start_follow_ons(context, run)


def _lost(context: Context, run: Run) -> Job:
    """A job that Batch no longer has (it keeps ended ones for a week): failed, unless results are there."""
    return Job(
        run_id=run.run_id,
        attempt=run.attempt.number,
        job_id=run.attempt.job_id or job_by_name(context, run.job_name()) or "none",
        queue="",
        status="FAILED",
        end=End(status_reason="InternalError: AWS Batch no longer knows the job"),
        created=0,
    )


def _uploads(context: Context) -> None:
    """Uploads without a run: the newest version of each key against its sample's item."""
    cursor = ledger.read_note(context, _CURSOR) or ""
    arguments = {"Bucket": context.office.uploads, "MaxKeys": PAGE}
    if cursor:
        arguments["KeyMarker"] = cursor
    while not _time_is_up(context):
        page = context.clients.s3.list_object_versions(**arguments)
        for version in page.get("Versions", []):
            if _time_is_up(context):
                return
            if version["IsLatest"] and context.clock() - version["LastModified"].timestamp() >= GRACE_S:
                _guarded(context, version["Key"], lambda v=version: _upload(context, v))
        if not page.get("IsTruncated"):
            ledger.write_note(context, _CURSOR, "")
            return
        arguments["KeyMarker"] = page["NextKeyMarker"]
        if "NextVersionIdMarker" in page:
            arguments["VersionIdMarker"] = page["NextVersionIdMarker"]
        # Without the version's marker, the next round begins after this key: it has seen its newest version.
        ledger.write_note(context, _CURSOR, page["NextKeyMarker"])


def _upload(context: Context, version: Mapping[str, Any]) -> None:
    place = parse(version["Key"], context.office.releases)
    if isinstance(place, Mistake):
        write_mistake(context, place, iso(version["LastModified"].timestamp()))
    if not isinstance(place, Sample):
        return
    newest = ledger.read_newest(context, place)
    if newest and newest.after_run and newest.uploaded > iso(version["LastModified"].timestamp()):
        return  # the reads of a newer run of its predecessor have taken its place
    if newest is None or newest.version_id != version["VersionId"]:
        context.counts["UploadsWithoutRun"] += 1
        logger.info("an upload without a run", key=version["Key"], version_id=version["VersionId"])
        take_in(
            context,
            Notice(bucket=context.office.uploads, key=version["Key"], version_id=version["VersionId"]),
        )


def _guarded(context: Context, name: str, mend: Any) -> None:
    """One thing that cannot be mended must not keep the others from it."""
    with one_by_one():
        try:
            mend()
        except Exception as error:  # counted, and tried again in five minutes
            context.counts["NotMended"] += 1
            logger.exception("could not be mended", thing=name, reason=str(error))


def _in_batches(runs: Iterator[Run], size: int) -> Iterator[list[Run]]:
    batch: list[Run] = []
    for run in runs:
        batch.append(run)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _time_is_up(context: Context) -> bool:
    return context.time_left() < STOP_WITH_S_LEFT


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:  # noqa: ARG001
    """The schedule's event says nothing; the answer is what was mended."""
    reconcile(context)
    return dict(context.counts)


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    context = office_context().until(lambda_context)
    try:
        return handle(event, context)
    finally:
        publish_counts(context)
