"""A few hundred deliveries under the campaign's faults; ten thousand are `python -m campaign.deliveries`."""

import json
from pathlib import Path

import pytest

from campaign.deliveries import Result, main, run_deliveries
from campaign.delivery_guards import DELIVERY_GUARDS
from campaign.guards import without
from campaign.owed import PROMISES


@pytest.fixture(scope="module")
def result() -> Result:
    return run_deliveries((60, 3))


def test_partners_get_every_delivery_once_and_whole(result: Result) -> None:
    """A partner without its results, with half of them, or with two that both count."""
    assert {name: what for name, what in result.broken.items() if what} == {}
    assert result.ended, "deliveries never came to rest"
    assert result.counts["deliveries"] >= 100


def test_the_partners_troubles_come(result: Result) -> None:
    """Deliveries into buckets that refuse nothing would prove nothing."""
    counts = result.counts
    for code in ("AccessDenied", "KMS.DisabledException", "NoSuchBucket", "taken"):
        assert counts[f"requests refused: {code}"] > 0, code
    assert counts["requests throttled"] / counts["requests"] == pytest.approx(0.20, abs=0.02)
    assert counts["invocations killed"] > 0
    assert counts["ledger: superseded"] > 0


def test_the_command_tells_by_its_exit_code_and_in_json(tmp_path: Path) -> None:
    """A nightly run that cannot say that a promise was broken is not looked at."""
    file = tmp_path / "deliveries.json"
    code = main(["--samples", "8", "--processes", "1", "--json", str(file), "--seed", "2"])
    told = json.loads(file.read_text())
    assert told["kept"] is (code == 0)
    assert told["broken"] == {name: [] for name in PROMISES}


@pytest.mark.parametrize("word", ["manifest comes after", "partner's projects", "tries again"])
def test_a_guard_of_deliveries_that_is_removed_is_missed(word: str) -> None:
    """A guard whose removal nobody notices protects nobody; `python -m campaign.guards` removes them all."""
    [guard] = [each for each in DELIVERY_GUARDS if word in each.name]
    assert without(guard).noticed_by == guard.check
