"""`python -m campaign.deliveries`: deliveries to partners under the campaign's faults.

Uploads become runs, runs succeed, and what they owe goes into two partners' buckets, and waits for a third
that is sent links, with every fault of the campaign, and buckets and keys that refuse, vanish or change hands
for a time. What the partners have is counted at the end.
"""

import argparse
import json
import multiprocessing
import os
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from campaign.delivering import deliver
from campaign.offices import Office
from campaign.owed import PROMISES, examine
from campaign.rates import Rates
from campaign.report import EXAMPLES
from campaign.shards import shares
from campaign.story import UPLOADS_PER_S, run_campaign

OFFICE = "eu"
RUN_S = 1_800.0  # about, from an upload to its delivery


@dataclass(kw_only=True)
class Result:
    """What came of one process' share, or of all."""

    broken: dict[str, list[str]]
    counts: Counter[str]
    ended: bool
    virtual_s: float
    wall_s: float

    @property
    def kept(self) -> bool:
        return self.ended and self.counts["deliveries"] > 0 and not any(self.broken.values())


def run_deliveries(given: tuple[int, int], rates: Rates | None = None) -> Result:
    """The deliveries of so many samples, by this seed."""
    samples, seed = given
    began: list[Office] = []

    def prepare(offices: dict[str, Office]) -> None:
        began.append(offices[OFFICE])
        deliver(offices[OFFICE], seed, samples / UPLOADS_PER_S + RUN_S)

    campaign = run_campaign(samples=samples, seed=seed, offices=[OFFICE], rates=rates, prepare=prepare)
    [office] = began
    assert office.deliveries is not None
    found = examine(campaign, office.deliveries)
    counts = found.counts + office.counts
    counts.update({f"requests {name}": count for name, count in office.account.fates.items()})
    counts["requests"] = sum(office.account.requests.values())
    counts["copies"] = office.account.requests["s3:CopyObject"]
    return Result(
        broken=found.broken,
        counts=counts,
        ended=campaign.idle,
        virtual_s=campaign.virtual_s,
        wall_s=campaign.wall_s,
    )


def together(results: list[Result]) -> Result:
    """The sum of processes that ran side by side."""
    return Result(
        broken={name: [what for each in results for what in each.broken[name]] for name in PROMISES},
        counts=sum((each.counts for each in results), Counter()),
        ended=all(each.ended for each in results),
        virtual_s=max(each.virtual_s for each in results),
        wall_s=max(each.wall_s for each in results),
    )


def show(result: Result, console: Console) -> None:
    """Promises first, then what befell the deliveries, then everything that was counted."""
    counts = result.counts
    table = Table(title=f"{counts['deliveries']:,} deliveries under faults", title_justify="left")
    for name in ("promise", "broken"):
        table.add_column(name, justify="left" if name == "promise" else "right")
    for name, words in PROMISES.items():
        count = len(result.broken[name])
        table.add_row(words, f"[red]{count}" if count else "0")
    table.add_row("came to rest", "yes" if result.ended else "[red]no")
    console.print(table)
    for name, places in result.broken.items():
        for each in places[:EXAMPLES]:
            console.print(f"[red]{name}[/red]: {each}")
    rest = Table(title="What was counted", title_justify="left")
    rest.add_column("what")
    rest.add_column("count", justify="right")
    for name in sorted(counts):
        rest.add_row(name, f"{counts[name]:,}")
    console.print(rest)
    console.print(f"{result.virtual_s / 3600:.1f} h simulated in {result.wall_s:.0f} s")


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m campaign.deliveries", description=__doc__)
    parser.add_argument("--samples", type=int, default=5_500, help="each owed to three partners (5,500)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same deliveries (1)")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1), help="(2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what the tables show")
    given = parser.parse_args(arguments)
    work = [each for each in shares(given.samples, given.seed, given.processes) if each[0]]
    if len(work) == 1:
        result = run_deliveries(work[0])
    else:
        with multiprocessing.get_context("spawn").Pool(len(work)) as pool:
            result = together(pool.map(run_deliveries, work, chunksize=1))
    show(result, Console())
    if given.json:
        given.json.write_text(json.dumps({**vars(result), "kept": result.kept}, indent=1, sort_keys=True))
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
