"""`fleet`: where is sample X, and why? Every sample of every office, for headquarters."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from components.office import Office
from components.roster import Fleet
from fleet import output, overview, show
from fleet.access import Access, bucket, fleet_table
from fleet.find import find as find_runs
from fleet.output import Exit, in_words, say, tell
from fleet.table import OPEN_STATES, STATES, Filter, FleetTable, queries
from fleet.text import plain
from fleet.text import since as time_of
from handlers.log import logger

HERE = Path(__file__).resolve().parent.parent
app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


def office_names(incomplete: str = "") -> list[str]:
    """For the shell's completion: read from the stack files' names alone."""
    names = sorted(path.name.split(".")[1] for path in HERE.glob("Pulumi.*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def state_names(incomplete: str = "") -> list[str]:
    return [name for name in ("open", *STATES) if name.startswith(incomplete)]


OfficeOption = Annotated[
    str | None, typer.Option("--office", "-o", help="Only this office.", autocompletion=office_names)
]
OfficesArgument = Annotated[
    list[str] | None, typer.Argument(help="Offices; without any, all.", autocompletion=office_names)
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs instead of tables.")]
RunArgument = Annotated[
    str, typer.Argument(help="A run id or its beginning, project/sample, or pipeline/project/sample.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback()
def options(
    context: typer.Context,
    root: Annotated[
        Path,
        typer.Option(envvar="FLEET_ROOT", help="Where the offices' stack files are.", show_default=False),
    ] = HERE,
    profile: Annotated[
        str | None,
        typer.Option(envvar="FLEET_PROFILE", help="AWS profile of an office, such as 'globalbi-{office}'."),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(envvar="FLEET_ENDPOINT", help="A local stand-in for AWS, such as the twin's address."),
    ] = None,
) -> None:
    """Where is sample X, and why? Every sample of every office, for headquarters."""
    logger.setLevel(logging.CRITICAL)  # the handlers' own log lines are for CloudWatch
    with in_words():
        context.obj = Access(fleet=Fleet.load(root), endpoint=endpoint, profile_template=profile)


def now() -> datetime:
    return datetime.now(UTC)


def chosen(access: Access, names: list[str] | None) -> list[Office]:
    """The offices of these names, or all, headquarters first."""
    if names:
        return [access.fleet.office(name) for name in names]
    return sorted(access.fleet.offices, key=lambda office: (not office.headquarters, office.name))


def table_of(access: Access) -> FleetTable:
    return FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))


def time_option(text: str) -> str:
    try:
        return time_of(text, now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def states_option(names: list[str] | None) -> tuple[str, ...]:
    wanted: list[str] = []
    for name in names or []:
        if name == "open":
            wanted += OPEN_STATES
        elif name in STATES:
            wanted.append(name)
        else:
            raise typer.BadParameter(f"must be one of open, {', '.join(STATES)}, not {plain(name)!r}")
    return tuple(dict.fromkeys(wanted))


@app.command()
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


@app.command()
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
        tell({"runs": page.rows, "next": page.next})
        return
    output.show(show.runs_table(page.rows, now()))
    if page.next:
        say(f"There are more: the same with --before {page.next}")
    elif not page.rows:
        say("No run is like that.")


@app.command()
def sample(
    context: typer.Context, what: RunArgument, office: OfficeOption = None, as_json: JsonOption = False
) -> None:
    """One sample's way: every attempt with its reason and decision, times, where the results are.

    Of several runs of a sample, the newest; the others are listed below it.
    """
    access: Access = context.obj
    with in_words():
        found = find_runs(access, what, office)
    if as_json:
        tell({"run": found.latest, "others": found.rows[1:]})
        return
    for number, row in enumerate(one for one in found.rows if newest_of_its_office(one, found.rows)):
        if number:
            output.show(Text())
        others = [each for each in found.rows if each["office"] == row["office"]]
        home = access.fleet.office(row["office"])
        output.show(show.run_view(row, others, now(), bucket(home, "results")))


def newest_of_its_office(row: dict[str, object], rows: list[dict[str, object]]) -> bool:
    """Offices may have samples of the same name: each has a newest run of its own."""
    return row is next(each for each in rows if each["office"] == row["office"])


def main() -> None:
    app(prog_name="fleet")
