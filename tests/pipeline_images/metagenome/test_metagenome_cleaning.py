"""Long reads keep their own way: whole, numbered, measured, and without the host's."""

import gzip
import random
import shutil
from pathlib import Path

import pytest
from metagenome.cleaning import SHORTEST_OF_LONG, clean, host_removal
from metagenome.measured import Measured, Measuring, n50
from metagenome.read_kind import ReadKind
from metagenome.settings import Settings
from metagenome_samples import records, upload
from programs.outcome import BadInput
from sequencing.kept import write_kept
from sequencing.reads import find_reads


def settings(folder: Path, host: Path | None = None) -> Settings:
    return Settings(kraken2=folder, host=host, threads=1, sample="s", scratch=folder, meta=None)


def test_n50_is_of_bases_and_not_of_reads() -> None:
    """A run of many scraps would look like one of long reads, or the other way round."""
    assert n50([2, 2, 2, 3, 3, 4, 8, 8]) == 8
    assert n50([100] * 9 + [1_000]) == 1_000
    assert n50([100] * 11 + [1_000]) == 100
    assert n50([]) == 0


def test_what_is_measured_is_passed_on_whole() -> None:
    """Reads would be lost, or counted twice, on the way to the host removal."""
    written: list[bytes] = []
    measuring = Measuring(written.append, 3)
    blocks = [records(["A" * 1_000, "C" * 500]).encode(), records(["G" * 3]).encode(), b""]
    for block in blocks:
        measuring(block)
    assert written == blocks
    assert measuring.measured() == Measured(bases=1_503, mean_length=501, n50=1_000)
    assert Measuring(written.append, 3).measured() == Measured(bases=0, mean_length=0, n50=0)


def test_long_reads_too_short_to_be_known_as_the_hosts_go_no_further() -> None:
    """Short scraps of human DNA would get past the host removal and into the results."""
    written: list[bytes] = []
    measuring = Measuring(written.append, SHORTEST_OF_LONG)
    measuring(records(["A" * 1_000, "C" * 199, "G" * 200, "T"]).encode())
    assert b"".join(written).splitlines()[1::4] == [b"A" * 1_000, b"G" * 200]
    assert written[0].endswith(b"\n")
    assert measuring.passed == 2
    assert measuring.measured().bases == 1_400  # of the upload


def test_long_reads_without_a_host_are_all_kept_as_they_are(tmp_path: Path) -> None:
    """fastp would cut reads that it is not made for; followers would not find the reads again."""
    sequences = ["ACGTN" * 400, "", "ACGT", "TTGCA" * 900]
    reads = find_reads(upload(tmp_path / "in", s__fastq__gz=records(sequences)))
    cleaned = clean(reads, ReadKind.LONG, settings(tmp_path), tmp_path, tmp_path / "fastp.json")
    assert (cleaned.fed.fragments, cleaned.fed.without_bases, cleaned.filtered) == (3, 1, 2)
    assert cleaned.measured == Measured(bases=6_504, mean_length=2_168, n50=4_500)
    write_kept(reads, 4, cleaned.files, tmp_path / "kept.tsv.gz")
    assert gzip.decompress((tmp_path / "kept.tsv.gz").read_bytes()) == b"2000\n0\n0\n4500\n"
    assert not (tmp_path / "fastp.json").exists()


def test_long_reads_without_bases_are_refused(tmp_path: Path) -> None:
    """Kraken 2 would fail on an empty file, and the branch read of a broken tool."""
    reads = find_reads(upload(tmp_path / "in", s__fastq=records(["", ""])))
    with pytest.raises(BadInput, match="no read with bases"):
        clean(reads, ReadKind.LONG, settings(tmp_path), tmp_path, tmp_path / "fastp.json")


def test_each_kind_is_mapped_to_the_host_by_its_own_rules(tmp_path: Path) -> None:
    """Host reads full of a nanopore's errors would stay among the results."""
    presets = {}
    for kind in ReadKind:
        command = host_removal(settings(tmp_path, tmp_path / "host.fa"), (tmp_path / "clean",), kind)[
            0
        ].command
        presets[kind] = command[command.index("-x") + 1]
    assert presets == {ReadKind.SHORT: "sr", ReadKind.LONG: "map-ont"}


@pytest.mark.skipif(
    not (shutil.which("minimap2") and shutil.which("samtools")), reason="minimap2 and samtools are not here"
)
def test_the_hosts_long_reads_go(tmp_path: Path) -> None:
    """Human reads would be published."""
    chance = random.Random(1)
    host, microbe = ("".join(chance.choices("ACGT", k=20_000)) for _ in range(2))
    (tmp_path / "host.fa").write_text(f">h\n{host}\n")
    starts = range(0, 16_000, 2_000)
    mixed = [genome[at : at + 3_000] for at in starts for genome in (host, microbe)]
    reads = find_reads(upload(tmp_path / "in", s__fastq=records(mixed)))
    removing = settings(tmp_path, tmp_path / "host.fa")
    cleaned = clean(reads, ReadKind.LONG, removing, tmp_path, tmp_path / "fastp.json")
    assert cleaned.filtered == 2 * len(starts)
    kept = cleaned.files[0].read_text().splitlines()[1::4]
    assert kept == mixed[1::2]
