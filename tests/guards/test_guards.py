"""The check of the guards: `python -m guards` takes all of them away, these tests a few."""

from pathlib import Path

import pytest

from guards.__main__ import LISTS, ROOT, stale, tried
from guards.guard import Guard
from guards.guard import guard as guard_of

GUARDS = [each for guards in LISTS.values() for each in guards]

# Of each list one whose test needs neither AWS's stand-in nor a program that is run.
QUICK = ("the canary: run time", "a name in a notice is one line")


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_a_guard_of_the_lists_stands_in_the_code_and_its_test_is_there(guard: Guard) -> None:
    """A list that outlives the code proves guards that are gone."""
    assert stale(guard) == ""
    file, _, name = guard.node.partition("::")
    assert f"def {name}(" in Path(ROOT, file).read_text()


def test_a_guard_that_is_taken_away_is_missed() -> None:
    """Else something passes where everybody believes that something stands."""
    verdicts = tried([each for each in GUARDS if each.name in QUICK], processes=1)
    assert len(verdicts) == len(QUICK)
    assert [each.guard.name for each in verdicts if not each.how] == []


def words_of_nobody(test: str) -> Guard:
    """A guard that guards nothing: its words are a docstring's."""
    return guard_of(
        "words of nobody",
        f"canary/test_comparison.py::{test}",
        "canary/comparison.py",
        "Nothing here runs.",
        "",
    )


def test_what_keeps_nobody_out_is_told() -> None:
    """The check itself must be able to fail."""
    (verdict,) = tried([words_of_nobody("test_a_trace_is_no_species")], processes=1)
    assert verdict.how == ""


def test_a_test_that_fails_by_itself_proves_nothing() -> None:
    """Else every guard that names it would seem to be missed."""
    (verdict,) = tried([words_of_nobody("test_that_is_not_there")], processes=1)
    assert verdict.how == ""
    assert "with every guard in its place" in verdict.fault
