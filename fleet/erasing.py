"""The command `erase`: a sample's data and names go from its office, and a signed tombstone says so."""

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from components.office import Office
from fleet import output
from fleet.access import Access, bucket
from fleet.erase import Eraser, Unfinished
from fleet.find import NotFound
from fleet.options import JsonOption, YesOption, office_names
from fleet.output import Exit, Refused, in_words, say, show_line, tell
from fleet.text import plain
from fleet.traces import Named, Traces
from handlers.erasure import DONE, Erasure, tombstone_key


def erase(
    context: typer.Context,
    sample: Annotated[str, typer.Argument(help="project/sample, in all pipelines.", show_default=False)],
    office: Annotated[
        str,
        typer.Option(
            "--office", "-o", help="The office that has it.", autocompletion=office_names, show_default=False
        ),
    ],
    why: Annotated[str, typer.Option("--why", help="The reason, for the tombstone and AWS's audit.")],
    cancel: Annotated[bool, typer.Option("--cancel", help="End what is in flight first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Erase a sample: uploads and results in all versions, names in the ledger and at headquarters.

    It cannot be taken back. A second time changes nothing; interrupted, the same command does the rest. Exit
    code 3: there is nothing of that name; 4: not all is gone yet; 5: refused.
    """
    access: Access = context.obj
    with in_words():
        home, named, reason = access.fleet.office(office), _named(access, sample), why.strip()
        _refuse_names(named, reason)
        eraser = Eraser.of(access, home)
        traces, begun = eraser.look(named)
        if not traces.any and begun is None:
            _tell(home, _earlier(eraser, named), as_json)
            return
        if not as_json:
            _show(named, home, traces)
        if dry_run:
            if as_json:
                tell({"office": home.name, "state": "found", **_found(eraser, traces)})
            return
        if not yes:
            output.agree(_words(named, home, traces, begun))
        try:
            done = eraser.erase(named, reason, traces, begun, cancel_runs=cancel)
        except Unfinished as error:
            say(f"fleet: begun, but not done: {error}")
            raise typer.Exit(Exit.UNREACHABLE) from error
        _tell(home, done, as_json)


def _named(access: Access, what: str) -> Named:
    project, _, sample = what.rstrip("/").partition("/")
    if not project or not sample or "/" in sample:
        raise typer.BadParameter(f"must be project/sample, for all pipelines together, not {plain(what)!r}")
    if sample in access.fleet.pipelines:
        raise Refused(
            f"{plain(what)} is what the comparisons of {plain(project)} are kept under, not a sample:"
            " they go with each sample that they have"
        )
    return Named(project=project, sample=sample)


def _refuse_names(named: Named, why: str) -> None:
    """The reason stays, so it must not keep what is erased."""
    if not why:
        raise typer.BadParameter("--why must say why, not nothing")
    for name in (named.sample, named.project):
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", why, re.IGNORECASE):
            raise Refused(f"the reason would keep the name {plain(name)}: say why without names")


def _earlier(eraser: Eraser, named: Named) -> Erasure:
    known = [each for each in eraser.known(named) if each.state == DONE]
    if not known:
        raise NotFound(
            f"{eraser.home.name} has nothing of {plain(named.path)}, and nothing of that name was erased"
        )
    return known[-1]


def _found(eraser: Eraser, traces: Traces) -> dict[str, Any]:
    return {
        "found": traces.found,
        "pipelines": sorted(traces.pipelines),
        "in_flight": [run.run_id for run in eraser.in_flight(traces)],
        "partners": list(traces.partners),
    }


def _words(named: Named, home: Office, traces: Traces, begun: Erasure | None) -> str:
    again = f"The erasure of {begun.began} goes on. " if begun else ""
    partners = (
        f" {', '.join(traces.partners)} have copies in buckets of their own: they are told to delete them."
        if traces.partners
        else ""
    )
    return (
        f"{again}All of this goes from {home.name} for good, with every name of {named.path}; nothing can"
        f" bring it back.{partners}"
    )


def _show(named: Named, home: Office, traces: Traces) -> None:
    where = ", ".join(map(plain, sorted(traces.pipelines))) or "no folder"
    show_line(f"{plain(named.path)} at {home.name}, in {where}:")
    for kind, count in traces.found.items():
        if count:
            show_line(f"  {count:>6}  {kind}")


def _tell(home: Office, done: Erasure, as_json: bool) -> None:
    place = f"s3://{bucket(home, 'results')}/{tombstone_key(done)}"
    if as_json:
        tell({"office": home.name, **asdict(done), "tombstone": place})
        return
    at = datetime.fromisoformat(done.done).astimezone(UTC).isoformat(timespec="seconds")
    say(f"Erased at {at} by {done.by}: {sum(done.found.values())} things.")
    say(f"Within minutes the tombstone is {place}")
    if done.partners:
        say(f"Within minutes {', '.join(done.partners)} find erased.json beside each copy of theirs.")
