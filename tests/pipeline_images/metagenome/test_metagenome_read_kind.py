"""Short or long reads: told from their lengths, whatever the files are called."""

import random
from pathlib import Path

import pytest
from metagenome.first_reads import LOOKED_AT, first_reads
from metagenome.read_kind import LONG_FROM, ReadKind, kind_of
from metagenome_samples import fastq, records, upload
from programs.outcome import BadInput
from sequencing.reads import find_reads


def kind(folder: Path) -> ReadKind:
    reads = find_reads(folder)
    return kind_of(reads, first_reads(reads))


def of_lengths(*lengths: int) -> str:
    return records("A" * length for length in lengths)


def test_short_reads_stay_short_up_to_the_longest_that_sequencers_give(tmp_path: Path) -> None:
    """Merged pairs of 2 x 300 bases would lose their quality filter."""
    assert kind(upload(tmp_path / "merged", s__fastq=of_lengths(*[590] * 40))) is ReadKind.SHORT
    assert kind(upload(tmp_path / "edge", s__fastq=of_lengths(*[LONG_FROM] * 40))) is ReadKind.SHORT
    pairs = upload(tmp_path / "pairs", s_R1__fastq=fastq(9), s_R2__fastq=fastq(9, mate=2))
    assert kind(pairs) is ReadKind.SHORT


def test_a_nanopore_run_of_mostly_short_pieces_is_still_one(tmp_path: Path) -> None:
    """fastp would cut long reads by the rules of short ones."""
    lengths = [2_000 if number % 10 == 0 else 250 for number in range(400)]
    random.Random(1).shuffle(lengths)
    assert (
        kind(upload(tmp_path, a__fastq=of_lengths(*lengths), b__fastq__gz=of_lengths(9_000))) is ReadKind.LONG
    )


def test_one_odd_read_does_not_make_a_sample_long(tmp_path: Path) -> None:
    """Two reads run together in a file would cost the whole sample its filter."""
    assert kind(upload(tmp_path, s__fastq=of_lengths(*[150] * 400, 900))) is ReadKind.SHORT


def test_short_and_long_reads_in_one_upload_are_refused(tmp_path: Path) -> None:
    """One of the two kinds would be treated by the other's rules, unseen."""
    upload(tmp_path, illumina__fastq=of_lengths(150, 150), nanopore__fastq=of_lengths(4_000, 300))
    with pytest.raises(BadInput) as refused:
        kind(tmp_path)
    assert str(refused.value) == (
        "the upload mixes short reads (illumina.fastq) with long ones (nanopore.fastq), which need other "
        "tools; upload them as two samples"
    )


def test_long_reads_named_as_mates_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """A run's numbered files (_1, _2) would be read as pairs that never were one."""
    upload(tmp_path, run_1__fastq=of_lengths(4_000), run_2__fastq=of_lengths(4_000))
    with pytest.raises(BadInput, match=r"run_1\.fastq is named as one file of a pair .* without _1 and _2"):
        kind(tmp_path)


def test_files_without_bases_take_no_side(tmp_path: Path) -> None:
    """A lane of empty reads would make a long-read sample a mixture."""
    empty = "@r\n\n+\n\n"
    assert kind(upload(tmp_path / "a", a__fastq=empty, b__fastq=of_lengths(4_000))) is ReadKind.LONG
    assert kind(upload(tmp_path / "b", a__fastq=empty)) is ReadKind.SHORT


def test_a_sample_is_told_by_its_beginning(tmp_path: Path) -> None:
    """A large upload would be read twice before the first tool starts."""
    cut_off = of_lengths(*[150] * LOOKED_AT) + "@cut\nACGT\n"
    reads = find_reads(upload(tmp_path, s__fastq=cut_off))
    assert [len(file.bases) for file in first_reads(reads)] == [LOOKED_AT]
