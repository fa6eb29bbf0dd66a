"""`revert`: what fails in an office goes back by itself, and does not come again unseen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.office import PinnedRelease
from fleet.access import Access
from rollout import refused
from rollout.repository import git
from rollout.revert import past
from tests.fleet.lab import Answer
from tests.fleet.release_lab import IDENTITY, OLD, PINS, Lab

ONE, TWO, THREE = (PinnedRelease(digest="sha256:" + letter * 64) for letter in "123")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def lab(tmp_path: Path, access: Access) -> Lab:
    made = Lab(tmp_path, access)
    made.make_history()
    return made


def revert(lab: Lab, *words: str) -> Answer:
    return lab.fleet("revert", "metagenome", *words)


def releases(lab: Lab) -> list[bool]:
    """For hq, eu and us: whether they have the new release."""
    return [lab.digest in (lab.root / f"Pulumi.{office}.yaml").read_text() for office in ("hq", "eu", "us")]


def test_a_release_that_fails_after_its_promotion_is_taken_back_and_remembered(lab: Lab) -> None:
    """Else it fails until somebody looks, and is promoted again by whoever did not."""
    lab.ran("succeeded", 1)
    lab.ran("failed", 2)
    assert revert(lab).code == 0
    assert releases(lab) == [False, False, False]
    assert "1 of 2 runs failed" in refused.load(lab.root)[lab.digest]
    assert OLD in (lab.root / "Pulumi.eu.yaml").read_text()
    # Somebody brings it back by hand: it goes no further without a reason.
    for office in ("hq", "eu"):
        lab.edit(f"Pulumi.{office}.yaml", lambda text: text.replace(OLD, lab.digest))
    lab.ran("succeeded", 3, 4, 5, 6, 7)
    assert lab.held_by() == {"refused"}
    assert lab.promote("--override", "the disk was full, not the image bad").code == 0


def test_a_failed_canary_takes_it_back(lab: Lab) -> None:
    """The offices that proved it are those that would go on with it."""
    lab.ran("succeeded", 1, 2)
    lab.canary(shares={562: 0.605, 1280: 0.395})
    assert revert(lab).code == 0
    assert releases(lab) == [False, False, False]
    assert "Helicobacter pylori" in refused.load(lab.root)[lab.digest]


@pytest.mark.parametrize("failed", [0, 1], ids=["none failed", "one of two, long after it came"])
def test_a_good_release_stays(lab: Lab, failed: int) -> None:
    """A disk that fills up after months is not the release's fault."""
    lab.ran("succeeded", 1, 2) if not failed else lab.ran("succeeded", 1)
    if failed:
        lab.ran("failed", 2)
        lab.edit(
            "rollout.yaml",
            lambda text: text.replace("mostFailures: 0.25", "mostFailures: 0.25, watchHours: 2"),
        )
    answer = revert(lab)
    assert answer.code == 0
    assert "Nothing is wrong" in answer.err
    assert releases(lab) == [True, True, False]


def test_one_failure_of_one_run_is_no_rate(lab: Lab) -> None:
    """A new release's first sample may be a bad upload's neighbour."""
    lab.ran("failed", 1)
    assert "Nothing is wrong" in revert(lab).err


def test_runs_before_it_came_do_not_count(lab: Lab) -> None:
    """A release that is tried again with a reason is judged by what it does now."""
    lab.ran("failed", 1, 2)
    git(lab.root, *IDENTITY, "commit", "--amend", "--quiet", "--no-edit")
    assert "Nothing is wrong" in revert(lab).err


def test_runs_with_other_references_are_another_release_s(lab: Lab) -> None:
    """The same image failed with last year's database, which is why it was changed."""
    lab.ran("failed", 1, 2, references={**PINS, "host": ("demo-host", "2025.9")})
    assert "Nothing is wrong" in revert(lab).err


def test_a_person_takes_it_back_for_a_reason_of_their_own(lab: Lab) -> None:
    """What no rate shows: a wrong reading that somebody noticed in a report."""
    reason = 'plasmids counted twice: see "S1"'
    before = lab.root / "rollout"
    assert revert(lab, "--reason", reason, "--dry-run").code == 0
    assert not before.exists()
    assert revert(lab, "--reason", reason).code == 0
    assert refused.load(lab.root) == {lab.digest: reason}
    assert releases(lab) == [False, False, False]
    assert revert(lab, "--reason", reason, "--digest", lab.digest).code == 5


def test_the_list_keeps_what_stands_in_it(lab: Lab) -> None:
    """Comments and digests of before are what people know by it."""
    first = refused.remembered("# Ours.\n[]\n", "sha256:" + "1" * 64, "one")
    both = refused.remembered(first, "sha256:" + "2" * 64, "two: 'x' # \"y\"")
    (lab.root / "rollout").mkdir()
    (lab.root / refused.FILE).write_text(both)
    assert both.startswith("# Ours.\n- ")
    assert list(refused.load(lab.root).values()) == ["one", "two: 'x' # \"y\""]


def test_what_an_office_goes_back_to() -> None:
    """Not to a release that was refused before, nor to the same image with other references."""
    same = TWO.model_copy(update={"references": {"host": "2025.9"}})
    hours = [NOON - timedelta(hours=number) for number in range(6)]
    found = past(
        list(zip(hours, [TWO, TWO, same, THREE, None, ONE], strict=True)), TWO, {THREE.digest: "bad"}
    )
    assert (found.before, found.since) == (ONE, hours[1])
    assert past([(NOON, ONE)], TWO, {}).since is None
