"""Evidence: what the proposed figures would have done, and what they may do to runs that nobody has seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.pipeline import ByInput, MemoryByInput, Pipeline
from cost.book import Book
from cost.shapes import Shape, places
from handlers.cost import share
from handlers.release import Linear
from rightsizing.replay import HOUR_S, Outcome, replay
from rightsizing.runs import History, Ran
from rightsizing.sizes import MEMORY, SCRATCH, TIME, Size, memory_size

FOLDS = 5
PER_RUNS = 1_000


@dataclass(frozen=True, kw_only=True)
class Money:
    """US dollars for a thousand runs on Spot, on the cheapest of the offices' families. `share` is what each
    run's own cost shows (a job's part of its instance), `bill` what instances full of such jobs cost. None:
    the book lacks a price.
    """

    share: float | None
    bill: float | None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """`before` and `after` are the measured runs again; `expected` sizes each fifth of them by the others."""

    before: Outcome
    after: Outcome
    expected: Outcome
    before_money: Money
    after_money: Money

    @property
    def waste_saved(self) -> float:
        """The share of the wasted memory that is wasted no more."""
        was = self.before.wasted_gib_h
        return (was - self.after.wasted_gib_h) / was if was else 0.0


def resized(pipeline: Pipeline, found: Sequence[Size]) -> Pipeline:
    """The pipeline with the figures that are proposed."""
    lines = {each.kind.key: each.proposed for each in found if each.proposed is not None}
    resources = pipeline.resources
    memory, scratch, time = (lines.get(kind.key) for kind in (MEMORY, SCRATCH, TIME))
    return pipeline.model_copy(
        update={
            "resources": resources.model_copy(
                update={
                    "memory_mib": resources.memory_mib if memory is None else _memory(pipeline, memory),
                    "scratch_gib": resources.scratch_gib if scratch is None else _by_input(scratch),
                }
            ),
            "time_limit_minutes": pipeline.time_limit_minutes if time is None else _by_input(time),
        }
    )


def evidence(
    pipeline: Pipeline,
    history: History,
    found: Sequence[Size],
    *,
    budget: int,
    families: Mapping[str, Sequence[str]],
    book: Book,
) -> Evidence:
    """`budget`: further attempts after too little memory; `families`: of the offices, by region."""
    runs, proposed = history.runs, resized(pipeline, found)
    before = replay(runs, pipeline.release(), budget)
    after = replay(runs, proposed.release(), budget)
    return Evidence(
        before=before,
        after=after,
        expected=left_out(pipeline, runs, budget),
        before_money=money(runs, before, families, book),
        after_money=money(runs, after, families, book),
    )


def left_out(pipeline: Pipeline, runs: Sequence[Ran], budget: int) -> Outcome:
    """Each fifth of the runs under the figures that the other four call for."""
    parts: list[Outcome] = []
    for fold in range(FOLDS):
        others = tuple(ran for number, ran in enumerate(runs) if number % FOLDS != fold)
        # Their reads would only be told of.
        others = tuple(replace(ran, fragments=None) for ran in others)
        proposed = resized(pipeline, [memory_size(pipeline, History(runs=others))])
        parts.append(replay(runs[fold::FOLDS], proposed.release(), budget))
    return Outcome(
        runs=sum(each.runs for each in parts),
        asked_gib_h=sum(each.asked_gib_h for each in parts),
        wasted_gib_h=sum(each.wasted_gib_h for each in parts),
        out_of_memory=sum(each.out_of_memory for each in parts),
        failed=sum(each.failed for each in parts),
        most_attempts=max(each.most_attempts for each in parts),
        attempts=tuple(attempts for each in parts for attempts in each.attempts),
    )


def money(runs: Sequence[Ran], outcome: Outcome, families: Mapping[str, Sequence[str]], book: Book) -> Money:
    """Of the attempts of a replay of these runs."""
    known: dict[tuple[str, int, int], tuple[float, float] | None] = {}
    shares = bills = 0.0
    for ran, attempts in zip(runs, outcome.attempts, strict=True):
        for each in attempts:
            key = (ran.region, each.vcpus, each.memory_mib)
            if key not in known:
                shape = Shape(vcpus=each.vcpus, memory_mib=each.memory_mib)
                known[key] = _hourly(shape, ran.region, families.get(ran.region, ()), book)
            prices = known[key]
            if prices is None:
                return Money(share=None, bill=None)
            shares += prices[0] * each.seconds / HOUR_S
            bills += prices[1] * each.seconds / HOUR_S
    scale = PER_RUNS / max(1, len(runs))
    return Money(share=shares * scale, bill=bills * scale)


def _hourly(shape: Shape, region: str, families: Sequence[str], book: Book) -> tuple[float, float] | None:
    """By a job's share of its instance, and by its part of an instance full of such jobs."""
    prices = book.regions.get(region)
    found = places(shape, prices, families) if prices else []
    if prices is None or not found or found[0].spot is None:
        return None
    by_share = [
        each.spot * share(shape.vcpus, shape.memory_mib, 1, each.gib_per_vcpu)
        for each in prices.families(tuple(families))
        if each.spot is not None
    ]
    return min(by_share), found[0].spot


def _by_input(line: Linear) -> ByInput:
    return ByInput.model_validate({"base": line.base, "perInputGib": line.per_gib})


def _memory(pipeline: Pipeline, line: Linear) -> MemoryByInput:
    return MemoryByInput.model_validate(
        {"base": line.base, "perInputGib": line.per_gib, "max": pipeline.resources.memory_mib.max}
    )
