"""`rightsize`: what a pipeline's runs took, beside what `pipeline.yaml` gives them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from components.faults import choices
from components.office import PinnedRelease
from components.pipeline import Pipeline
from cost.book import book_of
from fleet import output
from fleet.access import Access
from fleet.options import JsonOption, table_of
from fleet.output import Refused, in_words, say, tell
from fleet.show import table
from fleet.table import Filter, queries
from fleet.text import cell, plain
from rightsizing.contract import with_sizes
from rightsizing.evidence import Evidence, evidence
from rightsizing.fit import MOST_RUNS
from rightsizing.pull_request import evidence_rows, figures, money_json, outcome_json, resizing
from rightsizing.runs import History, history_of
from rightsizing.sizes import LEAST_RUNS, Size, sizes
from rollout.promote import runs_of, write
from rollout.stack_file import CannotMove


def rightsize(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose sizes are looked at.")],
    write_file: Annotated[bool, typer.Option("--write", help="Change pipeline.yaml.")] = False,
    pull_request: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Prepare the pull request there, for `rollout propose`."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What a pipeline's runs took, and the memory, scratch and time limit that they call for.

    Learnt from the runs of the releases that offices have, by quantile regression on the input's size.
    Without an option it changes nothing.
    """
    access: Access = context.obj
    root: Path = context.find_root().params["root"]
    with in_words():
        if pipeline not in access.fleet.pipelines:
            raise Refused(f"{pipeline!r} is no pipeline (valid: {choices(access.fleet.pipelines)})")
        described = access.fleet.pipelines[pipeline]
        releases = _releases(access, pipeline)
        history = _history(access, described, releases)
        found = sizes(described, history)
        changes = [each for each in found if each.proposed is not None]
        shown = _evidence(access, described, history, found) if len(history.runs) >= LEAST_RUNS else None
        file = f"pipeline_images/{pipeline}/pipeline.yaml"
        try:
            text = with_sizes((root / file).read_bytes().decode(), file, found)
        except CannotMove as error:
            raise Refused(str(error)) from error
        files = write(root, {file: text}) if changes and write_file else []
    if as_json:
        tell(_json(pipeline, releases, history, found, shown, files))
    else:
        _show(history, found, shown)
    if pull_request and changes and shown:
        pull_request.mkdir(parents=True, exist_ok=True)
        made = resizing(pipeline, releases[0].digest, file, text, history, found, shown)
        (pull_request / f"rightsize-{pipeline}.json").write_text(made.to_json())
        say(f"{pipeline}: {made.title}")
    elif not changes:
        say(f"{plain(pipeline)} keeps its figures.")
    if files:
        say(f"Changed {', '.join(files)}: commit, and open a pull request.")


def _releases(access: Access, pipeline: str) -> list[PinnedRelease]:
    """Those that offices have, headquarters' first."""
    offices = sorted(access.fleet.offices, key=lambda office: (not office.headquarters, office.name))
    found: list[PinnedRelease] = []
    for office in offices:
        release = office.releases.get(pipeline)
        if release is not None and release not in found:
            found.append(release)
    if not found:
        raise Refused(f"no office has {pipeline} in its globalbi:releases")
    return found


def _history(access: Access, pipeline: Pipeline, releases: list[PinnedRelease]) -> History:
    """Of these releases, references included; where they have too few runs, of earlier ones as well."""
    names = [office.name for office in access.fleet.offices]
    rows = [row for each in releases for row in runs_of(access, pipeline.name, each, names)]
    found = history_of(rows, MOST_RUNS)
    if len(found.runs) >= LEAST_RUNS:
        return found
    pins = [
        {role: [name, each.references[name]] for role, name in pipeline.references.items()}
        for each in releases
    ]
    every = table_of(access).newest_first(queries(Filter(pipeline=pipeline.name), names))
    alike = history_of((row for row in every if row["references"] in pins), MOST_RUNS)
    earlier = len(alike.runs) - len(found.runs)
    return History(
        runs=alike.runs,
        never_enough=alike.never_enough,
        unmeasured=alike.unmeasured,
        earlier=max(0, earlier),
    )


def _evidence(access: Access, pipeline: Pipeline, history: History, found: list[Size]) -> Evidence:
    offices = [office for office in access.fleet.offices if pipeline.name in office.releases]
    return evidence(
        pipeline,
        history,
        found,
        budget=min(office.settings.retries.memory for office in offices),
        families={office.region: office.settings.compute.instance_families for office in offices},
        book=book_of(None),
    )


def _show(history: History, found: list[Size], shown: Evidence | None) -> None:
    made = table("figure", "now", "proposed", "why")
    for each in found:
        made.add_row(
            cell(f"{each.kind.key}"),
            cell(figures(each.now)),
            cell(figures(each.proposed), "green" if each.proposed else ""),
            cell(each.words),
        )
    output.show(made)
    if history.unmeasured:
        say(f"{history.unmeasured} runs succeeded without saying what memory they took.")
    if shown:
        replayed = table("over these runs", "now", "proposed", "expected of runs not seen")
        for row in evidence_rows(shown):
            replayed.add_row(*map(cell, row))
        output.show(replayed)


def _json(
    pipeline: str,
    releases: list[PinnedRelease],
    history: History,
    found: list[Size],
    shown: Evidence | None,
    files: list[str],
) -> dict[str, Any]:
    return {
        "pipeline": pipeline,
        "releases": [each.digest for each in releases],
        "runs": len(history.runs),
        "runs_of_earlier_releases": history.earlier,
        "runs_without_measures": history.unmeasured,
        "sizes": [
            {
                "figure": each.kind.key,
                "unit": each.kind.unit,
                "now": asdict(each.now),
                "proposed": asdict(each.proposed) if each.proposed else None,
                "why": each.words,
                "skill": each.fit.skill if each.fit else None,
                "reads_skill": each.fit.reads_skill if each.fit else None,
            }
            for each in found
        ],
        "evidence": {
            "before": outcome_json(shown.before),
            "after": outcome_json(shown.after),
            "expected": outcome_json(shown.expected),
            "usd_for_1000_runs": {
                "before": money_json(shown.before_money),
                "after": money_json(shown.after_money),
            },
        }
        if shown
        else None,
        "files": files,
    }
