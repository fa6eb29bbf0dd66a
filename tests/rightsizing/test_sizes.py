"""Sizes that are learnt from runs: enough for all of them, no more than they call for, and never a guess."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain

import pytest

from handlers.ladder import MEMORY_MARGIN
from handlers.release import GIB, Linear, usable_mib
from rightsizing.evidence import left_out, resized
from rightsizing.fit import fit
from rightsizing.replay import replay
from rightsizing.runs import History, Ran
from rightsizing.sizes import LEAST_RUNS, MEMORY, Size, memory_size, sizes
from tests.rightsizing.example import PIPELINE, growing, ran


def memory(*runs: Iterable[Ran], never_enough: tuple[str, ...] = (), earlier: int = 0) -> Size:
    history = History(runs=tuple(chain(*runs)), never_enough=never_enough, earlier=earlier)
    return memory_size(PIPELINE, history)


def given(line: Linear, input_bytes: int) -> int:
    pipeline = resized(PIPELINE, [Size(kind=MEMORY, now=line, proposed=line, words="")])
    return pipeline.release().request(input_bytes).memory_mib


def test_every_measured_run_has_its_peak_and_a_margin() -> None:
    """A run that was measured and is killed the next time is one that nobody needed to lose."""
    runs = growing()
    line = memory(runs).proposed
    assert line is not None
    for each in runs:
        assert given(line, each.input_bytes) >= MEMORY_MARGIN * each.peak_mib


def test_a_single_run_that_needed_far_more_is_covered_too() -> None:
    """A quantile may leave one in a hundred above itself; what was measured must not be."""
    odd = ran(900, 2.0, 9_000)
    line = memory(growing(), [odd]).proposed
    assert line is not None
    assert given(line, odd.input_bytes) >= MEMORY_MARGIN * odd.peak_mib


def test_what_an_instance_offers_just_below_a_line_is_not_less_than_a_peak_with_its_margin() -> None:
    """8,000 MiB become the 7,858 that an instance of 8 GiB has: the margin must still be there."""
    offered = usable_mib(8)
    peak = (offered + 20) / MEMORY_MARGIN
    runs = [ran(number, 0.5 + number / 20, peak) for number in range(60)]
    line = memory(runs).proposed
    assert line is None or all(
        given(line, each.input_bytes) >= MEMORY_MARGIN * each.peak_mib for each in runs
    )
    # What there is, 8,000 MiB and more, is lowered to that very amount.
    assert line is not None


def test_memory_follows_size_where_the_runs_do() -> None:
    """One size for all would waste most of it on small samples."""
    found = memory(growing())
    assert found.fit is not None
    assert found.fit.follows
    assert found.fit.slope == pytest.approx(500 * 1.1, rel=0.15)
    assert found.proposed is not None
    assert found.proposed.per_gib >= 500


def test_a_slope_that_is_nearly_right_is_kept() -> None:
    """A reviewer should see one figure change where one is enough."""
    runs = [ran(number, 0.1 * (number % 30 + 1), 2000 + 40 * (number % 30)) for number in range(90)]
    found = memory(runs)
    assert found.fit is not None
    assert found.fit.slope == pytest.approx(400, rel=0.05)
    assert found.proposed is not None
    assert found.proposed.per_gib == PIPELINE.resources.memory_mib.per_input_gib


def test_samples_larger_than_any_measured_get_more_where_runs_grow() -> None:
    """A level line over small samples is cheap, and the first large one runs out of disk, memory or time."""
    for size in sizes(PIPELINE, History(runs=growing())):
        assert size.fit is not None
        assert size.fit.follows
        assert size.proposed is not None
        assert size.proposed.per_gib >= size.fit.slope
        assert size.proposed.of(100 * GIB) >= size.fit.of(100 * GIB)


def test_a_line_that_asks_large_samples_for_more_than_now_says_from_where() -> None:
    """Whoever merges what small samples called for must see what it means for large ones."""
    runs = [ran(number, 0.002 * (number % 50 + 1), 1000 + 30 * (number % 50)) for number in range(100)]
    found = memory(runs)
    assert found.proposed is not None
    assert found.proposed.per_gib > 10_000
    gib = float(found.words.rpartition("From ")[2].split()[0])
    at = int(gib * GIB)
    now = PIPELINE.resources.memory_mib.line
    assert found.proposed.of(at) == pytest.approx(now.of(at), rel=0.05)


def test_memory_that_does_not_follow_size_is_the_largest_measured_and_says_so() -> None:
    """A line through noise gives the next large sample less than a small one has needed."""
    runs = [
        ran(number, 0.1 + number % 30 / 10, 1000 + 2000 * (number * 7919 % 101) / 101) for number in range(90)
    ]
    found = memory(runs)
    assert found.fit is not None
    assert not found.fit.follows
    assert "Sizes say too little" in found.words
    assert found.proposed is not None
    assert found.proposed.per_gib == 0
    assert found.proposed.base >= MEMORY_MARGIN * max(each.peak_mib for each in runs)


def test_a_thin_history_proposes_nothing_and_says_why() -> None:
    """Sizes from five lucky runs kill the sixth."""
    found = memory(growing(LEAST_RUNS - 1))
    assert found.proposed is None
    assert f"from fewer than {LEAST_RUNS}" in found.words
    assert memory(growing(LEAST_RUNS)).proposed is not None


def test_runs_of_one_size_do_not_flatten_the_line() -> None:
    """Nobody knows from samples of 1 GiB what one of 20 GiB takes; the pipeline's author said something."""
    runs = [ran(number, 1.0 + number / 1000, 1500 + number % 7) for number in range(60)]
    found = memory(runs)
    assert found.proposed is not None
    assert found.proposed.per_gib >= PIPELINE.resources.memory_mib.per_input_gib
    assert "too alike in size" in found.words


def test_nothing_is_learnt_while_runs_failed_for_want_of_memory() -> None:
    """What they needed is not in the history: the survivors would set a size that kills them again."""
    found = memory(growing(), never_enough=("r1", "r2"))
    assert found.proposed is None
    assert "r1" in found.words


def test_earlier_releases_count_with_a_larger_margin() -> None:
    """The new release may take more than the one before."""
    runs = growing()
    line, careful = memory(runs).proposed, memory(runs, earlier=90).proposed
    assert line is not None
    assert careful is not None
    assert all(given(careful, each.input_bytes) >= 1.5 * each.peak_mib for each in runs)
    asked = [sum(given(each, one.input_bytes) for one in runs) for each in (careful, line)]
    assert asked[0] > 1.1 * asked[1]


def test_what_fits_is_left() -> None:
    """A pull request for nothing reaches every office."""
    proposed = resized(PIPELINE, sizes(PIPELINE, History(runs=growing())))
    again = sizes(proposed, History(runs=growing()))
    assert [each.proposed for each in again] == [None] * 3


def test_a_time_limit_that_runs_come_near_is_raised() -> None:
    """The next slower host would end a run that was about to succeed."""
    slow = tuple(replace(each, seconds=each.seconds * 20) for each in growing())
    *_, time = sizes(PIPELINE, History(runs=slow))
    assert time.kind.key == "timeLimitMinutes"
    assert time.proposed is not None
    assert all(60 * time.proposed.of(each.input_bytes) >= 4 * each.seconds for each in slow)


def test_scratch_that_nobody_measured_is_left() -> None:
    """An older runner said nothing of the disk."""
    runs = tuple(replace(each, disk_mib=None) for each in growing())
    _, scratch, _ = sizes(PIPELINE, History(runs=runs))
    assert scratch.proposed is None
    assert scratch.words.startswith("0 runs")


def test_reads_that_say_more_than_bytes_are_told_of() -> None:
    """The person who merges should know that samples of one size differ for a reason."""
    runs = [
        ran(
            number,
            0.5 + number % 20 / 10,
            800 + 400 * (number * 31 % 17),
            fragments=1_000_000 * (number * 31 % 17),
        )
        for number in range(120)
    ]
    found = memory(runs)
    assert found.fit is not None
    assert found.fit.reads_skill is not None
    assert found.fit.reads_skill > 0.9 > found.fit.skill
    assert "With the count of reads" in found.words


def test_a_killed_run_climbs_the_production_ladder_to_its_end() -> None:
    """A sizing that was too small must cost attempts in the evidence, and never go on for ever."""
    runs = [ran(1, 1.0, 20_000), ran(2, 1.0, 900), ran(3, 1.0, 10_000_000)]
    outcome = replay(runs, PIPELINE.release(), budget=3)
    assert [[each.memory_mib for each in attempts] for attempts in outcome.attempts] == [
        [8500, 17000, 34000],
        [8500],
        [8500, 17000, 34000, 68000],
    ]
    assert (outcome.runs, outcome.out_of_memory, outcome.failed) == (3, 2, 1)
    assert outcome.wasted_gib_h > 0


def test_a_fit_is_judged_by_runs_that_it_has_not_seen() -> None:
    """On its own runs every line is good."""
    noise = [1000.0 + number * 7919 % 997 for number in range(200)]
    assert fit([GIB * (number % 13 + 1) for number in range(200)], noise, [None] * 200).skill < 0.1


def test_runs_not_seen_are_sized_by_the_others() -> None:
    """A rate of kills from the very runs that set the size would always be none."""
    runs = list(growing(100))
    # One that needs far more than any other: whoever sizes without it kills it.
    runs[17] = replace(runs[17], peak_mib=20_000)
    outcome = left_out(PIPELINE, runs, budget=3)
    assert (outcome.runs, outcome.out_of_memory, outcome.failed) == (100, 1, 0)
