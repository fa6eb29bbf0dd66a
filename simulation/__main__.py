"""`python -m simulation`: the days of the scale plan, their tables and plots, into docs/scale.md."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from components.pipeline import load_pipelines
from cost.book import book_of
from simulation import report
from simulation.scenarios import Result, Scenario, simulated
from simulation.stages import asked

ROOT = Path(__file__).resolve().parent.parent
PIPELINE, REGION = "metagenome", "us-east-1"
# maxVcpus of the offices' files, in jobs of 4 vCPUs.
AS_IT_IS = 256 // 4
SCENARIOS = (
    Scenario(name="100", samples=100, jobs=AS_IT_IS),
    Scenario(name="10,000", samples=10_000, jobs=AS_IT_IS),
    Scenario(name="10,000, 1,024 vCPUs", samples=10_000, jobs=256),
    Scenario(name="1,000,000, as it is", samples=1_000_000, jobs=AS_IT_IS),
    Scenario(name="1,000,000, 20,000 vCPUs", samples=1_000_000, jobs=5_000),
    Scenario(name="1,000,000, 32,000 vCPUs", samples=1_000_000, jobs=8_000),
    Scenario(name="the same, submitted twice as fast", samples=1_000_000, jobs=8_000, submissions_a_s=80),
)


def results(scenarios: Sequence[Scenario] = SCENARIOS) -> list[Result]:
    pipeline, region, counted = load_pipelines(ROOT)[PIPELINE], book_of(None).regions[REGION], asked()
    return [simulated(each, pipeline, counted, region) for each in scenarios]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=(__doc__ or ""))
    parser.add_argument("--samples", type=int, help="one day of so many, printed and not written")
    parser.add_argument("--vcpus", type=int, default=256, help="with --samples: the office's maxVcpus")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    if given.samples:
        one = Scenario(name=f"{given.samples:,}", samples=given.samples, jobs=given.vcpus // 4)
        print("\n".join(report.tables(results([one]))))
        return 0
    found = results()
    page = ROOT / "docs" / "scale.md"
    page.write_text(report.written(page.read_text(), report.tables(found)))
    for name, picture in report.plots(found).items():
        (ROOT / "docs" / "images" / name).write_text(picture)
    print("\n".join(report.tables(found)))
    took = "; ".join(f"{each.scenario.name}: {each.calculated_s:.0f} s" for each in found)
    print(f"calculated in {time.monotonic() - began:.0f} s ({took}); written to {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
