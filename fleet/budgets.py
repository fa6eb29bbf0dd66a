"""`budget`: what projects have cost this month against what they may cost, and the lifting of a budget.

The figures are the office's own ledger's (`handlers.budget`). Runs that wait start by themselves within one
pass of reconcile after a budget was lifted.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from components.office import Office
from fleet import output
from fleet.access import Access, in_each
from fleet.find import NotFound
from fleet.options import JsonOption, YesOption, chosen
from fleet.output import Refused, in_words, say, tell
from fleet.show import table
from fleet.text import cell, plain
from handlers import budget as budgets
from handlers.budget import MICRO, Month
from handlers.items import query, untyped
from handlers.ledger import OPEN, OPEN_INDEX
from rollout.cost_comment import amount

RECONCILE_MINUTES = 5


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A project's month in its office; `held`: how many of its runs wait for it."""

    office: str
    month: Month
    held: int


def budget(
    context: typer.Context,
    what: Annotated[
        str | None, typer.Argument(help="OFFICE or OFFICE/PROJECT; without it, all.", show_default=False)
    ] = None,
    lift: Annotated[
        str | None,
        typer.Option("--lift", help="Let the project's runs begin for the rest of this month; the reason."),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Budgets of projects: what this month's runs cost, what is left, and which projects' new runs wait."""
    access: Access = context.obj
    with in_words():
        name, _, project = (what or "").partition("/")
        offices = chosen(access, [name] if name else None)
        if lift is not None:
            _lift(access, offices[0], project, lift, yes)
        answers = in_each(offices, lambda office: standings(access, office))
        found: list[Standing] = []
        for answer in answers.values():
            if isinstance(answer, Exception):
                raise answer
            found += [each for each in answer if project in ("", each.month.project)]
        if project and not found:
            raise NotFound(f"{name} has no budget of a project {plain(project)} (globalbi:budget.projects)")
    if as_json:
        tell([as_dict(each) for each in found])
    elif found:
        output.show(as_table(found))
    else:
        say("No office has a budget of a project (globalbi:budget.projects in its file).")


def standings(access: Access, office: Office) -> list[Standing]:
    """Each project with a budget; asks the office's ledger."""
    if not office.settings.budget.projects:
        return []
    at_home = access.context(office)
    held: dict[str, int] = {}
    for item in map(
        untyped, query(at_home, OPEN_INDEX, "#open = :open", {":open": OPEN}, names={"#open": "open"})
    ):
        if item.get("held"):
            project = str(item["page"]).partition("/")[2]
            held[project] = held.get(project, 0) + 1
    found = []
    for project in sorted(office.settings.budget.projects):
        month = budgets.read(at_home, project, budgets.month_of(at_home))
        if month is not None:
            found.append(Standing(office=office.name, month=month, held=held.get(project, 0)))
    return found


def _lift(access: Access, office: Office, project: str, why: str, yes: bool) -> None:
    if not why.strip():
        raise Refused("--lift must say why: whoever pays will ask")
    if project not in office.settings.budget.projects:
        known = ", ".join(sorted(office.settings.budget.projects)) or "none"
        raise Refused(
            f"{office.name} has no budget of project {plain(project) or '(none given)'} (valid: {known}):"
            f" say {office.name}/PROJECT"
        )
    at_home = access.context(office)
    month = budgets.month_of(at_home)
    if not yes:
        usd = office.settings.budget.projects[project]
        output.agree(
            f"Runs of {plain(project)} at {office.name} begin for the rest of {month}, whatever they cost"
            f" (its budget is {usd} USD)."
        )
    caller = access.client("sts", office).get_caller_identity()["Arn"].rsplit("/", 1)[-1]
    budgets.lift(at_home, project, month, caller.rsplit(":", 1)[-1], why)


def as_dict(standing: Standing) -> dict[str, Any]:
    """US dollars."""
    month = standing.month
    return {
        "office": standing.office,
        "project": month.project,
        "month": month.month,
        "limit": month.limit / MICRO,
        "spent": month.spent / MICRO,
        "committed": month.committed / MICRO,
        "lifted": dict(month.lifted) if month.lifted else None,
        "held": standing.held,
    }


def as_table(found: list[Standing]) -> Table:
    made = table("office", "project", "month", "budget", "spent", "committed", "", "runs that wait", "what")
    for each in found:
        month = each.month
        share = 100 * month.committed // month.limit
        made.add_row(
            cell(each.office),
            cell(month.project),
            cell(month.month),
            cell(f"{month.limit // MICRO} USD"),
            cell(amount(month.spent / MICRO)),
            cell(amount(month.committed / MICRO)),
            cell(f"{share}%", "red" if each.held else ""),
            cell(each.held, "red" if each.held else ""),
            cell(_words(each)),
        )
    return made


def _words(standing: Standing) -> str:
    month = standing.month
    if month.lifted:
        return f"lifted by {month.lifted['by']} on {month.lifted['at'][:10]}: {month.lifted['why']}"
    if standing.held:
        return f"`fleet budget {standing.office}/{month.project} --lift REASON` starts them"
    return ""
