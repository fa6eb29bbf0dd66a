"""Options that commands share, and what their values mean."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from components.office import Office
from fleet.access import Access, fleet_table
from fleet.table import OPEN_STATES, STATES, FleetTable
from fleet.text import plain, since

ROOT = Path(__file__).resolve().parent.parent


def office_names(incomplete: str = "") -> list[str]:
    """For the shell's completion: from the names of the stack files alone."""
    names = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
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
    str,
    typer.Argument(
        help="A run id or its beginning, project/sample, or pipeline/project/sample.", show_default=False
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def now() -> datetime:
    return datetime.now(UTC)


def chosen(access: Access, names: list[str] | None) -> list[Office]:
    """The offices of these names, or all, headquarters first."""
    if names:
        return [access.fleet.office(name) for name in dict.fromkeys(names)]
    return sorted(access.fleet.offices, key=lambda office: (not office.headquarters, office.name))


def table_of(access: Access) -> FleetTable:
    return FleetTable(name=fleet_table(), dynamodb=access.headquarters("dynamodb"))


def time_option(text: str) -> str:
    try:
        return since(text, now())
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
