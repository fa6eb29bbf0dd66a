"""When a run will be finished: said from enough history, or not at all."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.context import iso
from handlers.forecast import Finished, Waiting, expected_end, finished, needed_mib, positions, remembered

GIB = 2**30
T0 = 1_795_000_000.0


def history(*minutes: float, size: int = GIB) -> list[Finished]:
    return [
        Finished(size=size, ran_s=60 * each, waited_s=120, ended=iso(T0 + number))
        for number, each in enumerate(minutes)
    ]


def run(state: str = "submitted", size: int = GIB, run_id: str = "r1", **times: float) -> Waiting:
    moments = {"received": 0.0, **times}
    return Waiting(
        run_id=run_id, state=state, size=size, times={name: iso(T0 + at) for name, at in moments.items()}
    )


def limit(size: int) -> float:
    return 60 + 60 * size / GIB


def test_a_running_sample_is_expected_by_the_median_of_the_finished_ones() -> None:
    """One run that took a day must not tell every branch to come back tomorrow."""
    past = history(10, 11, 12, 13, 1440)
    assert expected_end(run("running", running=100), past, limit, T0 + 200) == T0 + 100 + 12 * 60


def test_a_larger_input_is_expected_to_take_longer_as_its_pipeline_says() -> None:
    """A branch plans its day by it: three times the reads do not take the same time."""
    past = history(10, 10, 10, 10, 10)  # of 1 GiB: limit 120
    assert expected_end(run("running", size=3 * GIB, running=0), past, limit, T0) == T0 + 2 * 10 * 60


def test_a_waiting_sample_is_expected_after_the_usual_wait() -> None:
    """The line is part of the time until results."""
    past = history(10, 10, 10, 10, 10)
    assert expected_end(run(), past, limit, T0) == T0 + 120 + 600
    assert expected_end(run(), past, limit, T0 + 5_000) == T0 + 5_000 + 600  # never in the past


def test_from_few_runs_nothing_is_foretold() -> None:
    """A time made up from one run is worse than none."""
    assert expected_end(run(), history(10, 10, 10, 10), limit, T0) is None


def test_a_run_that_takes_longer_than_expected_is_not_promised_for_yesterday() -> None:
    """A time that has passed already tells a branch that nobody looks."""
    assert expected_end(run("running", running=0), history(*[10] * 5), limit, T0 + 9_000) is None


@pytest.mark.parametrize("missing", ["received", "running", "succeeded"])
def test_a_run_whose_times_are_not_all_known_teaches_nothing(missing: str) -> None:
    """A success that was told before its start would teach that runs take no time."""
    times = {name: iso(T0) for name in ("received", "running", "succeeded") if name != missing}
    assert finished(GIB, times) is None


def test_the_newest_runs_are_remembered() -> None:
    """A pipeline that became twice as fast must not be judged by last year's runs for ever."""
    past = {f"r{number:03}": each for number, each in enumerate(history(*range(100)))}
    kept = remembered({}, past)
    assert len(kept) == 40
    assert min(kept) == "r060"
    assert remembered(kept, {}) == kept


def test_the_line_is_by_arrival_and_without_those_that_run() -> None:
    """Number 3 in a line of which two are running already is a wrong number."""
    line: list[Any] = [
        run(run_id="r3", received=30),
        run("running", run_id="r1", received=10, running=12),
        run("received", run_id="r2", received=20),
    ]
    assert positions(line) == {"r2": 1, "r3": 2}


def test_a_larger_input_may_need_more_memory_as_its_pipeline_says() -> None:
    """Of the shares the largest counts: the one who needs most is the one who ran out."""
    past = [
        replace(each, peak_mib=mib) for each, mib in zip(history(*[1] * 5), (10, 20, 60, 30, 30), strict=True)
    ]
    assert needed_mib(3 * GIB, past, limit) == 120  # 60 of 120 at 1 GiB, of 240 at 3


def test_memory_is_not_foretold_from_few_or_from_those_who_did_not_say() -> None:
    """What one run used says little, and an older runner said nothing."""
    past = [
        replace(each, peak_mib=mib)
        for each, mib in zip(history(*[1] * 5), (10, 20, 60, None, 30), strict=True)
    ]
    assert needed_mib(GIB, past, limit) is None
