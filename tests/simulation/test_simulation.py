"""The scale plan's model: against what was measured, and what it must not get wrong."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation.check import BURST, POINTS, TWIN, WITHIN, all_compared
from simulation.day import Day
from simulation.office import Limits, Office, Seen
from simulation.quotas import ALL, RECONCILE, SUBMISSIONS
from simulation.report import BEGIN, END, tables, written
from simulation.stages import Stages

CALM = replace(Stages(), reclaims_per_hour=0.0)
THERE = Limits(jobs=10, submissions_a_s=40, always_on=True)


def day(arrivals: list[float], *, run_s: float = 100, stages: Stages = CALM, **changes: Any) -> Seen:
    return Office(
        arrivals=arrivals,
        kinds=[0] * len(arrivals),
        run_s=[run_s],
        stages=stages,
        limits=replace(THERE, **changes),
        index_units=10.0,
        chance=np.random.default_rng(1),
        until_s=100_000,
    ).run()


@pytest.mark.parametrize("each", all_compared(), ids=lambda each: each.name)
def test_the_model_foretells_what_was_measured_within_15_percent(each: Any) -> None:
    """A plan for a hundred times the volume that misses today's is a guess."""
    assert abs(each.off) <= WITHIN, each


def test_what_it_is_held_against_names_the_command_that_measured_it() -> None:
    """Nobody could measure it anew."""
    for path in (TWIN, BURST, POINTS):
        assert json.loads(path.read_text())["command"].startswith("python -m ")


def test_every_sample_is_done_and_none_twice() -> None:
    """Figures of a day that lost samples are too good."""
    arrivals = Day(samples=3_000).arrivals(np.random.default_rng(3))
    assert len(arrivals) == 3_000
    shaky = replace(CALM, reclaims_per_hour=5.0)
    seen = day(arrivals.tolist(), stages=shaky, jobs=200, always_on=False)
    assert seen.reclaimed > 100
    assert (seen.finished, seen.ended.sum(), sum(count for _, count in seen.took)) == (3_000, 3_000, 3_000)
    assert sum(count for _, count in seen.waited_start) == 3_000
    assert seen.started.sum() == 3_000 + seen.reclaimed


def test_jobs_wait_for_a_place() -> None:
    """Thirty jobs of 100 s through ten places take three rounds."""
    seen = day([0.0] * 30)
    assert seen.running.max() == 10
    assert max(seconds for seconds, _ in seen.took) == pytest.approx(300, abs=6)


def test_submissions_are_paced() -> None:
    """The platform submits no faster, however many uploads come."""
    seen = day([0.0] * 1_000, jobs=2_000)
    assert seen.submitted.max() == 40
    assert max(seconds for seconds, _ in seen.waited_submission) == pytest.approx(25, abs=2)


def test_an_index_key_that_is_used_up_holds_samples_back() -> None:
    """A limit that the model knows and does not keep would never bite."""
    # Ten units each, 100 a second: ten samples a second, however fast they may be submitted.
    seen = day([0.0] * 1_000, jobs=2_000, submissions_a_s=1_000, index_units_a_s=100)
    assert seen.submitted.max() <= 10
    assert max(seconds for seconds, _ in seen.waited_submission) == pytest.approx(100, abs=2)


def test_instances_come_when_they_are_needed_and_go_when_they_are_not() -> None:
    """Idle instances are most of a small office's bill."""
    seen = day([0.0] * 20 + [40_000.0] * 20, jobs=100, always_on=False)
    boot = CALM.boot_s + CALM.pull_s + CALM.references_s
    assert min(seconds for seconds, _ in seen.waited_start) >= boot
    assert seen.slots[5_000:39_000].max() == 0
    assert seen.slots.max() == 20
    assert seen.finished == 40


def test_grouping_changes_no_figure() -> None:
    """A million samples go as groups: a group must wait as its samples would one by one."""
    apart = day([float(at) for at in range(40)], run_s=50)
    together = day([float(at // 10 * 10) for at in range(40)], run_s=50)
    assert together.finished == apart.finished == 40
    ends = [np.nonzero(each.ended)[0].max() for each in (apart, together)]
    assert abs(ends[0] - ends[1]) <= 10


def test_every_limit_says_where_it_is_from_and_what_to_do() -> None:
    """A number without its source cannot be looked up again when AWS changes it."""
    assert SUBMISSIONS.limit == 40
    assert RECONCILE.limit == 220
    for each in ALL:
        assert each.limit > 0
        assert each.remedy.endswith(".")
        assert "https://" in each.source or each.ours


def test_the_page_holds_what_the_model_says_now() -> None:
    """Tables of last year's handlers beside today's would mislead who plans by them."""
    from simulation.__main__ import ROOT, SCENARIOS, results

    page = (ROOT / "docs" / "scale.md").read_text()
    (row,) = [line for line in tables(results(SCENARIOS[:1])) if line.startswith("| **100** ")]
    assert row in page
    assert written("a\n" + BEGIN + "\nold\n" + END + "\nb", ["new"]) == f"a\n{BEGIN}\nnew\n{END}\nb"
    with pytest.raises(ValueError, match="must have"):
        written("no marks", [])


def test_pictures_are_there(tmp_path: Path) -> None:
    """A page with broken pictures."""
    from simulation.__main__ import ROOT

    page = (ROOT / "docs" / "scale.md").read_text()
    for name in ("scale-day.svg", "scale-limits.svg"):
        assert f"images/{name}" in page
        assert "<svg" in (ROOT / "docs" / "images" / name).read_text()[:200]
