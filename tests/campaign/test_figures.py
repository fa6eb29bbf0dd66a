"""The figures beside the campaign, in a size that every run of the tests can bear."""

import pytest

from campaign.checks import CHECKS
from campaign.constants import constant_of
from campaign.guards import GUARDS, stale, without
from campaign.kills import every_kill
from campaign.orders import COUNTS, distinct, every_order
from campaign.scenarios import burst, incident


def test_a_kill_at_any_request_is_recovered_from() -> None:
    """Functions and hosts die at any moment; whichever call it was, the sample comes to the same end."""
    done = every_kill(step=23)
    assert done.failed == ()
    assert {name.split()[0] for name in done.requests} == {
        "intake",
        "progress",
        "reconcile",
        "fleet",
        "container",
    }


def test_the_order_of_events_does_not_matter() -> None:
    """S3 and Batch promise no order: the branch must read the same whichever event came first."""
    assert sum(1 for _ in distinct(COUNTS)) == 5_040  # of which each stands for eight that are alike
    played = every_order(step=30)
    assert len(played.outcomes) == 1
    assert played.dead == 0


def test_functions_that_time_out_in_mid_batch_submit_nothing_twice() -> None:
    """The public incident: 4,384 uploads became 14,727 executions, and were paid for."""
    came = incident(300)
    assert came.timed_out > 20
    assert came.exactly_once


def test_a_burst_stays_below_the_limit_of_aws_batch() -> None:
    """Above 50 submissions a second AWS refuses them for the whole account, whoever asked."""
    came = burst(700, max_concurrency=80)
    assert came.peak <= 50
    assert came.exactly_once


def test_a_constant_of_the_infrastructure_that_is_gone_is_told() -> None:
    """A campaign with numbers of its own would prove what production does not do."""
    assert constant_of("function", "BATCH_SIZE") == 10
    with pytest.raises(LookupError, match="NO_SUCH"):
        constant_of("function", "NO_SUCH")


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in ("orders", "burst", "incident")])
def test_a_world_made_against_one_guard_breaks_no_promise(name: str) -> None:
    """Each small world breaks when its guard is removed, so it must be whole while the guard is there."""
    assert CHECKS[name]() == []


def test_every_guard_stands_in_the_code() -> None:
    """A list of guards that the code has outgrown would be praise for what is not there."""
    assert {guard.name: stale(guard) for guard in GUARDS if stale(guard)} == {}


@pytest.mark.parametrize(
    "word",
    ["looked up by its name", "older upload", "the manifest is written", "turn to submit"],
)
def test_a_guard_that_is_removed_is_missed(word: str) -> None:
    """A guard whose removal nobody notices protects nobody; `python -m campaign.guards` removes them all."""
    [guard] = [each for each in GUARDS if word in each.name]
    assert without(guard).noticed_by == guard.check
