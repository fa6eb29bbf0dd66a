"""When a run will be finished, and what memory it may need: from the runs of its pipeline that are finished.

A pipeline says in `pipeline.yaml` how its time limit and its memory grow with the input. What a run takes is
expected to grow likewise: of the time limit, the finished runs' median share is taken; of the memory, the
largest. From few runs nothing is foretold.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from handlers.run import RUNNING, SUCCEEDED

LEAST_RUNS = 5
MOST_RUNS = 40  # of a pipeline are remembered: what it takes changes with its releases

Limit = Callable[[int], float]  # bytes of input → the pipeline's time limit or memory, in any unit


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that succeeded: bytes of its input, seconds it ran, seconds until it ran, when it ended, and the
    most memory it used; None: its runner did not say.
    """

    size: int
    ran_s: float
    waited_s: float
    ended: str
    peak_mib: int | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A run that waits or runs; `times` of its states are ISO 8601."""

    run_id: str
    state: str
    size: int
    times: Mapping[str, str]


def finished(size: int, times: Mapping[str, str], peak_mib: int | None = None) -> Finished | None:
    """What a succeeded run teaches; None if its times are not all known (its event came late)."""
    try:
        received, running, ended = (times[state] for state in ("received", RUNNING, SUCCEEDED))
    except KeyError:
        return None
    # A new attempt is received again: what came before it was waiting, too.
    waited = max(0.0, seconds(running) - seconds(received))
    ran = max(0.0, seconds(ended) - seconds(running))
    return Finished(size=size, ran_s=ran, waited_s=waited, ended=ended, peak_mib=peak_mib)


def remembered(history: Mapping[str, Finished], more: Mapping[str, Finished]) -> dict[str, Finished]:
    """The history with more runs (by run id): the newest ones."""
    newest = sorted({**history, **more}.items(), key=lambda item: (item[1].ended, item[0]), reverse=True)
    return dict(newest[:MOST_RUNS])


def expected_s(size: int, history: Sequence[Finished], limit: Limit) -> float | None:
    """Seconds that a run of `size` bytes will run; None if too few runs have finished."""
    if len(history) < LEAST_RUNS:
        return None
    return median(each.ran_s / max(limit(each.size), 1e-9) for each in history) * limit(size)


def needed_mib(size: int, history: Sequence[Finished], memory: Limit) -> int | None:
    """The memory that a run of `size` bytes may need; None if too few runs say what they used."""
    shares = [each.peak_mib / max(memory(each.size), 1e-9) for each in history if each.peak_mib]
    return None if len(shares) < LEAST_RUNS else math.ceil(max(shares) * memory(size))


def expected_end(run: Waiting, history: Sequence[Finished], limit: Limit, now_s: float) -> float | None:
    """Epoch seconds; None if too few runs have finished, or the run takes longer than any forecast."""
    takes = expected_s(run.size, history, limit)
    if takes is None:
        return None
    if run.state == RUNNING:
        end = seconds(run.times[RUNNING]) + takes
        return end if end > now_s else None
    waits = median(each.waited_s for each in history)
    return max(seconds(run.times["received"]) + waits, now_s) + takes


def positions(line: Iterable[Waiting]) -> dict[str, int]:
    """Place in the line by run id, from 1: of those that wait, the earliest received first."""
    waiting = sorted(
        (each for each in line if each.state != RUNNING),
        key=lambda each: (each.times.get("received", ""), each.run_id),
    )
    return {each.run_id: place for place, each in enumerate(waiting, start=1)}


def seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
