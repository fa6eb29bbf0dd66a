"""Which files of an upload are reads, and whose mates they are."""

from pathlib import Path

import pytest
from metagenome_samples import upload
from programs.outcome import BadInput
from sequencing.reads import find_reads


def names(folder: Path) -> list[list[str]]:
    return [[path.name for path in lane.files] for lane in find_reads(folder).lanes]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("s_R1.fastq.gz", "s_R2.fastq.gz"),
        ("s_S1_L001_R1_001.fastq.gz", "s_S1_L001_R2_001.fastq.gz"),
        ("s_1.fq.gz", "s_2.fq.gz"),
        ("s.R1.fq", "s.R2.fq"),
        ("s-1.fastq", "s-2.fastq"),
        ("s_r1.FASTQ.GZ", "s_r2.FASTQ.GZ"),
        ("R1_2_R1.fastq", "R1_2_R2.fastq"),
    ],
)
def test_mates_are_found_by_every_usual_name(tmp_path: Path, one: str, two: str) -> None:
    """A sample named as its sequencer names it would be refused, or analysed as single reads."""
    for name in (two, one):
        (tmp_path / name).touch()
    assert names(tmp_path) == [[one, two]]


def test_lanes_stay_pairs_of_their_own(tmp_path: Path) -> None:
    """Mates of different lanes put together would be pairs that never were one fragment."""
    for lane in (1, 2):
        for mate in (1, 2):
            (tmp_path / f"s_L00{lane}_R{mate}_001.fastq.gz").touch()
    assert names(tmp_path) == [
        ["s_L001_R1_001.fastq.gz", "s_L001_R2_001.fastq.gz"],
        ["s_L002_R1_001.fastq.gz", "s_L002_R2_001.fastq.gz"],
    ]


def test_files_without_a_mate_in_their_name_are_single_reads(tmp_path: Path) -> None:
    """Single-end samples could not be analysed at all."""
    upload(tmp_path, sample_L001__fq="", sample_L002__fq="")
    reads = find_reads(tmp_path)
    assert not reads.paired
    assert reads.names == ["sample_L001.fq", "sample_L002.fq"]


def test_what_macs_and_sequencers_add_is_no_read(tmp_path: Path) -> None:
    """A resource fork or an index read would make a good sample look broken."""
    (tmp_path / "__MACOSX").mkdir()
    for name in (
        "s_R1.fastq",
        "s_R2.fastq",
        "s_I1.fastq",
        "readme.txt",
        "._s_R1.fastq",
        "__MACOSX/s_R1.fastq",
    ):
        (tmp_path / name).touch()
    assert names(tmp_path) == [["s_R1.fastq", "s_R2.fastq"]]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no reads inside: it is empty"),
        (["reads.bam", "notes.txt"], "no reads inside: it holds notes.txt, reads.bam"),
        (["a.faa", "b.fasta"], "upload sample_R1.fastq.gz and sample_R2.fastq.gz"),
        (["s_R1.fastq.gz"], "one mate is missing: s_R1.fastq.gz has no s_R2.fastq.gz beside it"),
        (["s_L001_R2_001.fastq"], "has no s_L001_R1_001.fastq beside it"),
        (["s_1.fq"], "s_1.fq has no s_2.fq beside it"),
        (["s_R1.fastq", "s_R2.fastq", "t.fastq"], "mixes pairs with single reads (t.fastq)"),
        (["s_R1.fastq", "s_R1.fastq.gz", "s_R2.fastq"], "the same reads twice"),
    ],
)
def test_an_upload_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, files: list[str], said: str
) -> None:
    """The branch would not learn what to upload instead."""
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(BadInput) as refused:
        find_reads(tmp_path)
    assert said in str(refused.value)
    assert "upload" in str(refused.value) or "leave" in str(refused.value)


def test_many_foreign_files_do_not_fill_the_sentence(tmp_path: Path) -> None:
    """status.json quotes the sentence: it must stay one that a person reads."""
    for number in range(300):
        (tmp_path / f"image{number:03}.tif").touch()
    with pytest.raises(BadInput, match="and 295 more files") as refused:
        find_reads(tmp_path)
    assert len(str(refused.value)) < 500
