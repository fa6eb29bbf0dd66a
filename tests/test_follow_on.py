"""A sample's assembly starts by itself when its metagenome run has succeeded: twin, handlers, real images.

The office is eu with one more release in its file, in a copy of the repository's tree.
"""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from canary import mock
from demo import story
from demo.story import Offices
from tests.one_office import ROOT, fetched, one_office, put

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("end_to_end")]

GENOME, PAIRS, LENGTH, INSERT = 6_000, 500, 100, 300
COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def community() -> mock.Community:
    """The same as the other end-to-end tests', so that it is made once."""
    return mock.community(ROOT / ".build" / "mock", pairs=6_000, seed=20, options=("--lanes", "2"))


@pytest.fixture(scope="module")
def eu(tmp_path_factory: pytest.TempPathFactory, community: mock.Community) -> Iterator[Offices]:
    assembly = {"assembly": {"digest": "sha256:" + "a5" * 32}}
    with one_office("eu", tmp_path_factory, community.references, releases=assembly) as office:
        yield office


@pytest.fixture(scope="module")
def genome() -> str:
    return "".join(random.Random(7).choices("ACGT", k=GENOME))


def reads_of(genome: str) -> dict[str, bytes]:
    """Reads of a microbe that no database knows, enough to put it together again."""
    chance = random.Random(8)
    mates: tuple[list[str], list[str]] = ([], [])
    for number in range(PAIRS):
        start = chance.randrange(GENOME - INSERT)
        piece = genome[start : start + INSERT]
        for mate, bases in zip(
            mates, (piece[:LENGTH], piece[::-1].translate(COMPLEMENT)[:LENGTH]), strict=True
        ):
            mate.append(f"@new{number}\n{bases}\n+\n{'I' * LENGTH}\n")
    return {
        f"new_S1_L003_R{n}_001.fastq.gz": gzip.compress("".join(mate).encode())
        for n, mate in enumerate(mates, start=1)
    }


def tar_of(files: dict[str, bytes], *, beside: Path | None = None) -> bytes:
    """A tar of the files, with those of another tar beside them."""
    if beside is not None:
        with tarfile.open(beside) as tar:
            files = {m.name: tar.extractfile(m).read() for m in tar.getmembers()} | files  # type: ignore[union-attr]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def contigs(folder: Path) -> str:
    return gzip.decompress((folder / "contigs.fasta.gz").read_bytes()).decode().replace("\n", "")


def holds(found: str, genome: str) -> bool:
    """All of the genome but its ends, in either direction."""
    inside = genome[200:-200]
    return inside in found or inside[::-1].translate(COMPLEMENT) in found


def test_one_upload_becomes_abundances_and_then_an_assembly_of_its_clean_reads(
    eu: Offices, community: mock.Community, genome: str, tmp_path: Path
) -> None:
    """The branch uploads once; that a second pipeline is to run, nobody should have to think of."""
    put(eu, "metagenome/soil/s1/input.tar", tar_of(reads_of(genome), beside=community.input_tar))
    first = eu.follow("eu", "metagenome/soil/s1")
    assert first["state"] == "succeeded", first
    story.wait_for("the assembly to start", lambda: eu.status("eu", "assembly/soil/s1"))
    second = eu.follow("eu", "assembly/soil/s1")
    assert second["state"] == "succeeded", second
    assert second["after"]["run_id"] == first["run_id"]
    assert second["upload"] == first["upload"]
    before = fetched(eu, first, tmp_path / "before")
    after = fetched(eu, second, tmp_path / "after")
    assert after.manifest["after"]["run_id"] == before.manifest["run_id"]
    assert holds(contigs(after.folder), genome)
    told = json.loads((before.folder / "summary.json").read_text())
    made = json.loads((after.folder / "summary.json").read_text())
    assert made["uploaded"] == told["uploaded"]
    assert made["assembled"] == told["after_host_removal"] < told["after_filtering"]


def test_reads_uploaded_to_the_assembly_itself_are_assembled_as_they_are(
    eu: Offices, genome: str, tmp_path: Path
) -> None:
    """A branch that wants nothing but an assembly needs no other pipeline."""
    put(eu, "assembly/soil/s2/input.tar", tar_of(reads_of(genome)))
    status = eu.follow("eu", "assembly/soil/s2")
    assert status["state"] == "succeeded", status
    assert status["after"] is None
    found = fetched(eu, status, tmp_path)
    assert holds(contigs(found.folder), genome)
    assert "Reads as uploaded" in (found.folder / "report.html").read_text()


def test_reads_that_do_not_come_together_are_told_so(eu: Offices) -> None:
    """The sentence of a follow-on pipeline must reach the branch like any other."""
    few = gzip.compress(b"@r\n" + b"ACGT" * 20 + b"\n+\n" + b"I" * 80 + b"\n")
    put(eu, "assembly/soil/s3/input.tar", tar_of({"s3.fastq.gz": few}))
    status = eu.follow("eu", "assembly/soil/s3")
    assert status["state"] == "rejected", status
    assert "do not come together" in status["summary"]
