"""The pull request that docs/gitops.md shows: `python -m tests.rollout.example` prints its comment."""

from rollout.comment import comment
from rollout.cost_change import CostChange, Month, Replayed
from rollout.summary import Change, Summary

QUEUE, JOB, FUNCTION = (
    "aws:sqs/queue:Queue",
    "aws:batch/jobDefinition:JobDefinition",
    "aws:lambda/function:Function",
)
SUMMARIES = (
    Summary(
        office="eu",
        changes=(
            Change(action="update", type=JOB, name="globalbi-eu-metagenome", keys=("containerProperties",)),
            Change(action="update", type=FUNCTION, name="globalbi-eu-intake", keys=("environment",)),
        ),
        cost=CostChange(
            prices_of="2026-11-25",
            month=Month(before=160.68, after=160.68),
            replays=(
                Replayed(pipeline="cohort", runs=3, before=0.0123, after=0.0123),
                Replayed(pipeline="metagenome", runs=46, before=3.7214, after=2.9031, spared=2, unpriced=1),
            ),
        ),
    ),
    Summary(
        office="us",
        changes=(Change(action="replace", type=QUEUE, name="globalbi-us-intake-queue", keys=("name",)),),
        cost=CostChange(
            prices_of="2026-11-25",
            month=Month(before=134.4, after=141.7, parts=(("interface endpoints, by zone", 18, 19),)),
            missing="headquarters knows of none that is over",
        ),
    ),
)


def text() -> str:
    return comment(SUMMARIES, [], "4f2a9c1b7d3e")


if __name__ == "__main__":
    print(text())
