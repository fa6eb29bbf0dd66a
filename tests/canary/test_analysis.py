"""One analysis, with a stand-in for the container engine: what its end means."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from canary import running
from canary.analysis import CannotCompare, Repetition, Subject, analyse, checked, references_of
from canary.mock import Community
from canary.record import Record
from components.office import PinnedRelease
from pipeline_images.containers import Engine
from tests.canary.example import NEW, OLD, TOLERANCES

TABLE = "taxid\tname\trank\treads\trelative_abundance\n562\tEscherichia coli\tspecies\t6\t1.0\n"
# Finds the folders that it is given as a container would, and writes what a pipeline would.
GOOD = f"""#!/usr/bin/env python3
import json, pathlib, sys
if "bad-image" in sys.argv:
    sys.exit("the database is gone")
volumes = [word.removeprefix("--volume=") for word in sys.argv if word.startswith("--volume=")]
places = dict(word.split(":")[1::-1] for word in volumes)
assert pathlib.Path(places["/input"], "input.tar").is_file()
folder = pathlib.Path(places["/output"], "abundance")
folder.mkdir()
(folder / "species.tsv").write_text({TABLE!r})
pathlib.Path(places["/taken"], "taken.json").write_text(json.dumps({{"seconds": 2.5, "memory_mib": 7}}))
"""


def engine(folder: Path, script: str) -> Engine:
    program = folder / "engine"
    program.write_text(script)
    program.chmod(0o755)
    return Engine(program=str(program), environ={"PATH": "/usr/bin:/bin"})


@pytest.fixture
def community(tmp_path: Path) -> Community:
    (tmp_path / "input.tar").write_bytes(b"reads")
    (tmp_path / "truth.tsv").write_text("taxid\tname\tpairs\n562\tEscherichia coli\t10\n9606\thuman\t5\n")
    return Community(
        input_tar=tmp_path / "input.tar", truth=tmp_path / "truth.tsv", references=tmp_path / "references"
    )


def subject(release: PinnedRelease = OLD, image: str = "image") -> Subject:
    return Subject(release=release, image=image, references={}, checksums={})


def ended(tmp_path: Path, community: Community, script: str) -> Repetition:
    return analyse(engine(tmp_path, script), subject(), community, tmp_path)


def test_what_was_found_and_what_it_took(tmp_path: Path, community: Community) -> None:
    """The comparison stands on these numbers."""
    got = ended(tmp_path, community, GOOD)
    assert (got.shares, got.seconds, got.memory_mib, got.failure) == ({562: 1.0}, 2.5, 7, None)


def test_a_pipeline_that_fails_is_an_answer(tmp_path: Path, community: Community) -> None:
    """A release that ends badly has failed its canary, in its own last words."""
    got = ended(tmp_path, community, "#!/bin/sh\necho the database is gone >&2\nexit 70\n")
    assert got.failure == "ended with exit code 70: the database is gone"


def test_a_result_without_a_table_is_a_failure(tmp_path: Path, community: Community) -> None:
    """A pipeline that ends well and has written nothing has not found the same."""
    got = ended(tmp_path, community, GOOD.replace("species.tsv", "genus.tsv"))
    assert got.failure
    assert "species.tsv" in got.failure


def test_an_engine_that_cannot_start_it_says_nothing_of_the_release(
    tmp_path: Path, community: Community
) -> None:
    """A registry that is down for an hour must take no release back."""
    with pytest.raises(CannotCompare, match="pull access denied"):
        ended(tmp_path, community, "#!/bin/sh\necho pull access denied >&2\nexit 125\n")


def run(tmp_path: Path, community: Community, old: Subject, new: Subject) -> Record:
    return running.run(
        engine(tmp_path, GOOD), "metagenome", TOLERANCES, community, old, new,
        by="me", now=lambda: datetime.now(UTC), say=lambda _: None,
    )  # fmt: skip


def test_an_old_release_that_fails_proves_nothing(tmp_path: Path, community: Community) -> None:
    """Else the new one would be compared with nothing, and anything passes."""
    with pytest.raises(CannotCompare, match="the old release fails here"):
        run(tmp_path, community, subject(image="bad-image"), subject(NEW))


def test_a_new_release_that_fails_is_on_record(tmp_path: Path, community: Community) -> None:
    """It is what the revert is opened for."""
    made = run(tmp_path, community, subject(), subject(NEW, "bad-image"))
    assert made.new.failure == "ended with exit code 1: the database is gone"
    assert (made.old.shares, made.truth, made.names[562]) == ({562: 1.0}, {562: 1.0}, "Escherichia coli")


def test_a_damaged_reference_is_not_the_release_s_fault(tmp_path: Path) -> None:
    """A database that was cut off on its way would make any image look bad."""
    place = tmp_path / "demo-host" / "2026.1"
    place.mkdir(parents=True)
    release = PinnedRelease(digest=OLD.digest, references={"demo-host": "2026.1"})
    with pytest.raises(CannotCompare, match="SHA256SUMS is missing"):
        references_of(tmp_path, {"host": "demo-host"}, release)
    sums = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73  host.mmi\n"  # of "content"
    (place / "SHA256SUMS").write_text(sums)
    assert references_of(tmp_path, {"host": "demo-host"}, release) == {"host": place}
    (place / "host.mmi").write_text("content")
    checked(place)
    (place / "host.mmi").write_text("conten")
    with pytest.raises(CannotCompare, match="does not fit"):
        checked(place)
