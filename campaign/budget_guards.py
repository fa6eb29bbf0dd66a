# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""The guards of budgets: what keeps a project's month right, and its runs from beginning without room."""

from campaign.guard import guard

BUDGET_GUARDS = (
    guard(
        "a claim takes its room on condition that it is there", "budget_races", "handlers.budget",
        "attribute_exists(lifted) OR attribute_not_exists(committed) OR committed <= :room",
        "attribute_exists(lifted) OR attribute_not_exists(committed) OR committed <= :room OR committed > :room",
    ),
    guard(
        "what a run cost is counted in the transaction of its end", "budget_campaign", "handlers.progress",
        "beside += budget.parts(context, ends=after) if after.terminal else ()",
        "[__import__('handlers.items').items.transact(context, each) for each in (budget.parts(context, ends=after) if after.terminal else ())]",
    ),
    guard(
        "a superseded run is counted where it is superseded", "budget_campaign", "handlers.intake",
        "money = budget.parts(context, begins=run, ends=superseded)", "money = budget.parts(context, begins=run)",
    ),
    guard(
        "a held run gets no job", "budget_campaign", "handlers.submit",
        "if run.state != RECEIVED or run.held or", "if run.state != RECEIVED or",
    ),
    guard(
        "reconcile begins what has room again", "budget_campaign", "handlers.reconcile",
        "            if run.held and not run.terminal:\n", "            if False:\n",
    ),
)  # fmt: skip
