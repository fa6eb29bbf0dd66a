"""A small fault campaign with every run of the tests; the whole one is `python -m campaign`."""

import json
from pathlib import Path

import pytest

from campaign.__main__ import main
from campaign.promises import PROMISES, examine
from campaign.story import Campaign, run_campaign

OFFICES = ["hq", "eu", "us"]


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return run_campaign(samples=80, seed=4, offices=OFFICES)


def test_every_promise_is_kept_under_every_fault(campaign: Campaign) -> None:
    """A lost sample, a second result or an old one as the latest: what no laboratory forgives."""
    found = examine(campaign)
    assert {name: what for name, what in found.broken.items() if what} == {}
    assert campaign.idle, "the offices never came to rest"
    assert found.compute_s["extra: containers that no result needed"] <= 0.01 * found.compute_s["useful"]


def test_the_faults_are_dosed_as_they_are_told(campaign: Campaign) -> None:
    """A campaign whose faults do not come proves nothing."""
    counts = examine(campaign).counts
    assert counts["requests throttled"] / counts["requests"] == pytest.approx(0.20, abs=0.02)
    assert counts["requests lost"] / counts["requests"] == pytest.approx(0.05, abs=0.01)
    assert counts["events duplicated"] / counts["events"] == pytest.approx(0.30, abs=0.04)
    assert counts["events dropped"] / counts["events"] == pytest.approx(0.02, abs=0.01)
    invocations = sum(count for name, count in counts.items() if name.endswith(" invocations"))
    assert counts["invocations killed"] / invocations == pytest.approx(0.09, abs=0.03)
    assert counts["jobs: reclaimed"] > 0.07 * counts["containers"]
    assert counts["jobs: out of memory"] > 0


def test_a_seed_replays_exactly() -> None:
    """Whoever finds a failing seed must be able to look at it again, call by call."""
    first, again, other = (
        run_campaign(samples=15, seed=seed, offices=["eu", "us"]).trace for seed in (8, 8, 9)
    )
    assert first == again
    assert first != other


def test_the_shortcut_before_the_wire_changes_nothing() -> None:
    """Most calls skip botocore's serialisation for speed: what is found must be true of the whole client."""
    short, whole = (
        run_campaign(samples=15, seed=8, offices=["eu"], wire=wire).trace for wire in (False, True)
    )
    assert short == whole


def test_the_command_tells_by_its_exit_code_and_in_json(tmp_path: Path) -> None:
    """A nightly run that cannot say that a promise was broken is not looked at."""
    file = tmp_path / "campaign.json"
    code = main(
        ["--samples", "12", "--offices", "eu", "--processes", "1", "--json", str(file), "--seed", "2"]
    )
    told = json.loads(file.read_text())
    assert told["kept"] is (code == 0)
    assert told["broken_counts"] == dict.fromkeys(PROMISES, 0)
    assert told["samples"] == 12


def test_an_unknown_office_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error must not end in a campaign of nothing that keeps every promise."""
    with pytest.raises(SystemExit):
        main(["--offices", "eu,mars"])
    assert "mars" in capsys.readouterr().err
