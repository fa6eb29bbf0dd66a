"""Tell the branch and HQ what the ledger says: `status.json`, the project's page, the event to HQ.

The ledger is written first, then this is done, then the ledger marks the revision as announced. A crash
between leaves the mark behind, and the next delivery of the event or reconcile does it again: both are safe
to do twice.
"""

from handlers import ledger
from handlers.context import Context
from handlers.notify import send_event
from handlers.outbox import page_changed
from handlers.run import ERASED, SUPERSEDED, Run
from handlers.status import write_status
from handlers.submit import job_by_name, stop_job


def announce(context: Context, run: Run) -> None:
    """`status.json`, the event to HQ, the end of a superseded run's job; nothing if that is done.

    The project's page is only marked as due: in a burst it is made once for many runs.
    """
    if run.announced >= run.revision:
        return
    if run.state == SUPERSEDED:
        _stop(context, run)
    elif run.state != ERASED:
        write_status(context, run)
    if run.state != ERASED:  # of which neither a branch nor its page is told any more
        page_changed(context, run.sample)
    send_event(context, run)
    ledger.mark_announced(context, run)


def _stop(context: Context, run: Run) -> None:
    # The submission's reply may have been lost, so a job may be there that the ledger does not know.
    job_id = run.attempt.job_id or job_by_name(context, run.job_name())
    if job_id:
        stop_job(context, job_id, "a newer run of the same sample supersedes this one")
