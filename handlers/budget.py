"""Budgets of projects: what a project's runs may cost in a month; when it is used up, new runs wait.

One item of the ledger for each project and month counts what its runs have cost, and beside it what they are
committed to: a run's estimate is added in the very transaction that claims it, on condition that there is
room, and is replaced by what the run cost in the transaction of its end. So many uploads at once cannot all
find the last dollar, and nothing is counted twice or forgotten. A run without room is claimed and held: it
waits, says why, and starts by itself in the next month or when a person has lifted the budget. Runs that have
begun go on. What is counted are instances, the largest part by far (`handlers.cost`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers import ledger, notices
from handlers.context import Context
from handlers.cost import spent_usd
from handlers.items import get, typed, update
from handlers.run import RECEIVED, Run

MICRO = 1_000_000  # of a US dollar: DynamoDB counts whole numbers
_ROOM = "attribute_exists(lifted) OR attribute_not_exists(committed) OR committed <= :room"


@dataclass(frozen=True, kw_only=True)
class Month:
    """A project's month in the ledger, in millionths of a US dollar.

    `committed`: what its runs have cost, with the estimates of those not yet over. `lifted`: who lifted it,
    when and why.
    """

    project: str
    month: str  # 2026-11
    limit: int
    spent: int = 0
    committed: int = 0
    lifted: Mapping[str, str] | None = None

    def has_room(self, wanted: int) -> bool:
        return self.lifted is not None or self.committed <= _room(self.limit, wanted)

    def is_near(self, warn_percent: int) -> bool:
        return self.lifted is None and 100 * self.committed >= warn_percent * self.limit


def read(context: Context, project: str, month: str) -> Month | None:
    """None: the project has no budget."""
    usd = context.office.allowance.usd.get(project)
    if usd is None:
        return None
    item = get(context, _key(project, month)) or {}
    return Month(
        project=project,
        month=month,
        limit=usd * MICRO,
        spent=int(item.get("spent", 0)),
        committed=int(item.get("committed", 0)),
        lifted=item.get("lifted"),
    )


def month_of(context: Context) -> str:
    return context.now[:7]


def admitted(context: Context, run: Run) -> Run:
    """A run that is to begin: charged to this month, or held if there is no room. Asks nothing of the ledger
    if its project has no budget.
    """
    known = read(context, run.sample.project, month_of(context))
    if known is None:
        return replace(run, held=None)
    if known.has_room(reserve(run)):
        return replace(run, held=None, charged=known.month)
    return replace(
        run,
        held=known.month,
        message=f"Waits: the budget of project {known.project} for {known.month}"
        f" ({known.limit // MICRO} USD) is used up.",
        what_to_do="Nothing is lost: it starts by itself next month, or some minutes after headquarters lifts"
        f" the budget: fleet budget {context.office.name}/{known.project} --lift REASON",
    )


def parts(
    context: Context, *, begins: Run | None = None, ends: Run | None = None
) -> tuple[Mapping[str, Any], ...]:
    """What is written in the transaction in which a run begins, one ends, or both; of one project.

    Nothing of runs that are not charged.
    """
    changes: dict[str, tuple[int, int]] = {}  # month → committed, spent
    limit = None
    if ends is not None and ends.charged:
        cost = round(spent_usd(ends, context.office.prices) * MICRO)
        changes[ends.charged] = (cost - reserve(ends), cost)
    if begins is not None and begins.charged:
        committed, spent = changes.get(begins.charged, (0, 0))
        changes[begins.charged] = (committed + reserve(begins), spent)
        limit = context.office.allowance.usd[begins.sample.project] * MICRO
    run = begins or ends
    assert run is not None
    return tuple(
        {
            "Update": {
                "TableName": context.office.ledger,
                "Key": typed(_key(run.sample.project, month)),
                "UpdateExpression": "SET committed = if_not_exists(committed, :none) + :committed,"
                " spent = if_not_exists(spent, :none) + :spent",
                **_condition(
                    {":none": 0, ":committed": committed, ":spent": spent},
                    _room(limit, reserve(begins)) if begins and limit and month == begins.charged else None,
                ),
            }
        }
        for month, (committed, spent) in changes.items()
    )


def _condition(values: Mapping[str, int], room: int | None) -> dict[str, Any]:
    if room is None:
        return {"ExpressionAttributeValues": typed(values)}
    return {
        # DynamoDB's conditions do no sums, so what is wanted is taken off the limit here.
        "ConditionExpression": _ROOM,
        "ExpressionAttributeValues": typed({**values, ":room": room}),
    }


def _room(limit: int, wanted: int) -> int:
    """The most that may be committed already; a run without an estimate wants something, too."""
    return limit - max(wanted, 1)


def reserve(run: Run) -> int:
    """What a run is expected to cost at most, in millionths of a US dollar; 0: nobody knows yet."""
    return round((run.estimate.high or 0.0) * MICRO) if run.estimate else 0


def release(context: Context, run: Run) -> Run | None:
    """A held run as it begins, one revision later, if there is room now. None: it waits on."""
    after = admitted(context, run)
    if after.held:
        return None
    begun = run.moved(
        RECEIVED,
        context.now,
        held=None,
        charged=after.charged,
        message="The upload has been received.",
        what_to_do=None,
        turn_expires=0,
    )
    return begun if ledger.advance(context, begun, *parts(context, begins=begun)) else None


def lift(context: Context, project: str, month: str, by: str, why: str) -> None:
    """Let the project's runs begin for the rest of this month, whatever they cost."""
    update(
        context,
        Key=typed(_key(project, month)),
        UpdateExpression="SET lifted = :lifted",
        ExpressionAttributeValues=typed({":lifted": {"by": by, "at": context.now, "why": why}}),
    )


def watch(context: Context) -> None:
    """Count the projects that are near their budget, and tell their people once a month."""
    near = 0
    for project in context.office.allowance.usd:
        known = read(context, project, month_of(context))
        if known is not None and known.is_near(context.office.allowance.warn_percent):
            near += 1
            notices.leave(
                context,
                _notice(
                    context,
                    known,
                    "near",
                    f"Project {project} has used or committed {100 * known.committed // known.limit}% of its"
                    f" budget of {known.limit // MICRO} USD for {known.month}. At 100% new runs wait.",
                ),
            )
    if context.office.allowance.usd:
        context.seen["BudgetsNear"] = near


def tell_stopped(context: Context, run: Run) -> None:
    """People hear, once a month, that new runs of this held run's project wait."""
    known = read(context, run.sample.project, month_of(context))
    if known is not None:
        notices.leave(context, _notice(context, known, "stopped", f"{run.message} {run.what_to_do or ''}"))


def _notice(context: Context, known: Month, what: str, text: str) -> notices.Notice:
    return notices.Notice(
        id=f"budget#{known.project}#{known.month}#{what}",
        project=known.project,
        subject=f"GlobalBI {context.office.name}: the budget of a project is"
        f" {'nearly used up' if what == 'near' else 'used up'}",
        text=notices.harmless(text),
        contacts=True,
    )


def _key(project: str, month: str) -> dict[str, str]:
    return {"pk": f"budget#{project}", "sk": month}
