"""`python -m rollout`: what the workflows ask, one command each."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rollout import commands, costing, promoting


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rollout", description=(__doc__ or "").split("\n")[0])
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = subparsers.add_parser(name, help=(run.__doc__ or "").split("\n")[0])
        made.set_defaults(run=run)
        return made

    def with_summaries(made: argparse.ArgumentParser) -> None:
        made.add_argument("--offices", default="[]", help="JSON list of those that were to be previewed")
        made.add_argument("--summaries", type=Path, required=True, help="folder with OFFICE.json files")

    command("check", commands.check)
    command("status", commands.status)
    made = command("offices", commands.offices)
    made.add_argument("--base", required=True)
    made.add_argument("--head", default="HEAD")
    made = command("plan", commands.plan)
    made.add_argument("--head", required=True)
    made.add_argument("--tip", default="", help="refuse unless --head is this")
    made.add_argument("--office", default="", help="this office only, changed or not")
    made.add_argument("--override", default="", metavar="REASON", help="ignore hours and freezes, and why")
    command("settled", commands.settled).add_argument("--head", default="HEAD")
    made = command("images", commands.images)
    made.add_argument("--base", default="")
    made.add_argument("--head", default="HEAD")
    made = command("image", commands.image)
    made.add_argument("image")
    made.add_argument("--commit", required=True)
    command("office", commands.office).add_argument("office")
    made = command("summary", commands.summary)
    made.add_argument("office")
    made.add_argument("--preview", type=Path, required=True)
    made.add_argument("--runs", type=Path, help="folder that `runs` wrote to")
    made.add_argument("--out", type=Path, required=True)
    made = command("runs", costing.runs)
    made.add_argument("--offices", required=True, help="JSON list")
    made.add_argument("--out", type=Path, required=True, help="folder for OFFICE.json files")
    made = command("comment", commands.comment)
    made.add_argument("--pull-request", type=int, required=True)
    made.add_argument("--gone", default="[]", help="JSON list of offices whose stack file would be gone")
    made.add_argument("--commit", required=True)
    with_summaries(made)
    made = command("refuse", commands.refuse)
    made.add_argument("summary", type=Path)
    made.add_argument("--head", required=True)
    with_summaries(command("drift", commands.drifted))
    command("drifted-office", commands.drifted_office).add_argument("event", type=Path)
    made = command("propose", promoting.propose)
    made.add_argument("proposals", type=Path, help="folder that `fleet advance` wrote to")
    made.add_argument("--commit", required=True, help="what they were made from")
    made = command("profiles", promoting.profiles)
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--token", type=Path, required=True, help="file with the identity's token")
    made.add_argument("--session", required=True, help="who asks, for the offices' own logs")
    made = command("explain", commands.explain)
    made.add_argument("office")
    made.add_argument("log", type=Path)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    return run(chosen)


if __name__ == "__main__":
    sys.exit(main())
