"""`python -m campaign`: run the fault campaign, print its table, write its JSON.

The samples are shared out among processes, each with all offices and a seed of its own, made from the one
that is given; a process is one simulation, and replays exactly.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from campaign.offices import OFFICES
from campaign.report import show, write_json
from campaign.shards import run_shards


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000, help="of each office (10,000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same campaign (1)")
    parser.add_argument("--offices", default=",".join(OFFICES), help="by name (hq,eu,us)")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1), help="(2)")
    parser.add_argument(
        "--wire", action="store_true", help="every call through the whole client: slower, same trace"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what the table shows, and more")
    given = parser.parse_args(arguments)
    offices = given.offices.split(",")
    if unknown := [name for name in offices if name not in OFFICES]:
        parser.error(f"--offices must be of {', '.join(OFFICES)}, not {', '.join(unknown)}")
    result = run_shards(given.samples, given.seed, given.processes, offices, wire=given.wire)
    show(result, Console())
    if given.json:
        write_json(result, given.json)
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
