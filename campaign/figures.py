"""`python -m campaign.figures`: the figures beside the campaign's own.

A kill before and after every request (`kills`), every order of a sample's events (`orders`), the public
incident (`incident`), and a burst of uploads (`burst`). All of them, or those that are named.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from campaign.kills import every_kill
from campaign.orders import every_order
from campaign.scenarios import DRAINED_WITHIN_S, SUBMISSIONS_PER_S, burst, incident

Figure = tuple[str, str, bool, dict[str, Any]]  # what, figure, kept, all of it


def kills(processes: int) -> Figure:
    done = every_kill(processes=processes)
    by_whom: dict[str, int] = {}
    for name, count in done.requests.items():
        by_whom[name.split()[0]] = by_whom.get(name.split()[0], 0) + count
    requests = sum(done.requests.values())
    share = 100 * (done.kills - len(done.failed)) / done.kills
    counts = ", ".join(f"{name} {count}" for name, count in by_whom.items())
    what = f"a kill before and after each of {requests} requests ({counts})"
    return what, f"{share:.2f}% of {done.kills} recovered", not done.failed, {
        "kills": done.kills, "failed": list(done.failed), "requests": dict(done.requests)
    }  # fmt: skip


def orders(_: int) -> Figure:
    played = every_order()
    kept = len(played.outcomes) == 1 and not played.dead
    return (
        f"all {played.covered:,} orders of eight events",
        f"{len(played.outcomes)} outcome",
        kept,
        asdict(played),
    )


def crowd(_: int) -> Figure:
    came = incident()
    what = f"{came.uploads:,} uploads, {came.timed_out} functions out of time in mid-batch"
    return what, f"{came.jobs:,} jobs", came.exactly_once, asdict(came)


def rush(_: int) -> Figure:
    came = burst()
    kept = came.exactly_once and came.peak <= SUBMISSIONS_PER_S and came.drained_s <= DRAINED_WITHIN_S
    what = f"{came.uploads:,} uploads within a minute"
    figure = (
        f"at most {came.peak} submissions a second, drained in {came.drained_s:.0f} s, {came.jobs:,} jobs"
    )
    return what, figure, kept, asdict(came)


FIGURES: dict[str, Callable[[int], Figure]] = {
    "kills": kills,
    "orders": orders,
    "incident": crowd,
    "burst": rush,
}


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every figure is reached."""
    parser = argparse.ArgumentParser(prog="python -m campaign.figures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--processes", type=int, default=2, help="for the kills (2)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in FIGURES]:
        parser.error(f"no figure is named {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    table = Table(title="Figures", title_justify="left")
    for column in ("what", "figure", "reached", "s"):
        table.add_column(column)
    results, console = {}, Console()
    for name in given.names or FIGURES:
        began = time.perf_counter()
        what, figure, kept, everything = FIGURES[name](given.processes)
        table.add_row(what, figure, "yes" if kept else "[red]no", f"{time.perf_counter() - began:.0f}")
        results[name] = {**everything, "kept": kept}
        for failure in everything.get("failed", [])[:10]:
            console.print(f"[red]not recovered:[/red] {failure}")
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1, sort_keys=True))
    return 0 if all(each["kept"] for each in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
