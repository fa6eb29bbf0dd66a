"""`advance`: what the workflow `promote` does every hour, for every pipeline: take back, compare, move on."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from canary import mock
from canary.analysis import CannotCompare
from canary.record import Record
from fleet.access import Access, Unreachable
from fleet.comparing import compared
from fleet.options import now
from fleet.output import Exit, in_words, say
from fleet.text import plain
from pipeline_images.containers import EngineMissing, engine
from rollout import gates
from rollout.gates import Verdict
from rollout.promote import CannotPromote, Promotion, holding, judged, kept_canary, moved, planned
from rollout.proposal import Proposal
from rollout.pull_request import moving, taking_back
from rollout.revert import taken_back, trouble
from rollout.settings import Settings
from rollout.stack_file import CannotMove


def advance(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for PIPELINE.json, a pull request each.")],
) -> None:
    """Prepare the pull requests that are due: releases that may move on, and those that must go back.

    No file of the repository changes.
    A canary that is all that is missing is run, with podman or docker, and kept at headquarters.
    An office that cannot be asked waits, and no other for it.
    Exit code 1 if a canary could not be run or a stack file not be changed, 4 if an office did not answer.
    """
    access: Access = context.obj
    root: Path = context.find_root().params["root"]
    faults: list[str] = []
    unasked: dict[str, str] = {}
    out.mkdir(parents=True, exist_ok=True)
    with in_words():
        settings = Settings.load(root, [office.name for office in access.fleet.offices])
        access.session(access.fleet.headquarters)  # without its table nothing can be judged
        for office in access.fleet.offices:
            try:
                access.session(office)  # now: a job's token does not live as long as a canary takes
            except Unreachable as error:
                unasked[office.name] = plain(error)
        for pipeline in access.fleet.pipelines:
            try:
                proposal = _due(access, settings, root, pipeline, now(), unasked)
            except CannotPromote as error:
                say(f"{pipeline}: waits: {plain(error)}")
                continue
            except (CannotCompare, CannotMove, EngineMissing, mock.NotMade) as error:
                faults.append(f"{pipeline}: {plain(error)}")
                continue
            if proposal:
                (out / f"{pipeline}.json").write_text(proposal.to_json())
                say(f"{pipeline}: {proposal.title}")
    for fault in [*faults, *(f"not asked: {why}" for why in unasked.values())]:
        say(fault)
    if faults:
        raise typer.Exit(Exit.TROUBLE)
    if unasked:
        raise typer.Exit(Exit.UNREACHABLE)


def _due(
    access: Access,
    settings: Settings,
    root: Path,
    pipeline: str,
    when: datetime,
    unasked: dict[str, str],
) -> Proposal | None:
    """`unasked`: offices that cannot be asked, and why; those that turn out to be are added."""
    if bad := trouble(access, settings, root, pipeline, when):
        return taking_back(bad, taken_back(root, bad))
    promotion = planned(access.fleet, settings, pipeline, None)
    if promotion is None:
        say(f"{pipeline}: every office has the release already")
        return None
    by_office = _asked(access, settings, root, promotion, when, unasked)
    if missing := [name for name in promotion.to if name not in by_office]:
        say(f"{pipeline}: without {', '.join(missing)}, which cannot be asked")
    if not by_office:
        return None
    promotion = replace(promotion, to=tuple(by_office))
    found = [verdict for verdicts in by_office.values() for verdict in verdicts]
    if _only_canary(found) and _run_canaries(access, root, promotion):
        if bad := trouble(access, settings, root, pipeline, when):
            return taking_back(bad, taken_back(root, bad))
        found = judged(access, settings, root, promotion, when)
    held = holding(found, override="")
    for each in held:
        say(f"{pipeline}: held back by {each.office}: {each.gate}: {plain(each.measured)}")
    if held:
        return None
    tolerances, record = access.fleet.pipelines[pipeline].canary, None
    if tolerances:
        record = kept_canary(access, access.fleet.office(promotion.to[0]), promotion)
    canary = (record, tolerances) if record and tolerances else None
    return moving(promotion, moved(root, promotion), found, canary)


def _asked(
    access: Access,
    settings: Settings,
    root: Path,
    promotion: Promotion,
    when: datetime,
    unasked: dict[str, str],
) -> dict[str, list[Verdict]]:
    """Every gate's answer, by office; an office that does not answer is added to `unasked`."""
    found: dict[str, list[Verdict]] = {}
    for name in promotion.to:
        if name in unasked:
            continue
        try:
            found[name] = judged(access, settings, root, replace(promotion, to=(name,)), when)
        except (Unreachable, BotoCoreError, ClientError) as error:
            unasked[name] = f"{name}: {plain(error)}"
    return found


def _only_canary(found: list[Verdict]) -> bool:
    """A canary costs minutes: it comes when nothing else stands in the way."""
    return {each.gate for each in holding(found, override="")} == {gates.CANARY}


def _run_canaries(access: Access, root: Path, promotion: Promotion) -> list[Record]:
    """One for each release that the offices have and that was not compared yet."""
    tolerances = access.fleet.pipelines[promotion.pipeline].canary
    made: list[Record] = []
    for name in promotion.to:
        if tolerances is None or kept_canary(access, access.fleet.office(name), promotion):
            continue
        before = access.fleet.office(name).releases[promotion.pipeline]
        say(f"{promotion.pipeline}: canary of {promotion.release.digest[:19]}… beside {name}'s")
        record = compared(
            access, engine(), root, promotion.pipeline, tolerances, before, promotion.release,
            images={}, references=None, keep=True,
        )  # fmt: skip
        made.append(record)
    return made
