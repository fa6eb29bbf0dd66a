"""The pull request that docs/gitops.md shows: `python -m tests.rollout.example` prints its comment."""

from rollout.comment import comment
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
    ),
    Summary(
        office="us",
        changes=(Change(action="replace", type=QUEUE, name="globalbi-us-intake-queue", keys=("name",)),),
    ),
)


def text() -> str:
    return comment(SUMMARIES, [], "4f2a9c1b7d3e")


if __name__ == "__main__":
    print(text())
