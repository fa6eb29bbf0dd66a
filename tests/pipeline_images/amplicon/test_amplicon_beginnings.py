"""Shotgun reads are told from amplicons by how they begin."""

import gzip
import random
from pathlib import Path

import pytest
from amplicon.beginnings import FEWEST, first_fragments, refuse_shotgun
from amplicon.primers import Mates, reverse_complement
from amplicon_samples import insert, pairs
from programs.outcome import BadInput
from sequencing.reads import find_reads


def shotgun(count: int, genome_length: int = 100_000) -> list[Mates]:
    chance = random.Random(1)
    genome = insert(chance, genome_length)
    starts = [chance.randrange(genome_length - 150) for _ in range(count)]
    reads = [genome[at : at + 150].encode() for at in starts]
    return [(read, reverse_complement(read)) for read in reads]


@pytest.mark.parametrize("genome_length", [1_000, 5_386, 100_000])
def test_shotgun_reads_are_refused_with_the_right_pipeline_named(genome_length: int) -> None:
    """Hours later the sample would end in a table of noise."""
    with pytest.raises(BadInput, match="shotgun reads to the metagenome pipeline"):
        refuse_shotgun(shotgun(2_000, genome_length), "pairs")


def test_amplicons_without_primers_are_taken() -> None:
    """Samples whose primers were cut off by the sequencing centre would be refused."""
    different = [mates for seed in range(15) for mates in pairs(None, None, count=20)[seed:]]
    refuse_shotgun(different, "pairs")


def test_a_few_reads_are_not_judged() -> None:
    """Of a handful of reads, every one may begin differently."""
    refuse_shotgun(shotgun(FEWEST - 1), "reads")


def test_the_second_mate_is_taken_from_the_pair_or_from_the_other_strand(tmp_path: Path) -> None:
    """Reverse primers would be looked for in the wrong place."""
    record = "@r\n{}\n+\nIIIII\n"
    for name, bases in (("s_R1.fastq.gz", "aacgt"), ("s_R2.fastq.gz", "GGGCT")):
        (tmp_path / name).write_bytes(gzip.compress(record.format(bases).encode()))
    assert first_fragments(find_reads(tmp_path)) == [(b"AACGT", b"GGGCT")]
    (tmp_path / "s_R1.fastq.gz").rename(tmp_path / "s.fastq.gz")
    (tmp_path / "s_R2.fastq.gz").unlink()
    assert first_fragments(find_reads(tmp_path)) == [(b"AACGT", b"ACGTT")]
