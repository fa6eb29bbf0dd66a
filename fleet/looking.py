"""Commands that look: `status`, `samples`, `sample`, `logs`, `watch`."""

import time
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from fleet import deliveries, output, overview, show
from fleet import logs as job_logs
from fleet import watch as watching
from fleet.access import Access, bucket
from fleet.find import find
from fleet.options import (
    JsonOption,
    OfficeOption,
    OfficesArgument,
    RunArgument,
    chosen,
    now,
    state_names,
    states_option,
    table_of,
    time_option,
)
from fleet.output import Exit, in_words, say, tell, tell_line
from fleet.table import Filter, Row, queries
from fleet.text import local, plain, where

RECENT = 20


def status(
    context: typer.Context,
    offices: OfficesArgument = None,
    since: Annotated[str, typer.Option(help="Ended runs from then on: 12h, 7d, 2026-11-01.")] = "7d",
    as_json: JsonOption = False,
) -> None:
    """How each office stands: runs by state, how fresh its events are, dead letters.

    Exit code 4 if an office's own account could not be asked.
    """
    access: Access = context.obj
    with in_words():
        begin, at = time_option(since), now()
        found = overview.standings(access, begin, at, chosen(access, offices))
    if as_json:
        tell([show.standing_json(each) for each in found])
    else:
        output.show(show.standings_table(found, at, begin))
    if any(each.trouble for each in found):
        raise typer.Exit(Exit.UNREACHABLE)


def samples(
    context: typer.Context,
    office: OfficeOption = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only this pipeline.")] = None,
    state: Annotated[
        list[str] | None,
        typer.Option("--state", "-s", help="Only this state; repeatable.", autocompletion=state_names),
    ] = None,
    release: Annotated[str | None, typer.Option(help="Only runs of this image digest.")] = None,
    since: Annotated[str | None, typer.Option(help="Changed since then: 12h, 7d, 2026-11-01.")] = None,
    before: Annotated[str | None, typer.Option(help="Changed before then: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Rows of a page.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Runs, the newest first, by office, project, pipeline, state, release and time."""
    access: Access = context.obj
    with in_words():
        if office is not None:
            access.fleet.office(office)
        asked = Filter(
            office=office,
            project=project,
            pipeline=pipeline,
            release=release,
            states=states_option(state),
            since=time_option(since) if since else None,
            before=time_option(before) if before else None,
        )
        page = table_of(access).page(queries(asked, [each.name for each in access.fleet.offices]), limit)
    if as_json:
        tell({"runs": [show.row_json(row) for row in page.rows], "next": page.next})
        return
    output.show(show.runs_table(page.rows, now()))
    if page.next:
        say(f"There are more: the same with --before {page.next}")
    elif not page.rows:
        say("No run is like that.")


def sample(
    context: typer.Context, what: RunArgument, office: OfficeOption = None, as_json: JsonOption = False
) -> None:
    """One sample's way: every attempt with its reason and decision, times, where the results are.

    Of several runs of a sample, the newest; the others are listed below it.
    """
    access: Access = context.obj
    with in_words():
        found = find(access, what, office)
    if as_json:
        first, *others = [show.row_json(row) for row in found.rows]
        home = access.fleet.office(first["office"])
        delivered = deliveries.json_of(deliveries.of_run(access, home, first["run_id"]))
        tell({"run": first, "others": others, "deliveries": delivered})
        return
    for number, rows in enumerate(_apart(found.rows)):
        if number:
            output.show(Text())
        home = access.fleet.office(rows[0]["office"])
        line = deliveries.in_one_line(deliveries.of_run(access, home, rows[0]["run_id"]))
        output.show(show.run_view(rows[0], rows[1:], now(), bucket(home, "results"), line))


def logs(
    context: typer.Context,
    what: RunArgument,
    attempt: Annotated[
        int | None, typer.Option("--attempt", "-a", min=1, help="Of this attempt, not the last.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job has ended.")] = False,
    steps: Annotated[
        bool, typer.Option("--steps", help="Of the functions instead: every line about the run.")
    ] = False,
    office: OfficeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the runner and the pipeline said during an attempt. Asks the office's own account.

    With --steps, what every function said of the run, from upload to delivery.
    """
    access: Access = context.obj
    with in_words():
        row = find(access, what, office).latest
        home = access.fleet.office(row["office"])
        if steps:
            told: Iterable[job_logs.Line] = job_logs.of_functions(access, home, row)
        else:
            job = job_logs.job_of_attempt(row, attempt)
            told = job_logs.lines(access, home, job, follow=follow)
        for line in told:
            at = output.iso(line.at)
            if as_json:
                tell_line({"at": at, "text": line.text})
            else:
                output.show_line(f"{local(at)}  {plain(line.text)}")


def watch(
    context: typer.Context,
    every: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 2.0,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after as long; else Ctrl-C.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every change of every run as it comes: a live table, or lines where there is no terminal."""
    access: Access = context.obj
    with in_words():
        changes = watching.Changes(
            table=table_of(access), offices=[each.name for each in access.fleet.offices], clock=now
        )
        left = watching.until(now, seconds)
        try:
            if as_json or not output.console().is_terminal:
                _lines(changes, every, left, as_json)
            else:
                _live(access, changes, every, left)
        except KeyboardInterrupt:
            return


def _lines(changes: watching.Changes, every: float, left: Any, as_json: bool) -> None:
    while True:
        for row in changes.look():
            if as_json:
                tell_line(show.row_json(row))
            else:
                output.show_line(_line(row))
        if not left():
            return
        time.sleep(every)


def _line(row: Row) -> str:
    words = (row["office"], where(row), row["state"], row.get("message", ""))
    return f"{local(row['updated'])}  " + "  ".join(plain(each) for each in words)


def _live(access: Access, changes: watching.Changes, every: float, left: Any) -> None:
    offices = chosen(access, None)

    def picture() -> Group:
        at, begin = now(), time_option("7d")
        found = overview.standings(access, begin, at, offices)
        return Group(show.standings_table(found, at, begin), show.runs_table(changes.recent(RECENT), at))

    with Live(picture(), console=output.console(), screen=True, auto_refresh=False) as live:
        while left():
            time.sleep(every)
            live.update(picture(), refresh=True)


def _apart(rows: list[Row]) -> list[list[Row]]:
    """Offices may have samples of the same name, and so may pipelines: each has a newest run of its own."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["office"], where(row)), []).append(row)
    return list(found.values())
