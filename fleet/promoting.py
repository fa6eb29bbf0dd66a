"""Commands of a release: `promote` it behind its gates, `revert` it, and see what is in `sync`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from components.faults import choices
from fleet import output
from fleet import sync as syncing
from fleet.access import Access
from fleet.options import JsonOption, OfficesArgument, chosen, now, table_of
from fleet.output import Exit, Refused, in_words, say, tell
from fleet.show import table
from fleet.text import cell, plain
from rollout.gates import Verdict
from rollout.promote import CannotPromote, holding, judged, moved, planned, write
from rollout.revert import of_digest, taken_back, trouble
from rollout.settings import Settings
from rollout.stack_file import CannotMove


def promote(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose release moves.")],
    to: Annotated[str | None, typer.Option(help="An office or a wave; without it the next wave.")] = None,
    override: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Ignore gates, except image, attestation and references, and why."
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Ask the gates, change no file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move a release into the stack files of the next wave, once every gate is passed.

    Commit the change and open a pull request. Exit code 5 if a gate holds it back.
    """
    access: Access = context.obj
    root: Path = context.find_root().params["root"]
    with in_words():
        settings = Settings.load(root, [office.name for office in access.fleet.offices])
        try:
            promotion = planned(access.fleet, settings, pipeline, to)
        except CannotPromote as error:
            raise Refused(str(error)) from error
        found = judged(access, settings, root, promotion, now()) if promotion else []
        held = holding(found, override.strip())
        try:
            files = write(root, moved(root, promotion)) if promotion and not held and not dry_run else []
        except CannotMove as error:
            raise Refused(str(error)) from error
    if as_json:
        release = promotion.release.model_dump() if promotion else None
        gates = [asdict(each) for each in found]
        tell({"release": release, "gates": gates, "override": override or None, "files": files})
    elif found:
        output.show(_table(found))
    if not promotion:
        say(f"Every office has the release of {plain(pipeline)} already.")
    with in_words():
        if held:
            gates_held = ", ".join(dict.fromkeys(f"{each.office}: {each.gate}" for each in held))
            raise Refused(f"held back by {gates_held}")
    if files:
        say(f"Changed {', '.join(files)}: commit, and open a pull request.")


def revert(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose release is to go back.")],
    reason: Annotated[str, typer.Option(help="Take it back for this, whatever its runs say.")] = "",
    digest: Annotated[
        str | None, typer.Option(help="With --reason: which; without it the first wave's.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change no file.")] = False,
) -> None:
    """Take a release back in every office that has it, when its runs or its canary failed.

    Its digest goes into rollout/refused.yaml. Commit the change and open a pull request.
    """
    access: Access = context.obj
    root: Path = context.find_root().params["root"]
    with in_words():
        settings = Settings.load(root, [office.name for office in access.fleet.offices])
        if pipeline not in access.fleet.pipelines:
            raise Refused(f"{pipeline!r} is no pipeline (valid: {choices(access.fleet.pipelines)})")
        if reason.strip():
            bad = digest or access.fleet.headquarters.releases[pipeline].digest
            found = of_digest(access, root, pipeline, bad, reason.strip())
            if found is None:
                raise Refused(
                    f"no office has {bad} and an earlier release in its file's history to go back to"
                )
        else:
            found = trouble(access, settings, root, pipeline, now())
        try:
            files = write(root, taken_back(root, found)) if found and not dry_run else []
        except CannotMove as error:
            raise Refused(str(error)) from error
    if found is None:
        say(f"Nothing is wrong with the releases of {plain(pipeline)}.")
        return
    for office, release in found.releases.items():
        say(f"{office}: back to {release.digest[:19]}…, because of {plain(found.reason)}")
    if files:
        say(f"Changed {', '.join(files)}: commit, and open a pull request.")


def sync(context: typer.Context, offices: OfficesArgument = None, as_json: JsonOption = False) -> None:
    """Whether each office runs the release that the repository names.

    Exit code 0 only if all are Synced; 4 if an office's account could not be asked.
    """
    access: Access = context.obj
    with in_words():
        root: Path = context.find_root().params["root"]
        found = syncing.look(access, table_of(access), chosen(access, offices), root)
    if as_json:
        tell([asdict(each) for each in found])
    else:
        made = table("office", "pipeline", "state", "desired", "applied", "commit", "reason")
        for each in found:
            short = (each.desired[7:19], (each.applied or "")[7:19], (each.commit or "")[:12])
            style = "green" if each.state == syncing.SYNCED else "yellow"
            made.add_row(
                cell(each.office),
                cell(each.pipeline),
                cell(each.state, style),
                *map(cell, short),
                cell(each.reason),
            )
        output.show(made)
    if any(each.unreachable for each in found):
        raise typer.Exit(Exit.UNREACHABLE)
    if any(each.state != syncing.SYNCED for each in found):
        raise typer.Exit(Exit.TROUBLE)


def _table(found: list[Verdict]) -> RenderableType:
    made = table("office", "gate", "", "found", "reason", "to do")
    for each in found:
        sign, style = ("pass", "green") if each.passed else ("fail", "red")
        to_do = "" if each.passed else each.to_do
        words = (cell(each.measured), cell(each.rule), cell(to_do))
        made.add_row(cell(each.office), cell(each.gate), cell(sign, style), *words)
    return made
