"""Resources: what each pipeline's jobs were given beside what they took, and how full instances were. Pure.

Waste is counted as `fleet rightsize` does: memory for the time for which it was held and not used, by runs
that say what they took, and by attempts that were killed for want of memory, those whole. Attempts that ended
in another way are in no sum of memory: what they used nobody knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from cost.book import Book
from cost.instances import Filled, Held, Known, instances, together
from fleet.dashboard.history import Seen
from handlers.failures import MEMORY
from handlers.run import FAILED, SUCCEEDED


@dataclass(frozen=True, kw_only=True)
class Spread:
    """In MiB."""

    median: float
    most: int


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Of one pipeline. `asked` and `peak` are of the `measured` runs, those that say what they took; None:
    there is none. `wasted` is the share of the memory held. `instances` had at least one job of it.
    """

    pipeline: str
    runs: int
    measured: int
    asked: Spread | None
    peak: Spread | None
    wasted: float | None
    killed: int  # attempts, for want of memory
    never_enough: int  # runs that failed in the end for it
    instances: int
    filled: Filled  # those instances together, with the jobs of other pipelines on them


@dataclass(frozen=True, kw_only=True)
class Resources:
    """`left_out` counts jobs that are in no figure of an instance, by why."""

    runs: int
    pipelines: tuple[Needs, ...]
    left_out: dict[str, int]


def resources(runs: Sequence[Seen], prices: Book) -> Resources:
    """The pipeline with the most runs first."""
    found = instances((each for one in runs for each in one.held), prices)
    on: defaultdict[str, list[Known]] = defaultdict(list)
    for known in found.known:
        for pipeline in known.pipelines:
            on[pipeline].append(known)
    by_pipeline: defaultdict[str, list[Seen]] = defaultdict(list)
    for one in runs:
        by_pipeline[one.pipeline].append(one)
    needs = [_needs(pipeline, of_it, on[pipeline]) for pipeline, of_it in by_pipeline.items()]
    needs.sort(key=lambda each: (-each.runs, each.pipeline))
    return Resources(runs=len(runs), pipelines=tuple(needs), left_out=dict(found.left_out))


def _needs(pipeline: str, runs: Sequence[Seen], on: Sequence[Known]) -> Needs:
    measured = [(one.held[-1], one.peak_mib) for one in runs if one.peak_mib and _measured(one)]
    killed = [each for one in runs for each in one.held if each.failure == MEMORY]
    held = sum(_mib_s(each) for each, _ in measured) + sum(map(_mib_s, killed))
    used = sum(each.seconds * peak for each, peak in measured)
    return Needs(
        pipeline=pipeline,
        runs=len(runs),
        measured=len(measured),
        asked=_spread(each.memory_mib for each, _ in measured),
        peak=_spread(peak for _, peak in measured),
        wasted=(held - used) / held if held else None,
        killed=len(killed),
        never_enough=sum(_never_enough(one) for one in runs),
        instances=len(on),
        filled=together(each.filled for each in on),
    )


def _measured(one: Seen) -> bool:
    """Whether the last attempt published and is known from start to end."""
    return one.state == SUCCEEDED and bool(one.held) and one.held[-1].end is not None


def _never_enough(one: Seen) -> bool:
    return one.state == FAILED and bool(one.held) and one.held[-1].failure == MEMORY


def _mib_s(each: Held) -> float:
    return each.seconds * each.memory_mib


def _spread(mib: Iterable[int]) -> Spread | None:
    every = list(mib)
    return Spread(median=median(every), most=max(every)) if every else None
