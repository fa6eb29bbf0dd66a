"""What changes something: first its words, then, once a person has agreed, the deed.

The command line and the dashboard ask in their own way; what is done, and when it is refused, is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from components.office import Office
from fleet import letters
from fleet.access import Access
from fleet.cancel import cancel
from fleet.find import NotFound, find
from fleet.output import Refused
from fleet.rerun import refusal, run_again
from fleet.table import Row
from fleet.text import plain, where
from handlers import ledger
from handlers.context import Context
from handlers.run import Run


@dataclass(frozen=True, kw_only=True)
class Action:
    """`words` say what will be done (None: there is nothing to agree to); `act` does it, and tells what
    came of it.
    """

    words: str | None
    act: Callable[[], dict[str, Any]]


def rerun_of(access: Access, what: str, office: str | None) -> Action:
    """Raises Refused if the run may not be run again."""
    row, home, at_home = _at_home(access, what, office)
    run = _run(at_home, row["run_id"])
    newest = ledger.read_newest(at_home, run.sample)
    release = access.fleet.release(home, run.sample.pipeline)
    reason = refusal(run, newest, release)
    if reason is not None or newest is None or release is None:
        raise Refused(f"{where(row)} of {home.name} is not run again: {reason}")
    if run.members is not None:
        does = f"It takes the newest results of {run.members.pipeline} in the project."
    elif run.after is None:
        does = f"s3://{run.bucket}/{run.upload_key} gets a new version of the same bytes."
    else:
        does = f"It takes the results of {run.after.run_id} once more."

    def act() -> dict[str, Any]:
        new = run_again(at_home, run, newest, release, lambda: access.context_of_functions(home))
        return {"office": home.name, "run_id": new, "rerun_of": run.run_id}

    return Action(
        words=f"{where(row)} of {home.name} is analysed again ({run.state}: {run.message}). {does}", act=act
    )


def cancel_of(access: Access, what: str, office: str | None, why: str) -> Action:
    row, home, at_home = _at_home(access, what, office)
    run = _run(at_home, row["run_id"])

    def act() -> dict[str, Any]:
        caller = access.client("sts", home).get_caller_identity()["Arn"].rsplit("/", 1)[-1]
        after = cancel(at_home, run.run_id, caller.rsplit(":", 1)[-1], why)
        return {"office": home.name, "run_id": after.run_id, "state": after.state, "message": after.message}

    words = (
        f"Run {run.run_id} ({where(row)} of {home.name}, {run.state}, attempt {run.attempt.number})"
        f" ends as failed, and its job is stopped. The branch reads: {why}"
    )
    return Action(words=None if run.terminal else words, act=act)


def redrive_of(access: Access, offices: Sequence[Office], *, send: bool = True) -> Action:
    """Every dead letter of these offices; without `send` they are only listed."""

    def act() -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for office in offices:
            sqs, events = access.client("sqs", office), access.client("events", office)
            for letter in letters.letters(sqs):
                sent = send and letters.back(sqs, events, letter)
                found.append(
                    {"office": office.name, "queue": letter.queue, "reason": letter.reason, "sent": sent}
                )
        return {"letters": found}

    names = ", ".join(office.name for office in offices)
    words = f"Every dead letter of {names} goes back to its queue and is handled again."
    return Action(words=words if send else None, act=act)


def _at_home(access: Access, what: str, office: str | None) -> tuple[Row, Office, Context]:
    """The newest run of what was asked for, its office, and the means to act there.

    Raises Refused if that is not one sample of one pipeline in one office: nothing is guessed.
    """
    rows = find(access, what, office).rows
    names = sorted({row["office"] for row in rows})
    if len(names) > 1:
        raise Refused(f"{plain(what)} is a sample of {' and '.join(names)}: say --office")
    samples = sorted({where(row) for row in rows})
    if len(samples) > 1:
        raise Refused(f"{plain(what)} is {' and '.join(samples)}: say which")
    home = access.fleet.office(rows[0]["office"])
    return rows[0], home, access.context(home)


def _run(context: Context, run_id: str) -> Run:
    run = ledger.read_run(context, run_id)
    if run is None:
        raise NotFound(f"the ledger of {context.office.name} has no run {run_id}")
    return run
