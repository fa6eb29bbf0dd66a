"""Progress: what AWS Batch says of a job becomes a transition of its run.

State changes come at least once and in any order. A run only moves forward, attempt by attempt; what an
event says of an earlier attempt, or of a run at its end, changes nothing. When a job has ended, the
manifest decides what came of it, and the ladder what follows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers import budget, delivery_ledger, failures, forecast, history, ledger, passport
from handlers.announce import announce
from handlers.context import Context, iso, office_context
from handlers.follow_on import follow_ons, start_follow_ons
from handlers.job import QUEUE_BLOCKED, STATE_CHANGE, Job, job_of
from handlers.ladder import Again, Over, next_step
from handlers.log import about, logger
from handlers.manifest import Missing, Published, look_for
from handlers.metrics import attempts_failed, publish_counts
from handlers.project import joining
from handlers.records import each_record
from handlers.run import ON_DEMAND, RECEIVED, REJECTED, RUNNING, SUBMITTED, SUCCEEDED, Attempt, Run
from handlers.submit import ensure_submitted, stop_job, turned

ENDED = ("SUCCEEDED", "FAILED")
MAX_TRIES = 8


@dataclass(frozen=True, kw_only=True)
class Unknown(Exception):
    """A job of a run that the ledger does not have: kept in the queue, then in its dead-letter queue."""

    run_id: str

    def __str__(self) -> str:
        return f"the ledger has no run {self.run_id}; was the table restored to an earlier time?"


def after_event(
    run: Run,
    job: Job,
    results: Published | Missing | None,
    budgets: Mapping[str, int],
    now_s: float,
    needed_mib: int | None = None,
) -> Run | None:
    """The run as this event makes it; None: no change. `results` is given when the job has ended."""
    if run.terminal:
        return None
    if isinstance(results, Published):
        return _succeeded(run, job, results, now_s)
    if job.attempt != run.attempt.number:
        return None
    if run.attempt.job_id not in (None, job.job_id):
        return (
            None  # a second job of the same attempt, made by a lost reply: the runner's lease keeps it idle
        )
    adopted = replace(
        run,
        attempts=run.with_attempt(
            job.attempt, job_id=job.job_id, submitted=run.attempt.submitted or iso(now_s)
        ),
    )
    if isinstance(results, Missing):
        return _failed(adopted, job, results, budgets, now_s, needed_mib)
    state = RUNNING if job.status == "RUNNING" else SUBMITTED
    if run.is_ahead_of(state):
        return None
    if state == SUBMITTED:
        return adopted.moved(SUBMITTED, iso(now_s), message=f"Waiting for {_instance(run)}.", what_to_do=None)
    attempts = adopted.with_attempt(job.attempt, started=job.started or iso(now_s))
    return adopted.moved(
        RUNNING,
        iso(now_s),
        attempts=attempts,
        message=f"The analysis is running on {_instance(run)}.",
        what_to_do=None,
    )


def _instance(run: Run) -> str:
    return "an on-demand instance" if run.attempt.queue == ON_DEMAND else "a Spot instance"


def _succeeded(run: Run, job: Job, results: Published, now_s: float) -> Run:
    number = results.attempt
    known = {each.number for each in run.attempts}
    attempts = run.attempts
    if number in known:
        decision = "Published the results."
        if job.status == "FAILED" and job.attempt == number:
            decision += f" The job was reported as failed all the same: {job.end.words}"
        times = {"started": job.started, "ended": job.stopped} if job.attempt == number else {}
        attempts = run.with_attempt(number, decision=decision, **{k: v for k, v in times.items() if v})
    return run.moved(
        SUCCEEDED,
        iso(now_s),
        attempts=attempts,
        report=results.report,
        passport_due=True,
        used=results.used,
        peak_mib=results.peak_mib,
        shared=results.shared,
        message="The results are ready."
        if run.members is None
        else f"The comparison of the project's {run.members.count} samples is ready.",
        what_to_do="Open report.html first; the files are listed in manifest.json."
        if results.report
        else None,
    )


def _failed(
    run: Run,
    job: Job,
    missing: Missing,
    budgets: Mapping[str, int],
    now_s: float,
    needed_mib: int | None,
) -> Run:
    said = run.said_of(job.attempt)
    end = replace(job.end, said=said.message if said else "")
    if job.status == "SUCCEEDED":
        end = replace(end, container_reason=f"the job says it succeeded, but {missing.reason}", exit_code=0)
        failure = failures.UNKNOWN
    else:
        if end.exit_code is None and said:
            end = replace(end, exit_code=said.code)
        failure = failures.classify(end)
    step = next_step(run, failure, end, budgets, now_s, needed_mib)
    reason = end.words + (f": {end.said}" if end.said else "")
    attempts = run.with_attempt(
        job.attempt,
        ended=job.stopped or iso(now_s),
        started=job.started or run.attempt.started,
        failure=failure,
        reason=reason[:1000],
        decision=step.decision,
    )
    return _stepped(replace(run, attempts=attempts), step, end, now_s)


def _stepped(run: Run, step: Again | Over, end: failures.End, now_s: float) -> Run:
    match step:
        case Again():
            return run.moved(
                RECEIVED,
                iso(now_s),
                attempts=(*run.attempts, step.attempt),
                message=f"{step.decision}.",
                what_to_do=None,
                turn_expires=0,
            )
        case Over(state=state):
            told = end.said if state == REJECTED and end.said else None
            return run.moved(
                state,
                iso(now_s),
                message=told or _last_words(state, end, step),
                what_to_do=step.what_to_do,
            )


def _last_words(state: str, end: failures.End, step: Over) -> str:
    if state == REJECTED:
        return "The pipeline refused the upload without saying why; its log has more."
    return f"The analysis failed: {(end.said or end.words).rstrip('.')}. {step.decision}"


def after_blocked(run: Run, job: Job, now_s: float) -> Run | None:
    """The run when its job blocks its queue, or has waited too long: on to the on-demand queue.

    A job that waits there already stays, and HQ is told why it waits.
    """
    current = run.attempt
    if run.terminal or run.state == RUNNING or job.attempt != current.number:
        return None
    if current.job_id not in (None, job.job_id):
        return None
    why = job.end.status_reason or "no instance was to be had for a long time"
    if current.queue == ON_DEMAND:
        message = f"Waiting for an on-demand instance: {why}"
        if run.message == message:
            return None
        return run.moved(run.state, iso(now_s), message=message)
    decision = "No Spot instance was to be had: moved to on-demand instances"
    attempts = run.with_attempt(
        current.number,
        job_id=job.job_id,
        ended=iso(now_s),
        failure=failures.CAPACITY,
        reason=why,
        decision=decision,
    )
    moved = Attempt(
        number=current.number + 1,
        queue=ON_DEMAND,
        vcpus=current.vcpus,
        memory_mib=current.memory_mib,
        scratch_gib=current.scratch_gib,
        time_limit_s=current.time_limit_s,
    )
    return run.moved(
        RECEIVED,
        iso(now_s),
        attempts=(*attempts, moved),
        message=f"{decision} ({why}).",
        what_to_do=None,
        turn_expires=0,
    )


def follow(context: Context, job: Job) -> Run:
    """Bring what is known of a job into the ledger, and do what follows; returns the run as it is then."""

    def decide(run: Run) -> Run | None:
        results = look_for(context, run) if job.status in ENDED and not run.terminal else None
        needed = _needed_mib(context, run, job) if isinstance(results, Missing) else None
        after = after_event(run, job, results, context.office.budgets, context.clock(), needed)
        if after is not None and after.state == SUCCEEDED:
            followed = bool(follow_ons(context.office.releases, run.sample.pipeline))
            after = replace(after, follow_due=followed or delivery_ledger.owed(context, run))
        return after

    before, after = _transition(context, job.run_id, decide)
    if after.state == SUCCEEDED and before is not after:
        _stop_others(context, after, job)
    return _what_follows(context, before, after)


def _needed_mib(context: Context, run: Run, job: Job) -> int | None:
    """What the ladder goes by when memory was too little."""
    release = context.office.releases.get(run.sample.pipeline)
    if release is None or failures.classify(job.end) != failures.MEMORY:
        return None
    finished = history.read(context, run.sample.pipeline)
    return forecast.needed_mib(run.size, list(finished.values()), release.memory_mib.of)


def move(context: Context, job: Job) -> Run:
    """Take a job off a queue where it gets no instance."""
    before, after = _transition(context, job.run_id, lambda run: after_blocked(run, job, context.clock()))
    context.counts["JobsMoved"] += before is not after and after.attempt.number > job.attempt
    return _what_follows(context, before, after)


def _what_follows(context: Context, before: Run, after: Run) -> Run:
    """Submit a due attempt and announce: done again, without harm, whenever the event comes again."""
    fresh = before is not after and after.attempt.number > before.attempt.number
    after = ensure_submitted(context, after, fresh=fresh)
    passport.try_to_sign(context, after)  # before its success is told: a delivery may name it
    announce(context, after)
    start_follow_ons(context, after)
    return after


def _transition(context: Context, run_id: str, decide: Callable[[Run], Run | None]) -> tuple[Run, Run]:
    """Read, decide, write on condition, until that goes through. The same object twice if nothing changed."""
    for _ in range(MAX_TRIES):
        run = ledger.read_run(context, run_id)
        if run is None:
            raise Unknown(run_id=run_id)
        after = decide(run)
        if after is None:
            return run, run
        if after.attempt.number > run.attempt.number and after.attempt.not_before == 0:
            after = turned(after, context)
        beside = joining(context, after) if after.state == SUCCEEDED else ()
        beside += budget.parts(context, ends=after) if after.terminal else ()
        if ledger.advance(context, after, *beside):
            logger.info(
                "moved", run_id=run_id, state=after.state, attempt=after.attempt.number, why=after.message
            )
            context.counts[f"Runs{after.state.capitalize()}"] += 1
            for failure in _new_failures(run, after):
                context.counts[attempts_failed(failure)] += 1
            if after.attempt.number > run.attempt.number:
                context.counts["Retries"] += 1
            return run, after
    raise ledger.Contended(f"run {run_id} changed {MAX_TRIES} times while an event of it was handled")


def _new_failures(before: Run, after: Run) -> list[str]:
    known = {each.number for each in before.attempts if each.failure}
    return [each.failure for each in after.attempts if each.failure and each.number not in known]


def _stop_others(context: Context, run: Run, job: Job) -> None:
    """The results are there: a later attempt has nothing to do."""
    current = run.attempt
    if current.job_id and current.number != job.attempt:
        stop_job(context, current.job_id, "an earlier attempt has published the results")


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A batch of SQS records, each with an EventBridge event of AWS Batch."""
    return each_record(event, context, _one)


def _one(event: Mapping[str, Any], context: Context) -> None:
    job = job_of(event["detail"])
    if job is None:
        return  # someone else's job on our queue
    about(job.run_id)
    if event["detail-type"] == QUEUE_BLOCKED:
        context.counts["QueueBlocked"] += 1
        move(context, job)
    elif event["detail-type"] == STATE_CHANGE:
        follow(context, job)


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    context = office_context().until(lambda_context)
    try:
        return handle(event, context)
    finally:
        publish_counts(context)
