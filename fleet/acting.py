"""Commands that examine and act: `doctor`, `redrive`, `rerun`, `cancel`, `check`, `rebuild`.

What changes something says first what it will do, and asks, unless `--yes` is given.
"""

from collections import Counter
from typing import Annotated, Any, TypeVar

import typer

from components.office import Office
from fleet import doctor as examination
from fleet import ledgers, letters, output, show
from fleet.access import Access, in_each
from fleet.cancel import cancel as cancel_run
from fleet.find import NotFound, find
from fleet.options import JsonOption, OfficeOption, OfficesArgument, RunArgument, YesOption, chosen, now
from fleet.output import Exit, Refused, in_words, say, tell
from fleet.rerun import refusal, rerun_follow_on
from fleet.rerun import rerun as rerun_upload
from fleet.table import Row
from fleet.text import plain, where
from handlers import ledger
from handlers.context import Context
from handlers.run import Run, run_id_of

T = TypeVar("T")


def doctor(context: typer.Context, offices: OfficesArgument = None, as_json: JsonOption = False) -> None:
    """Whether each office can work: credentials, queues, alarms, compute, images, references.

    Says what to do where it cannot. Exit code 1 if something is wrong.
    """
    access: Access = context.obj
    with in_words():
        chosen_ones = chosen(access, offices)
        answers = in_each(chosen_ones, lambda office: examination.examine(access, office))
        found = [finding for office in chosen_ones for finding in _answer(answers[office.name])]
    if as_json:
        tell([vars(finding) for finding in found])
    else:
        output.show(show.findings_table(found))
    if any(finding.how == examination.BAD for finding in found):
        raise typer.Exit(Exit.TROUBLE)


def redrive(
    context: typer.Context,
    offices: OfficesArgument = None,
    send: Annotated[bool, typer.Option("--send", help="Send them back to where they came from.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Dead letters, each with its reason; with --send they go back to work. Every step bears repeating."""
    access: Access = context.obj
    with in_words():
        found: list[dict[str, Any]] = []
        chosen_ones = chosen(access, offices)
        if send and not yes:
            names = ", ".join(office.name for office in chosen_ones)
            output.agree(f"Every dead letter of {names} goes back to its queue and is handled again.")
        for office in chosen_ones:
            sqs, events = access.client("sqs", office), access.client("events", office)
            for letter in letters.letters(sqs):
                sent = send and letters.back(sqs, events, letter)
                found.append(
                    {"office": office.name, "queue": letter.queue, "reason": letter.reason, "sent": sent}
                )
    if as_json:
        tell(found)
        return
    if found:
        output.show(show.letters_table(found))
    gone = sum(bool(letter["sent"]) for letter in found)
    say(
        f"{len(found)} dead letter{'' if len(found) == 1 else 's'}"
        + (f", {gone} sent back." if send else ".")
    )


def rerun(
    context: typer.Context,
    what: RunArgument,
    office: OfficeOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Analyse a sample's upload once more: after a failure, or with the office's newer release."""
    access: Access = context.obj
    with in_words():
        row, home, at_home = _at_home(access, what, office)
        run = _run(at_home, row["run_id"])
        newest = ledger.read_newest(at_home, run.sample)
        release = access.fleet.release(home, run.sample.pipeline)
        reason = refusal(run, newest, release)
        if reason is not None or newest is None or release is None:
            raise Refused(f"{where(row)} of {home.name} is not run again: {reason}")
        if run.after is None:
            does = f"s3://{run.bucket}/{run.upload_key} gets a new version of the same bytes."
        else:
            does = f"It takes the results of {run.after.run_id} once more."
        if not yes:
            output.agree(
                f"{where(row)} of {home.name} is analysed again ({run.state}: {run.message}). {does}"
            )
        if run.after is None:
            version = rerun_upload(at_home, run, newest)
            new = run_id_of(run.bucket, run.upload_key, version, release)
        else:
            new = rerun_follow_on(access.context_of_functions(home), run, newest)
    if as_json:
        tell({"office": home.name, "run_id": new, "rerun_of": run.run_id})
    else:
        say(f"Analysed again as {new}: `fleet sample {new[:12]}` follows it.")


def cancel(
    context: typer.Context,
    what: RunArgument,
    why: Annotated[str, typer.Option("--why", help="The reason, for the branch to read.")],
    office: OfficeOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """End a run: stop its job, and tell the branch why. It is not tried again."""
    access: Access = context.obj
    with in_words():
        row, home, at_home = _at_home(access, what, office)
        run = _run(at_home, row["run_id"])
        if not yes and not run.terminal:
            output.agree(
                f"Run {run.run_id} ({where(row)} of {home.name}, {run.state}, attempt {run.attempt.number})"
                f" ends as failed, and its job is stopped. The branch reads: {why}"
            )
        caller = access.client("sts", home).get_caller_identity()["Arn"].rsplit("/", 1)[-1]
        after = cancel_run(at_home, run.run_id, caller.rsplit(":", 1)[-1], why)
    if as_json:
        tell({"office": home.name, "run_id": after.run_id, "state": after.state, "message": after.message})
    else:
        say(f"Cancelled {after.run_id}: {after.message}")


def check(context: typer.Context, offices: OfficesArgument = None, as_json: JsonOption = False) -> None:
    """Headquarters' table beside the offices' ledgers: what is missing, behind or different.

    Exit code 1 if they differ, 4 if an office's ledger could not be read.
    """
    access: Access = context.obj
    with in_words():
        compared = _compared(access, chosen(access, offices))
    _show_compared(compared, as_json)
    if any(each.differences for each in compared):
        raise typer.Exit(Exit.TROUBLE)


def rebuild(
    context: typer.Context,
    offices: OfficesArgument = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Mend headquarters' table from the offices' ledgers. Nothing newer is ever overwritten."""
    access: Access = context.obj
    with in_words():
        compared = _compared(access, chosen(access, offices))
        wrong = [each for one in compared for each in one.differences if each.kind in ledgers.MENDED]
        if wrong and not yes:
            kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(w.kind for w in wrong).items())
            output.agree(f"{len(wrong)} rows of headquarters' table are written anew ({kinds}).")
        written, left = ledgers.mend(access, wrong)
    if as_json:
        tell({"written": written, "left": left, "compared": [show.compared_json(each) for each in compared]})
    else:
        output.show(show.compared_table(compared))
        say(f"{written} rows written" + (f", {left} left: something newer is there by now." if left else "."))


def _compared(access: Access, offices: list[Office]) -> list[ledgers.Compared]:
    answers = in_each(offices, lambda office: ledgers.compare(access, office, now()))
    return [_answer(answers[office.name]) for office in offices]


def _show_compared(compared: list[ledgers.Compared], as_json: bool) -> None:
    if as_json:
        tell([show.compared_json(each) for each in compared])
    else:
        output.show(show.compared_table(compared))


def _answer(answer: T | Exception) -> T:
    if isinstance(answer, Exception):
        raise answer
    return answer


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
