# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""The guards of cohorts: what keeps a comparison new, whole and made once."""

from campaign.guard import guard

COHORT_GUARDS = (
    guard(
        "a success marks its project in the same transaction", "cohort_kills", "handlers.progress",
        "if ledger.advance(context, after, *beside):",
        "if ledger.advance(context, after) and (not beside or __import__('handlers.items').items.transact(context, *beside)):",
    ),
    guard(
        "a cohort is claimed only while nothing is added to what its list was read from", "cohort_races",
        "handlers.project", '"ConditionExpression": "changes = :seen"',
        '"ConditionExpression": "changes = :seen OR changes > :seen"',
    ),
    guard(
        "the mark of a project is taken off only if nothing has come since", "cohort_races", "handlers.outbox",
        'ConditionExpression="changes = :seen"', 'ConditionExpression="changes = :seen OR changes > :seen"',
    ),
    guard(
        "a newer cohort ends the one at work", "cohort_races", "handlers.cohort",
        "Start(supersedes=None if last.terminal else last)", "Start(supersedes=None)",
    ),
    guard(
        "the same members are not compared again", "cohort_races", "handlers.cohort",
        "known.version_id == listing.sha256 and", "False and",
    ),
    guard(
        "a member is its sample's newest result", "cohort_races", "handlers.project",
        "        newest[row.sample] = row\n", "        newest.setdefault(row.sample, row)\n",
    ),
    guard(
        "a project with a sample under analysis is not quiet", "cohort_waits", "handlers.cohort",
        "            if project in busy:\n", "            if False:\n",
    ),
    guard(
        "reconcile starts what is due", "cohort_waits", "handlers.reconcile",
        "    cohort.start_due(context, busy, lambda: _time_is_up(context))\n", "",
    ),
)  # fmt: skip
