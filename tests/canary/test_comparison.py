"""A canary's verdict: each way in which a release can be worse is found by a check of its own."""

from typing import Any

import pytest

from canary.comparison import checks
from tests.canary.example import TOLERANCES, record

# Half of a small species' reads at another's: less than both distances allow.
NEARLY = {562: 0.6025, 1280: 0.3947, 210: 0.0028}


def failed(**changes: Any) -> set[str]:
    return {each.name for each in checks(record(**changes), TOLERANCES) if not each.passed}


@pytest.mark.parametrize("shares", [{}, {"shares": NEARLY}], ids=["the same", "nearly"])
def test_a_release_that_finds_the_same_passes(shares: dict[str, Any]) -> None:
    """A canary that always fails would be overridden by habit."""
    assert failed(**shares) == set()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        # A tenth of the reads at another species.
        (
            {"shares": {562: 0.7, 1280: 0.295, 210: 0.005}},
            {"distance from the truth", "distance from the old release"},
        ),
        ({"shares": {562: 0.605, 1280: 0.395}}, {"species lost"}),
        ({"shares": {562: 0.599, 1280: 0.392, 210: 0.005, 573: 0.004}}, {"species gained"}),
        ({"seconds": (16.0, 15.1)}, {"run time"}),
        ({"memory_mib": (131, 140)}, {"memory"}),
        ({"failure": "ended with exit code 70"}, {"the new release's analysis"}),
    ],
)
def test_each_difference_is_found_alone(changes: dict[str, Any], found: set[str]) -> None:
    """Whoever reads the table sees what went wrong, and a check that is taken away is missed here."""
    assert failed(**changes) == found


def test_a_release_that_is_slowly_led_away_from_the_truth_is_found() -> None:
    """Each step may be near the one before: the truth stays where it is."""
    led = {562: 0.635, 1280: 0.36, 210: 0.005}
    made = record(shares=led)
    before = made.old.model_copy(update={"shares": {562: 0.628, 1280: 0.367, 210: 0.005}})
    names = {
        each.name for each in checks(made.model_copy(update={"old": before}), TOLERANCES) if not each.passed
    }
    assert names == {"distance from the truth"}


def test_one_slow_repetition_is_the_machine_s() -> None:
    """Somebody else's work on the machine must not take a good release back."""
    assert failed(seconds=(60.0, 10.0)) == set()


def test_a_trace_is_no_species() -> None:
    """A few reads at a neighbour come and go with every version of a tool."""
    assert failed(shares={562: 0.5995, 1280: 0.395, 210: 0.005, 573: 0.0005}) == set()
