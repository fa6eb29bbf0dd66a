"""Cancel: a run that shall not go on ends as failed, and its job is stopped.

The ledger is written first, by the same conditional write as every transition: from then on no event of the
job, and no retry, can change the run. Then its job is stopped, and the branch and headquarters are told. If
that is interrupted, the same command does the rest.
"""

from fleet.find import NotFound
from fleet.output import Refused
from handlers import budget, ledger
from handlers.announce import announce
from handlers.context import Context
from handlers.failures import STOPPED
from handlers.run import FAILED, Run
from handlers.submit import job_by_name, stop_job

MAX_TRIES = 8
DECISION = "Not tried again: headquarters cancelled the run."


def cancelled(run: Run, by: str, why: str, now: str) -> Run:
    """The run as cancelling makes it, one revision later. `now` is ISO 8601."""
    return run.moved(
        FAILED,
        now,
        attempts=run.with_attempt(
            run.attempt.number,
            ended=now,
            failure=STOPPED,
            reason=f"cancelled by {by}: {why}",
            decision=DECISION,
        ),
        message=f"Headquarters cancelled this run: {why}",
        what_to_do="Ask headquarters why. Uploading the same file again starts a new run.",
    )


def was_cancelled(run: Run) -> bool:
    return run.state == FAILED and run.attempt.decision == DECISION


def cancel(context: Context, run_id: str, by: str, why: str) -> Run:
    """End the run, stop its job, tell who must know; raises Refused if it has ended otherwise."""
    run = _ended(context, run_id, by, why)
    # The submission's reply may have been lost, so a job may be there that the ledger does not know.
    job_id = run.attempt.job_id or job_by_name(context, run.job_name())
    if job_id:
        stop_job(context, job_id, "headquarters cancelled the run")
    announce(context, run)
    return run


def _ended(context: Context, run_id: str, by: str, why: str) -> Run:
    for _ in range(MAX_TRIES):
        run = ledger.read_run(context, run_id)
        if run is None:
            raise NotFound(f"the ledger of {context.office.name} has no run {run_id}")
        if was_cancelled(run):
            return run
        if run.terminal:
            raise Refused(f"{run_id} is {run.state} already: there is nothing to cancel")
        after = cancelled(run, by, why, context.now)
        if ledger.advance(context, after, *budget.parts(context, ends=after)):
            return after
    raise Refused(f"{run_id} changed {MAX_TRIES} times while it was to be cancelled: try again")
