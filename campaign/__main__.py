"""`python -m campaign`: run the fault campaign, print its table, write its JSON."""

import argparse
import sys

from rich.console import Console

from campaign.promises import examine
from campaign.story import run_campaign


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    arguments.add_argument("--samples", type=int, default=10_000, help="of each office")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--offices", default="hq,eu,us")
    arguments.add_argument("--json", metavar="FILE")
    given = arguments.parse_args()
    console = Console()
    campaign = run_campaign(
        samples=given.samples, seed=given.seed, offices=given.offices.split(","), told=console.log
    )
    found = examine(campaign)
    console.print(dict(sorted(found.counts.items())))
    console.print(dict(found.compute_s), found.extra_compute)
    console.print({name: (len(each), each[:5]) for name, each in found.broken.items()})
    console.print(campaign.wall_s, campaign.virtual_s, campaign.trace, campaign.idle)
    return 0 if found.kept else 1


if __name__ == "__main__":
    sys.exit(main())
