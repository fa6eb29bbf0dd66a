"""Right-sizing on runs that it has not seen, drawn from what the metagenome image's tools really took.

`measured/metagenome.json` holds points of several sizes, each several times (`benchmarks.points`). A run is
drawn at a size between the smallest and the largest: of the measured sizes to either side one point each is
taken by chance, and what lies between is interpolated (in logarithms), so its noise is as it was measured.
The runs that sizes are learnt from are drawn from the points of the first communities, the 2,000 held out
from those of the last one, which the first know nothing of. Their memory is then asked by what was learnt,
and by what `pipeline.yaml` gives; the production ladder answers each kill.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.points import KEPT
from benchmarks.report import ROOT, Comparison, Report
from components.office import Retries
from components.pipeline import Pipeline, load_pipelines
from rightsizing.evidence import resized
from rightsizing.replay import Outcome, replay
from rightsizing.runs import History, Ran
from rightsizing.sizes import memory_size

LEARNT_FROM, HELD_OUT = 400, 2_000
SEED = 9
LEAST_SAVED, MOST_KILLED = 0.5, 0.01
BUDGET = Retries.model_validate({}).memory  # as offices that say nothing of it have
REGION = "eu-central-1"


@dataclass(frozen=True, kw_only=True)
class Point:
    """Measured: bytes, MiB that no file backs, seconds, fragments."""

    input_bytes: int
    peak_mib: float
    seconds: float
    fragments: int
    seed: int


def points() -> list[Point]:
    return [
        Point(
            input_bytes=each["input_bytes"],
            peak_mib=each["anonymous_mib"],
            seconds=each["wall_s"],
            fragments=each["pairs"],
            seed=each["seed"],
        )
        for each in json.loads(KEPT.read_text())["points"]
    ]


def drawn(measured: Sequence[Point], count: int, chance: np.random.Generator) -> list[Ran]:
    """Runs at sizes even in logarithm between the smallest measured and the largest."""
    by_size: dict[int, list[Point]] = defaultdict(list)
    for point in measured:
        by_size[point.fragments].append(point)
    sizes = sorted(by_size)
    runs: list[Ran] = []
    for number in range(count):
        pairs = math.exp(chance.uniform(math.log(sizes[0]), math.log(sizes[-1])))
        above = min(int(np.searchsorted(sizes, pairs)), len(sizes) - 1)
        small, large = (
            by_size[size][int(chance.integers(len(by_size[size])))]
            for size in (sizes[max(0, above - 1)], sizes[above])
        )
        share = _share(pairs, small.fragments, large.fragments)

        def between(name: str, small: Point = small, large: Point = large, share: float = share) -> float:
            low, high = float(getattr(small, name)), float(getattr(large, name))
            return math.exp((1 - share) * math.log(low) + share * math.log(high))

        runs.append(
            Ran(
                run_id=f"drawn{number:05}",
                region=REGION,
                input_bytes=round(between("input_bytes")),
                memory_mib=0,
                vcpus=4,
                seconds=between("seconds"),
                peak_mib=math.ceil(round(between("peak_mib"), 3)),
                fragments=round(pairs),
            )
        )
    return runs


def _share(pairs: float, small: int, large: int) -> float:
    if small == large:
        return 0.0
    return (math.log(pairs) - math.log(small)) / (math.log(large) - math.log(small))


def back_tested(measured: Sequence[Point], pipeline: Pipeline) -> tuple[Pipeline, Outcome, Outcome, str]:
    """The pipeline as it was learnt, the held-out runs by what it asked before and asks now, the words."""
    chance = np.random.default_rng(SEED)
    last = max(point.seed for point in measured)
    learnt_from = drawn([point for point in measured if point.seed != last], LEARNT_FROM, chance)
    held_out = drawn([point for point in measured if point.seed == last], HELD_OUT, chance)
    size = memory_size(pipeline, History(runs=tuple(learnt_from)))
    learnt = resized(pipeline, [size])
    fixed, sized = (replay(held_out, each.release(), BUDGET) for each in (pipeline, learnt))
    return learnt, fixed, sized, size.words


def measure(console: Console) -> Report:
    pipeline = load_pipelines(ROOT)["metagenome"]
    measured = points()
    learnt, fixed, sized, words = back_tested(measured, pipeline)
    console.print(words)
    saved = 1 - sized.wasted_gib_h / fixed.wasted_gib_h
    memory = learnt.resources.memory_mib
    title = f"{HELD_OUT:,} held-out runs of metagenome, drawn from {len(measured)} measured points"
    return Report(
        title=title,
        comparisons=[
            Comparison(
                title=title,
                columns=["asked GiB h", "wasted GiB h", "wasted %", "killed %", "attempts", "unfinished"],
                rows={
                    f"pipeline.yaml: {_figures(pipeline)}": _row(fixed),
                    f"learnt: {_figures(learnt)}": _row(sized),
                    "saved of the waste, %": [100 * saved],
                },
            )
        ],
        detail={"base": memory.base, "per_input_gib": memory.per_input_gib, "saved": saved},
        faults=faults(fixed, sized),
    )


def faults(fixed: Outcome, sized: Outcome) -> list[str]:
    saved = 1 - sized.wasted_gib_h / fixed.wasted_gib_h
    found = []
    if saved < LEAST_SAVED:
        found.append(f"{saved:.0%} of the waste is saved, not {LEAST_SAVED:.0%}")
    if sized.out_of_memory_rate > MOST_KILLED:
        found.append(f"{sized.out_of_memory_rate:.2%} of the runs are killed, not at most {MOST_KILLED:.0%}")
    if sized.failed:
        found.append(f"{sized.failed} runs never got enough")
    return found


def _figures(pipeline: Pipeline) -> str:
    memory = pipeline.resources.memory_mib
    return f"{memory.base:,} + {memory.per_input_gib:,} MiB for a GiB"


def _row(outcome: Outcome) -> list[Any]:
    return [
        outcome.asked_gib_h,
        outcome.wasted_gib_h,
        100 * outcome.waste,
        100 * outcome.out_of_memory_rate,
        outcome.most_attempts,
        outcome.failed,
    ]
