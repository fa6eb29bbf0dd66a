"""The back-test of right-sizing: it says so when sizes are too small, and its runs are as measured."""

from dataclasses import replace

import numpy as np

from benchmarks.report import ROOT
from benchmarks.rightsize import LEAST_SAVED, MOST_KILLED, back_tested, drawn, faults, points
from components.pipeline import load_pipelines
from handlers.release import Linear
from rightsizing.evidence import resized
from rightsizing.replay import replay
from rightsizing.sizes import MEMORY, Size

PIPELINE = load_pipelines(ROOT)["metagenome"]
BUDGET = 3


def test_what_is_learnt_saves_half_of_the_waste_and_kills_hardly_anyone() -> None:
    """The promise of right-sizing, on runs that it has not seen."""
    _, fixed, sized, _ = back_tested(points(), PIPELINE)
    assert faults(fixed, sized) == []
    assert sized.wasted_gib_h <= (1 - LEAST_SAVED) * fixed.wasted_gib_h
    assert sized.out_of_memory_rate <= MOST_KILLED


def test_sizes_that_are_too_small_are_found_out() -> None:
    """A back-test that cannot fail proves nothing; its ladder ends all the same."""
    runs = drawn(points(), 500, np.random.default_rng(1))
    tight = Size(kind=MEMORY, now=Linear(base=1, per_gib=0), proposed=Linear(base=1_200, per_gib=0), words="")
    fixed = replay(runs, PIPELINE.release(), BUDGET)
    sized = replay(runs, resized(PIPELINE, [tight]).release(), BUDGET)
    assert "are killed" in " ".join(faults(fixed, sized))
    assert (sized.most_attempts, sized.failed) == (2, 0)
    hopeless = [replace(each, peak_mib=10**6) for each in runs[:3]]
    ended = replay(hopeless, PIPELINE.release(), BUDGET)
    assert (ended.most_attempts, ended.failed) == (1 + BUDGET, 3)


def test_drawn_runs_lie_within_what_was_measured() -> None:
    """Runs of sizes or memory that nobody measured would be made up."""
    measured = points()
    runs = drawn(measured, 500, np.random.default_rng(1))
    for name in ("input_bytes", "peak_mib"):
        found = [getattr(each, name) for each in runs]
        known = [getattr(each, name) for each in measured]
        assert min(known) <= min(found)
        assert max(found) <= max(known) + 1
    # At a size that was measured, the spread is that of its points.
    small = [each for each in measured if each.fragments == min(point.fragments for point in measured)]
    again = drawn(small, 200, np.random.default_rng(1))
    assert {each.peak_mib for each in again} == {int(each.peak_mib) for each in small}
