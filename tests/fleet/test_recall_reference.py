"""`recall --reference`: what a bad reference went into is found in every office, whatever its role."""

import pytest

from tests.fleet.lab import DIGEST, Offices
from tests.fleet.test_recall import (
    WHY,
    at_home,
    branch_reads,
    done,
    following,
    notices_of,
    offices,
    uploaded,
    with_release,
)

__all__ = ["offices"]  # the fixture, with the buckets that a recall tells its branches through

OLD, NEW = ("demo-host", "2025.9"), ("demo-host", "2026.1")
ARGUMENTS = ("recall", "--reference", *OLD, "--reason", WHY)


def test_a_reference_is_recalled_in_every_office_with_what_followed_it(offices: Offices) -> None:
    """A host genome without a chromosome has let human reads through wherever it was used."""
    one = done(11, DIGEST, references={"host": OLD})
    other = done(
        12, DIGEST, project="river", references={"kraken2": ("demo-kraken2", "2026.1"), "filter": OLD}
    )
    after = following(one, 13, references={})
    newer, namesake = (
        done(14, DIGEST, references={"host": NEW}),
        done(15, DIGEST, references={"host": ("x", OLD[1])}),
    )
    offices.everywhere("eu", one, after, newer, namesake)
    offices.everywhere("us", other)
    answer = offices.fleet(*ARGUMENTS, "--yes", "--json")
    assert answer.code == 0
    assert {(each["office"], each["run_id"]) for each in answer.json["runs"]} == {
        ("eu", one.run_id),
        ("eu", after.run_id),
        ("us", other.run_id),
    }
    assert branch_reads(offices, "us", other)["recall"]["what"] == "the reference demo-host 2025.9"
    for good in (newer, namesake):
        assert at_home(offices, "eu", good).recall is None
    assert [len(notices_of(offices, office)) for office in ("hq", "eu", "us")] == [0, 1, 1]


def test_it_is_listed_and_asked_first(offices: Offices) -> None:
    """A version that was mistaken for another must not reach a branch."""
    one = done(11, references={"host": OLD})
    offices.everywhere("eu", one)
    answer = offices.fleet(*ARGUMENTS)
    assert answer.code == 5
    assert "1 runs (1 at eu; 0 of them" in answer.err
    assert "soil/S11" in answer.out
    assert at_home(offices, "eu", one).recall is None


def test_the_runs_are_made_again_with_the_offices_present_reference(offices: Offices) -> None:
    """The image is the same: only the reference's version tells that it can come to something else."""
    home = offices.office("eu")
    present = home.releases["metagenome"].digest
    with_release(offices, "eu", present)
    one = uploaded(offices, 11, present, references={"host": OLD})
    offices.everywhere("eu", one)
    answer = offices.fleet(*ARGUMENTS, "--rerun", "--yes", "--json")
    assert answer.code == 0
    assert answer.json["runs"][0]["rerun"] is not None
    s3 = offices.access.client("s3", home)
    head = s3.head_object(Bucket=one.bucket, Key=one.upload_key)
    assert head["Metadata"]["globalbi-rerun-of"] == one.run_id


def test_what_a_release_still_pins_is_not_run_again(offices: Offices) -> None:
    """The same wrong results once more, at full price."""
    with_release(offices, "eu", DIGEST)  # with demo-host 2026.1
    one = done(11, references={"host": NEW})
    offices.everywhere("eu", one)
    answer = offices.fleet("recall", "--reference", *NEW, "--reason", WHY, "--rerun", "--yes")
    assert answer.code == 5
    assert "the reference demo-host 2026.1 is still in the release of eu (metagenome)" in answer.err
    assert at_home(offices, "eu", one).recall is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--reference", "demo-host", "2031.1", "--reason", "x"), 3),
        (("--reference", *OLD, "--digest", DIGEST, "--reason", "x"), 2),
        (("--reference", *OLD, "--upload", "eu", "a/b/c/input.tar", "v", "--reason", "x"), 2),
    ],
)
def test_what_cannot_be_recalled_is_told_by_exit_code(
    offices: Offices, arguments: tuple[str, ...], code: int
) -> None:
    """A mistyped recall that ends with 0 looks like a recall."""
    offices.everywhere("eu", done(11, references={"host": OLD}))
    assert offices.fleet("recall", *arguments, "--yes").code == code
