"""Commands that examine and act: `doctor`, `redrive`, `rerun`, `cancel`, `check`, `rebuild`.

What changes something says first what it will do, and asks, unless `--yes` is given.
"""

from collections import Counter
from typing import Annotated, Any, TypeVar

import typer

from components.office import Office
from fleet import actions, ledgers, output, show
from fleet import doctor as examination
from fleet.access import Access, in_each
from fleet.options import JsonOption, OfficeOption, OfficesArgument, RunArgument, YesOption, chosen, now
from fleet.output import Exit, in_words, say, tell

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
        action = actions.redrive_of(access, chosen(access, offices), send=send)
        found: list[dict[str, Any]] = _agreed(action, yes)["letters"]
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
        done = _agreed(actions.rerun_of(access, what, office), yes)
    if as_json:
        tell(done)
    else:
        say(f"Analysed again as {done['run_id']}: `fleet sample {done['run_id'][:12]}` follows it.")


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
        done = _agreed(actions.cancel_of(access, what, office, why), yes)
    if as_json:
        tell(done)
    else:
        say(f"Cancelled {done['run_id']}: {done['message']}")


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


def _agreed(action: actions.Action, yes: bool) -> dict[str, Any]:
    """Asks, unless the person has said yes already or there is nothing to agree to; then acts."""
    if action.words is not None and not yes:
        output.agree(action.words)
    return action.act()
