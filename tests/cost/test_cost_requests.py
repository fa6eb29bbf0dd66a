"""What the control plane asks of AWS for one sample, counted on the campaign's model of an office."""

import pytest

from campaign.meter import size_of, write_units
from components.fleet import INDEXES as FLEET_INDEXES
from cost.__main__ import main
from cost.book import book_of
from cost.requests import (
    MOST_CALLS,
    MOST_DUPLICATE,
    MOST_USD,
    Sample,
    mean_duplicate,
    measure,
    measure_duplicates,
)
from cost.run import LEASE_WRITE_UNITS
from handlers.ledger import INDEXES, OPEN_INDEX, PROJECTED

SAMPLES = 20


@pytest.fixture(scope="module")
def sample() -> Sample:
    return measure(SAMPLES)


def test_a_sample_stays_below_its_limits(sample: Sample) -> None:
    """At a million samples a day each call is eleven a second, and each ten-thousandth dollar 100 a day."""
    assert 20 < sample.made + sample.polls <= MOST_CALLS
    assert 0 < sum(sample.usd(book_of(None).regions["us-east-1"]).values()) <= MOST_USD


def test_a_sample_is_submitted_and_claimed_once(sample: Sample) -> None:
    """The meter must count what happens: one claim, one job, one word to headquarters for each state."""
    assert sample.calls["dynamodb:TransactWriteItems"] == sample.calls["batch:SubmitJob"] == 1
    assert sample.calls["eventbridge:PutEvents"] == 3


def test_an_event_that_comes_again_costs_little(sample: Sample) -> None:
    """Events come at least once: a duplicate that did all the work again would double the bill."""
    duplicates = measure_duplicates(SAMPLES)
    assert mean_duplicate(duplicates, sample) <= MOST_DUPLICATE
    # An upload's second event may come while the first is at work: then it looks once more.
    assert 0 < duplicates["intake"] <= MOST_DUPLICATE + 0.2
    assert 0 < duplicates["progress"] <= MOST_DUPLICATE
    assert 0 < duplicates["fleet"] <= 1.1


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The figures in the documentation are those of this command."""
    assert main(["requests", "--samples", "5"]) == 0
    printed = capsys.readouterr().out
    assert "DynamoDB" in printed
    assert "An event that was handled before" in printed


def test_a_price_that_is_not_known_is_named(sample: Sample) -> None:
    """A table that left a service out would look cheap."""
    with pytest.raises(LookupError, match="no lambda:"):
        sample.usd(book_of("2026-11-25").regions["eu-central-1"])


# --- the meter


RUN = {
    "pk": {"S": "run#r"}, "sk": {"S": "run"}, "open": {"S": "open"}, "updated": {"S": "2026"},
    "page": {"S": "p/q"}, "state": {"S": "running"}, "content": {"S": "x" * 900},
}  # fmt: skip


def test_a_renewed_lease_is_no_write_to_an_index() -> None:
    """Every container renews three times a minute: an index that held the lease would double that."""
    leased = {**RUN, "lease_expires": {"N": "1"}}
    assert write_units([(leased, {**leased, "lease_expires": {"N": "2"}})]).total() == 1
    assert not any(name.startswith("lease") for names in PROJECTED.values() for name in names)
    large = {**RUN, "content": {"S": "x" * 1900}}
    assert write_units([(large, large)]).total() == LEASE_WRITE_UNITS


def test_a_changed_key_of_an_index_is_written_twice() -> None:
    """AWS deletes the old entry and puts the new one: a meter that forgot it would price half."""
    later = {**RUN, "updated": {"S": "2027"}}
    assert write_units([(RUN, later)]).total() == 1 + 2 + 2  # the table, the open runs, the project's page
    closed = {name: value for name, value in later.items() if name != "open"}
    assert write_units([(later, closed)]).total() == 1 + 1
    assert write_units([(None, RUN)]).total() == 1 + 1 + 1


def test_headquarters_rows_stand_whole_in_each_of_its_indexes() -> None:
    """They are most of what a row costs there."""
    row = {name: {"S": "x"} for name in ("pk", "sk", "updated", *FLEET_INDEXES)}
    units = write_units([(row, {**row, "updated": {"S": "y"}})])
    assert units == {"table": 1, **dict.fromkeys(FLEET_INDEXES, 2)}
    assert set(INDEXES[OPEN_INDEX]).isdisjoint(PROJECTED[OPEN_INDEX])  # DynamoDB refuses a key among them


def test_an_items_size_is_that_of_names_and_values() -> None:
    """Units are counted by the KiB: a size that is wrong makes every price wrong."""
    assert size_of({"a": {"S": "é"}, "bc": {"N": "1234"}}) == 1 + 2 + 2 + 3
    assert size_of({"m": {"M": {"x": {"S": "y"}}}, "l": {"L": [{"NULL": True}]}}) == 1 + 3 + 3 + 1 + 3 + 2
