"""Where a job's shape is cheapest, by the price book."""

import pytest

from cost.__main__ import main
from cost.book import book_of
from cost.shapes import Shape, places

EU = book_of("2026-11-25").regions["eu-central-1"]


def test_what_is_left_over_of_an_instance_is_paid_for() -> None:
    """Four vCPUs and 20,000 MiB on a c6id take 16 of its vCPUs: a price by the vCPU would call it cheap."""
    found = {each.family: each for each in places(Shape(vcpus=4, memory_mib=20_000), EU)}
    assert (found["c6id"].instance, found["c6id"].jobs) == ("c6id.8xlarge", 3)
    assert found["c6id"].spot == pytest.approx(0.6768 / 3)
    assert found["c6id"].vcpus_used == pytest.approx(12 / 32)
    assert (found["r6id"].instance, found["r6id"].jobs) == ("r6id.8xlarge", 8)
    assert found["r6id"].spot == pytest.approx(0.931 / 8)


def test_the_cheapest_comes_first_for_each_shape() -> None:
    """A job with much memory belongs elsewhere than one that computes."""
    assert places(Shape(vcpus=4, memory_mib=28_000), EU)[0].family == "r6id"
    assert places(Shape(vcpus=8, memory_mib=7_600), EU)[0].family == "c6id"


def test_less_memory_saves_nothing_where_vcpus_are_scarce() -> None:
    """The promise of a smaller bill must be the bill's."""
    small, smaller = (places(Shape(vcpus=4, memory_mib=mib), EU)[0] for mib in (7_600, 2_000))
    assert small.spot == smaller.spot


def test_what_fits_on_nothing_has_no_place() -> None:
    """An empty list is an answer; an instance that cannot hold the job is a job that waits for ever."""
    assert places(Shape(vcpus=200, memory_mib=1_000), EU) == []
    assert places(Shape(vcpus=2, memory_mib=3_950), EU, ["c6id"])[0].instance != "c6id.large"


def test_the_command_shows_every_offices_pipelines_beside_its_families(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever chooses an office's families sees what they cost for what it runs."""
    assert main(["shapes", "--gib", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = next(line for line in lines if "metagenome" in line)
    assert "4 vCPUs, 8,500 MiB" in first
    assert "the office's" in first
