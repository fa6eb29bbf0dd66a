"""Replay: what runs that are over would have cost with another release, other families, other retries.

Each attempt takes the time that it took, in the market in which it ran. It asks for what the release would
ask for now; where an attempt had more because one before it had failed, it has more by the same factor. Of a
type in a family that the office would no longer use it is moved to the cheapest one that it would.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cost.book import Book, Region
from cost.run import Cost, cost_of
from handlers import failures
from handlers.cost import share
from handlers.ladder import budget_kind
from handlers.release import MAX_VCPUS, Release, fitting
from handlers.run import SUCCEEDED

# What of a run is asked for: nothing that names a project or a sample.
ATTRIBUTES = ("run_id", "pipeline", "region", "state", "updated", "size", "attempts", "used")
UNKNOWN_BUDGET = 1


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a pipeline's runs would be given: release, families, further attempts by class of failure."""

    release: Release
    families: tuple[str, ...]
    retries: Mapping[str, int]


@dataclass(kw_only=True)
class Pipeline:
    """US dollars of `runs` runs, as they ran and under the change (None: they would not be made).

    `unpriced` runs are in neither: their cost is not known. `spared` attempts would not have been needed,
    `less` runs succeeded with more memory than they would be given, `unfinished` ones would not have been
    tried again.
    """

    runs: int = 0
    before: float = 0.0
    after: float | None = 0.0
    unpriced: int = 0
    spared: int = 0
    less: int = 0
    unfinished: int = 0


@dataclass(kw_only=True)
class _Replayed:
    row: Mapping[str, Any]
    spared: int = 0
    less: bool = False
    unfinished: bool = False


@dataclass(kw_only=True)
class _Asked:
    """What the attempt asked for that the release's first one now stands for."""

    vcpus: int
    memory_mib: int
    used: Counter[str] = field(default_factory=Counter)  # further attempts by class


def replay(rows: Iterable[Mapping[str, Any]], terms: Mapping[str, Terms], book: Book) -> dict[str, Pipeline]:
    """By pipeline. `rows` are headquarters' of runs of one office that are over, `terms` by pipeline."""
    found: dict[str, Pipeline] = {}
    for row in rows:
        pipeline = found.setdefault(str(row["pipeline"]), Pipeline())
        before, known = cost_of(row, book), terms.get(str(row["pipeline"]))
        if known is None:
            pipeline.after = None
            _count(pipeline, before, before)
            continue
        made = _replayed(row, known, book.regions.get(str(row.get("region"))))
        if _count(pipeline, before, cost_of(made.row, book)):
            pipeline.spared += made.spared
            pipeline.less += made.less
            pipeline.unfinished += made.unfinished
    return dict(sorted(found.items()))


def _count(pipeline: Pipeline, before: Cost, after: Cost) -> bool:
    if before.unknown or after.unknown:
        pipeline.unpriced += 1
        return False
    pipeline.runs += 1
    pipeline.before += before.total
    if pipeline.after is not None:
        pipeline.after += after.total
    return True


def _replayed(row: Mapping[str, Any], terms: Terms, prices: Region | None) -> _Replayed:
    attempts = list(row.get("attempts") or ())
    if not attempts:
        return _Replayed(row=row)
    request = terms.release.request(int(row.get("size") or 0))
    asked = _Asked(vcpus=attempts[0]["vcpus"], memory_mib=attempts[0]["memory_mib"])
    made, kept = _Replayed(row=row), []
    for attempt, following in zip(attempts, [*attempts[1:], None], strict=True):
        failure = attempt.get("class")
        if following and _enough(failure, request.vcpus, request.memory_mib, following):
            asked.vcpus, asked.memory_mib = following["vcpus"], following["memory_mib"]
            made.spared += 1
            continue
        vcpus = _scaled(attempt["vcpus"], request.vcpus, asked.vcpus)
        vcpus = min(vcpus, max(MAX_VCPUS, request.vcpus, attempt["vcpus"]))
        memory = attempt["memory_mib"]
        if request.memory_mib != asked.memory_mib:
            memory = fitting(_scaled(memory, request.memory_mib, asked.memory_mib))
        kept.append(_placed({**attempt, "vcpus": vcpus, "memory_mib": memory}, terms.families, prices))
        if following and failure:
            kind = budget_kind(failure)
            if asked.used[kind] >= terms.retries.get(kind, UNKNOWN_BUDGET):
                made.unfinished = True
                break
            asked.used[kind] += 1
    if kept and not made.unfinished and row.get("state") == SUCCEEDED:
        made.less = kept[-1]["memory_mib"] < attempts[-1]["memory_mib"]
    made.row = {**row, "attempts": kept}
    return made


def _enough(failure: str | None, vcpus: int, memory_mib: int, following: Mapping[str, Any]) -> bool:
    """Whether what is asked for at once is what the next attempt was given because this one failed."""
    if failure == failures.MEMORY:
        return memory_mib >= int(following["memory_mib"])
    return failure == failures.DISK and vcpus >= int(following["vcpus"])


def _scaled(had: int, now: int, then: int) -> int:
    return had if now == then else max(1, round(had * now / then))


def _placed(
    attempt: Mapping[str, Any], families: tuple[str, ...], prices: Region | None
) -> Mapping[str, Any]:
    """On the type that it ran on, or on the cheapest that the office would still use."""
    instance = attempt.get("instance")
    if not instance or prices is None or instance.partition(".")[0] in families:
        return attempt
    offered: list[tuple[float, str]] = []
    for family in families:
        if smallest := prices.smallest(family):
            name, type_ = smallest
            if (hourly := type_.price(attempt.get("market"))) is not None:
                part = share(attempt["vcpus"], attempt["memory_mib"], type_.vcpus, type_.memory_gib)
                offered.append((hourly * part, name))
    # None: what it costs there is not known, and is said.
    return {**attempt, "instance": min(offered)[1] if offered else None}
