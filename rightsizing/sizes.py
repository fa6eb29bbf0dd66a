"""Sizes: the figures of `pipeline.yaml` that a pipeline's runs call for.

Each is a line over the runs (`fit`) with a margin, raised until no measured run lies above it without its
margin, and rounded up. What too few runs say, or runs of too similar a size, is left as it is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from components.pipeline import ByInput, Pipeline
from handlers.ladder import MEMORY_MARGIN
from handlers.release import GIB, Linear, fitting
from rightsizing.fit import Fit, fit
from rightsizing.runs import History, Ran

LEAST_RUNS = 30
# A line is made flatter than it is only where the largest input is so many times the smallest.
LEAST_SPAN = 4
# Another release may take more than the one before it did: its runs' margins are so many times as large.
EARLIER = 1.25
# Other figures than these are not worth a pull request: every office is applied for it.
LEAST_CHANGE = 0.1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One figure of `pipeline.yaml`, in its own unit. `margin` is what is added to any measured run."""

    key: str
    unit: str
    margin: float
    step: int
    slope_step: int
    least: int
    took: Callable[[Ran], float | None]


MEMORY = Kind(
    key="memoryMib", unit="MiB", margin=MEMORY_MARGIN, step=100, slope_step=50, least=500,
    took=lambda ran: ran.peak_mib,
)  # fmt: skip
SCRATCH = Kind(
    key="scratchGib", unit="GiB", margin=1.5, step=1, slope_step=1, least=2,
    took=lambda ran: None if ran.disk_mib is None else ran.disk_mib / 1024,
)  # fmt: skip
# A time limit costs nothing until something hangs; other jobs of the host, and references that are not there
# yet, make a run several times as long.
TIME = Kind(
    key="timeLimitMinutes", unit="minutes", margin=4.0, step=5, slope_step=5, least=30,
    took=lambda ran: ran.seconds / 60,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Size:
    """What becomes of one figure; `proposed` None: it is left, and `words` say why."""

    kind: Kind
    now: Linear
    proposed: Linear | None
    words: str
    fit: Fit | None = None


def sizes(pipeline: Pipeline, history: History) -> list[Size]:
    """Memory, scratch and time limit."""
    resources = pipeline.resources
    return [
        memory_size(pipeline, history),
        _size(SCRATCH, resources.scratch_gib, history, lambda gib: gib),
        _size(TIME, pipeline.time_limit_minutes, history, lambda minutes: minutes),
    ]


def memory_size(pipeline: Pipeline, history: History) -> Size:
    resources = pipeline.resources.memory_mib
    most = fitting(resources.max)
    return _size(MEMORY, resources, history, lambda mib: min(fitting(math.ceil(mib)), most), most)


def _size(
    kind: Kind,
    present: ByInput,
    history: History,
    given: Callable[[float], float],
    most: float = math.inf,
) -> Size:
    """`given`: what a job really gets of what the line says; `most`: what it can get."""
    now = present.line
    margin = kind.margin * (EARLIER if history.earlier else 1)
    told = [(ran, needed) for ran in history.runs if (needed := kind.took(ran)) is not None]
    if len(told) < LEAST_RUNS:
        return Size(kind=kind, now=now, proposed=None, words=_thin(kind, len(told)))
    if kind is MEMORY and history.never_enough:
        return Size(kind=kind, now=now, proposed=None, words=_unknown(history.never_enough))
    runs, took = [ran for ran, _ in told], [each for _, each in told]
    reads = [ran.fragments for ran in runs] if kind is MEMORY else []
    found = fit([ran.input_bytes for ran in runs], took, reads)
    span = max(ran.input_bytes for ran in runs) / max(1, min(ran.input_bytes for ran in runs))
    least_slope = now.per_gib if span < LEAST_SPAN else 0
    # Where runs grow with their size, larger ones than were measured go on to do so.
    slope = max(least_slope, _up(margin * found.slope, kind.slope_step))
    line = _over(kind, margin, slope, runs, took, given, most)
    if found.follows and now.per_gib >= found.slope:
        # The author's slope is as safe: it is kept unless it costs much.
        kept = _over(kind, margin, now.per_gib, runs, took, given, most)
        line = kept if _asked(kept, runs, given) <= (1 + LEAST_CHANGE) * _asked(line, runs, given) else line
    words = _words(kind, found, runs, took, span, now, line)
    if history.earlier:
        words = f"{history.earlier} runs of earlier releases, hence a margin of {margin - 1:.0%}. {words}"
    before, after = _asked(now, runs, given), _asked(line, runs, given)
    short = [ran for ran, each in told if given(now.of(ran.input_bytes)) < each]
    if not short and abs(after - before) < LEAST_CHANGE * before:
        return Size(kind=kind, now=now, proposed=None, words=f"{words} What there is fits.", fit=found)
    if not short and kind is not MEMORY and after >= before:
        return Size(kind=kind, now=now, proposed=None, words=f"{words} What there is was enough.", fit=found)
    return Size(kind=kind, now=now, proposed=line, words=words, fit=found)


def _over(
    kind: Kind,
    margin: float,
    slope: int,
    runs: Sequence[Ran],
    took: Sequence[float],
    given: Callable[[float], float],
    most: float,
) -> Linear:
    """The lowest line of this slope above every run with its margin."""
    needs = [(ran.input_bytes, min(margin * each, most)) for ran, each in zip(runs, took, strict=True)]
    base = _up(max(kind.least, *(need - slope * size / GIB for size, need in needs)), kind.step)
    while any(given(Linear(base=base, per_gib=slope).of(size)) < need for size, need in needs):
        base += kind.step  # what an instance offers may lie just below what the line asks for
    return Linear(base=base, per_gib=slope)


def _asked(line: Linear, runs: Sequence[Ran], given: Callable[[float], float]) -> float:
    """Weighed by the time for which it is held."""
    return sum(given(line.of(ran.input_bytes)) * max(1.0, ran.seconds) for ran in runs)


def _up(value: float, step: int) -> int:
    return max(0, math.ceil(value / step)) * step


def _thin(kind: Kind, runs: int) -> str:
    return f"{runs} runs say what they took in {kind.unit}; from fewer than {LEAST_RUNS} nothing is learnt."


def _unknown(never: Sequence[str]) -> str:
    return (
        f"{len(never)} runs failed for want of memory and nobody knows how much they needed"
        f" ({', '.join(never[:3])}): look at those first."
    )


def _words(
    kind: Kind, found: Fit, runs: Sequence[Ran], took: Sequence[float], span: float, now: Linear, line: Linear
) -> str:
    """What was learnt, and from what."""
    gib = [ran.input_bytes / GIB for ran in runs]
    most = f"{max(took):,.1f} {kind.unit}"
    parts = [f"{len(runs)} runs of {min(gib):.2f} to {max(gib):.2f} GiB took up to {most}."]
    if found.follows:
        parts.append(f"Sizes say {found.skill:.0%} of it (99 of 100 runs below the line).")
    else:
        parts.append(
            f"Sizes say too little of it ({found.skill:.0%}): the largest that was measured counts for all."
        )
    if span < LEAST_SPAN:
        parts.append(f"They are too alike in size to make the line flatter than {line.per_gib} for a GiB.")
    if found.reads_skill is not None and found.reads_skill > found.skill + LEAST_CHANGE:
        parts.append(
            f"With the count of reads it would be {found.reads_skill:.0%}, but before a run only bytes are"
            " known."
        )
    parts.append(f"Above {max(gib):.2f} GiB nothing was measured.")
    if line.per_gib > now.per_gib and now.base > line.base:
        more = (now.base - line.base) / (line.per_gib - now.per_gib)
        parts.append(f"From {more:.2f} GiB on the line asks for more than now.")
    return " ".join(parts)
