"""The canary with real containers: today's image beside itself, and beside one that was spoilt."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary import mock, running
from canary.analysis import Subject, checked, references_of
from canary.comparison import Check, checks
from components.pipeline import load_pipelines
from components.roster import Fleet
from pipeline_images.containers import engine, local_image
from rehearsal.registry import SPOILT, built

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]

ROOT = Path(__file__).resolve().parents[2]
METAGENOME = load_pipelines(ROOT)["metagenome"]
RELEASE = Fleet.load(ROOT).headquarters.releases["metagenome"]
IMAGE = local_image("metagenome")


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("spoilt")
    with built(engine(), "localhost/globalbi-canary-spoilt:test", SPOILT, folder) as image:
        yield image


def compared(new: str) -> list[Check]:
    assert METAGENOME.canary
    # Other tests share the machine: once is enough here, and time is not what is looked at.
    tolerances = METAGENOME.canary.model_copy(update={"pairs": 20_000, "repetitions": 1, "most_time": 100.0})
    community = mock.community(ROOT / ".build" / "mock", pairs=tolerances.pairs, seed=tolerances.seed)
    places = references_of(community.references, METAGENOME.references, RELEASE)
    sums = {name: checked(places[role]) for role, name in METAGENOME.references.items()}
    old, new_one = (
        Subject(release=RELEASE, image=image, references=places, checksums=sums) for image in (IMAGE, new)
    )
    record = running.run(
        engine(), "metagenome", tolerances, community, old, new_one,
        by="test", now=lambda: datetime.now(UTC), say=lambda _: None,
    )  # fmt: skip
    return checks(record, tolerances)


def test_the_image_beside_itself_passes() -> None:
    """A canary that finds differences where there are none stops every release."""
    found = compared(IMAGE)
    assert [each for each in found if not each.passed] == []
    (memory,) = [each for each in found if each.name == "memory"]
    assert int(memory.measured.split()[0]) > 500  # fastp alone holds more: a container was really measured


def test_an_image_that_counts_otherwise_fails(spoilt: str) -> None:
    """It ends well, in time, with a full report: only the known composition tells that it is wrong."""
    failed = {each.name for each in compared(spoilt) if not each.passed}
    assert failed >= {"distance from the truth", "distance from the old release"}
