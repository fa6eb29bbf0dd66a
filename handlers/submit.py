"""Submission that survives doubt.

SubmitJob has no client token: when its reply is lost, nobody knows whether there is a job. So an attempt is
claimed in the ledger first, one function at a time has the turn to submit it, the job bears the attempt's
name, and whoever comes after a doubt looks for a job of that name before submitting again. A submission
that failed is never acknowledged.
"""

import json
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers import ledger
from handlers.context import LEAST_S_FOR_A_RECORD, Context
from handlers.failures import CAPACITY
from handlers.log import logger
from handlers.rate import wait_for_room
from handlers.run import ON_DEMAND, RECEIVED, SUBMITTED, Run

# Longer than any function runs (60 s), so that the turn of one that was killed is over when the next one
# looks.
TURN_S = 120
# ListJobs may not know a job yet that SubmitJob has just made; a turn's length is enough to be sure.
MAX_BACK_OFF_S = 5.0
MAX_SUBMISSIONS = 6
_THROTTLED = {
    "TooManyRequestsException",
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "SlowDown",
}


class Waiting(Exception):
    """The attempt cannot be submitted now: the queue, or reconcile, will bring it back."""


def ensure_submitted(context: Context, run: Run, *, fresh: bool = False) -> Run:
    """See to it that the current attempt has a job; returns the run as the ledger has it then.

    `fresh`: the caller has just opened this attempt and holds its turn, so nobody can have submitted it
    before. Raises `Waiting`, `Full` or AWS's error when there is no job for certain.
    """
    if run.state != RECEIVED or run.held or run.attempt.job_id or run.attempt.not_before > context.clock():
        return run
    _stop_the_one_before(context, run)
    if not fresh:
        if not ledger.take_turn(context, run, int(context.clock()) + TURN_S):
            return _someone_else(context, run)
        if found := job_by_name(context, run.job_name()):
            logger.info("found the job of an earlier submission", run_id=run.run_id, job_id=found)
            return record(context, run, found)
    return record(context, run, _submit(context, run))


def _stop_the_one_before(context: Context, run: Run) -> None:
    """An attempt moved off its queue still has a job there: the two must not both get an instance."""
    before = run.attempts[-2] if len(run.attempts) > 1 else None
    if before and before.failure == CAPACITY and before.job_id:
        stop_job(context, before.job_id, "moved to the on-demand queue")


def turn_from(context: Context) -> int:
    """The end of a turn that begins now; epoch seconds."""
    return int(context.clock()) + TURN_S


def job_by_name(context: Context, name: str) -> str | None:
    """The id of the job of this name in either queue, whatever its status; the one that has come furthest."""
    found: list[dict[str, Any]] = []
    for queue in (context.office.job_queue, context.office.on_demand_job_queue):
        # With a filter, ListJobs gives jobs of every status. It compares without case, and `*` is a wildcard.
        pages = context.clients.batch.get_paginator("list_jobs").paginate(
            jobQueue=queue, filters=[{"name": "JOB_NAME", "values": [name]}]
        )
        found += [job for page in pages for job in page["jobSummaryList"] if job["jobName"] == name]
    if not found:
        return None
    best = min(found, key=lambda job: (job["status"] == "FAILED", job["createdAt"], job["jobId"]))
    return str(best["jobId"])


def record(context: Context, run: Run, job_id: str) -> Run:
    """Write the job's id to the ledger. If the run has moved on meanwhile, the job is stopped."""
    now = context.now
    after = run.moved(
        SUBMITTED,
        now,
        attempts=run.with_attempt(run.attempt.number, job_id=job_id, submitted=now),
        message=_waiting_words(run),
        what_to_do=None,
    )
    if ledger.advance(context, after):
        return after
    current = _read(context, run.run_id)
    known = next((each.job_id for each in current.attempts if each.number == run.attempt.number), None)
    if known != job_id and (current.terminal or current.attempt.number > run.attempt.number):
        stop_job(context, job_id, "the run has moved on while this job was submitted")
    return current


def stop_job(context: Context, job_id: str, why: str) -> None:
    """Cancel or terminate a job; one that is over already is left as it is."""
    # TerminateJob cancels a job that has not started; one that is over answers success.
    context.clients.batch.terminate_job(jobId=job_id, reason=f"{STOPPED_BY_US}: {why}"[:1024])


STOPPED_BY_US = "globalbi"


def _submit(context: Context, run: Run) -> str:
    began = context.clock()
    for number in range(MAX_SUBMISSIONS):
        wait_for_room(context)
        # What was waited for room comes off the turn: after its end another function may submit this attempt.
        if context.clock() - began > TURN_S / 2:
            raise Waiting(f"the turn to submit {run.job_name()} ran out in the queue for room")
        try:
            answer = context.clients.submit.submit_job(**job_of(context, run))
            context.counts["JobsSubmitted"] += 1
            return str(answer["jobId"])
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if error.response["Error"]["Code"] in _THROTTLED or status == 429:
                _back_off(context, number, error)
                continue
            if status < 500:
                raise  # refused for good: there is no job, and the queue must keep the event
            return _after_doubt(context, run, error)
        except BotoCoreError as error:
            return _after_doubt(context, run, error)
    raise Waiting(f"AWS Batch throttled {MAX_SUBMISSIONS} submissions of {run.job_name()}")


def _after_doubt(context: Context, run: Run, error: Exception) -> str:
    """The reply was lost. There may be a job; there must not be two."""
    logger.warning("SubmitJob gave no clear answer", run_id=run.run_id, error=str(error))
    context.counts["SubmissionsInDoubt"] += 1
    if found := job_by_name(context, run.job_name()):
        return found
    raise Waiting(f"whether {run.job_name()} was submitted will be seen when its turn is over") from error


def _back_off(context: Context, number: int, error: Exception) -> None:
    """Wait with full jitter, or give up when the function's time will not do."""
    wait = context.chance.uniform(0, min(MAX_BACK_OFF_S, 0.25 * 2**number))
    if context.time_left() - wait < LEAST_S_FOR_A_RECORD:
        raise Waiting("AWS Batch throttles, and this function's time is up") from error
    context.counts["SubmissionsThrottled"] += 1
    context.sleep(wait)


def _someone_else(context: Context, run: Run) -> Run:
    current = _read(context, run.run_id)
    if current.revision == run.revision:
        raise Waiting(f"another function has the turn to submit {run.job_name()}")
    return current


def _read(context: Context, run_id: str) -> Run:
    run = ledger.read_run(context, run_id)
    if run is None:
        raise LookupError(f"run {run_id} has gone from the ledger {context.office.ledger}")
    return run


def job_of(context: Context, run: Run) -> dict[str, Any]:
    """SubmitJob's arguments for the current attempt."""
    office, attempt = context.office, run.attempt
    environment = {
        "OFFICE": office.name,
        "RUN_ID": run.run_id,
        "ATTEMPT": str(attempt.number),
        "PIPELINE": run.sample.pipeline,
        "PIPELINE_VERSION": run.pipeline_version,
        "RELEASE_DIGEST": run.release_digest,
        "PROJECT": run.sample.project,
        "SAMPLE": run.sample.sample,
        "RESULTS_BUCKET": office.results,
        "RESULTS_PREFIX": run.results_prefix,
        "REFERENCES_BUCKET": office.references,
        "REFERENCES": json.dumps({role: list(pin) for role, pin in sorted(run.references.items())}),
        "LEDGER": office.ledger,
        "VCPUS": str(attempt.vcpus),
        "MEMORY_MIB": str(attempt.memory_mib),
    }
    if run.members is not None:
        environment |= {"MEMBERS_KEY": run.upload_key, "MEMBERS_SHA256": run.version_id}
    else:
        environment |= {
            "UPLOADS_BUCKET": run.bucket,
            "UPLOAD_KEY": run.upload_key,
            "UPLOAD_VERSION_ID": run.version_id,
        }
    if run.after is not None:
        environment |= {"AFTER_PREFIX": run.after.prefix, "AFTER_RUN_ID": run.after.run_id}
    return {
        "jobName": run.job_name(),
        "jobQueue": office.on_demand_job_queue if attempt.queue == ON_DEMAND else office.job_queue,
        "jobDefinition": run.job_definition,
        "containerOverrides": {
            "command": ["job"],
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
            "resourceRequirements": [
                {"type": "VCPU", "value": str(attempt.vcpus)},
                {"type": "MEMORY", "value": str(attempt.memory_mib)},
            ],
        },
        "timeout": {"attemptDurationSeconds": attempt.time_limit_s},
        "propagateTags": True,
        # Samples' names stay out: tags allow few characters, and reach the bill.
        "tags": {
            "globalbi:office": office.name,
            "globalbi:pipeline": run.sample.pipeline,
            "globalbi:run": run.run_id,
        },
    }


def _waiting_words(run: Run) -> str:
    kind = "an on-demand" if run.attempt.queue == ON_DEMAND else "a Spot"
    again = f" (attempt {run.attempt.number})" if run.attempt.number > 1 else ""
    return f"Waiting for {kind} instance{again}."


def turned(run: Run, context: Context) -> Run:
    """`run` with the turn to submit taken, for whoever opens an attempt and submits it at once."""
    return replace(run, turn_expires=turn_from(context))
