"""Amplicon reads are refused, shotgun reads of every make are not.

Real reads of both kinds go through the image's self-test; here are the cases that no reads at hand show.
"""

import random
from collections.abc import Iterator, Sequence

import pytest
from metagenome.amplicons import ALIKE, FEWEST, alike, refuse_amplicons
from metagenome.first_reads import FirstReads
from metagenome.read_kind import ReadKind
from programs.outcome import BadInput

ADAPTER = b"AGATCGGAAGAGCACACGTCTGAACTCCAGTCA"
SHORT, LONG = ReadKind.SHORT, ReadKind.LONG


def dna(chance: random.Random, length: int) -> bytes:
    return bytes(chance.choices(b"ACGT", k=length))


def other_strand(bases: bytes) -> bytes:
    return bases[::-1].translate(bytes.maketrans(b"ACGT", b"TGCA"))


def shotgun(genome_length: int, length: int = 150, count: int = 1_000) -> Iterator[bytes]:
    chance = random.Random(2)
    genome = dna(chance, genome_length)
    for _ in range(count):
        at = chance.randrange(genome_length - length)
        read = genome[at : at + length]
        yield read if chance.random() < 0.5 else other_strand(read)


def amplicons(*, both_strands: bool = False, spacers: int = 0, length: int = 250) -> Iterator[bytes]:
    """515F and 806R with the letters that they leave open, behind spacers; whatever microbe between them."""
    chance = random.Random(3)
    for _ in range(1_000):
        forward = b"GTG%cCAGC%cGCCGCGGTAA" % (chance.choice(b"CT"), chance.choice(b"AC"))
        backward = b"GGACTAC%c%cGGGT%cTCTAAT" % (
            chance.choice(b"ACGT"),
            chance.choice(b"ACG"),
            chance.choice(b"AT"),
        )
        primer = backward if both_strands and chance.random() < 0.5 else forward
        yield dna(chance, chance.randint(0, spacers)) + primer + dna(chance, length)


def files(*reads: Sequence[bytes]) -> list[FirstReads]:
    return [FirstReads(file=f"{number}.fastq", bases=tuple(each)) for number, each in enumerate(reads)]


@pytest.mark.parametrize(
    "reads",
    [
        amplicons(),
        amplicons(both_strands=True),
        amplicons(spacers=7),
        amplicons(both_strands=True, spacers=7),
    ],
)
def test_amplicons_are_refused_and_sent_to_their_pipeline(reads: Iterator[bytes]) -> None:
    """The branch would get a table of species from one gene's chance hits."""
    with pytest.raises(BadInput, match="upload amplicon reads to the amplicon pipeline"):
        refuse_amplicons(files(list(reads)), SHORT)


@pytest.mark.parametrize("genome_length", [1_000, 5_386, 100_000])
def test_shotgun_reads_of_one_small_genome_are_taken(genome_length: int) -> None:
    """A sample of a phage or a plasmid would be refused for being deep."""
    reads = list(shotgun(genome_length))
    refuse_amplicons(files(reads), SHORT)
    assert alike(reads, SHORT) < ALIKE / 2


def test_short_fragments_are_not_alike_for_their_adapters() -> None:
    """Old or fragmented DNA, where most reads run into the adapter, would be refused."""
    chance = random.Random(4)
    reads = [dna(chance, chance.randint(0, 35)) + ADAPTER + dna(chance, 60) for _ in range(1_000)]
    refuse_amplicons(files(reads), SHORT)


def test_reads_of_nothing_are_not_alike() -> None:
    """A run in which many spots were dark (all G) would be taken for one of amplicons."""
    dark = [b"G" * 150] * 900 + list(shotgun(100_000))[:100]
    refuse_amplicons(files(dark), SHORT)


def test_one_file_of_reads_that_begin_alike_is_no_amplicon() -> None:
    """Kits put a constant sequence before one of the mates."""
    constant = [b"TTGACCATGCAAGTCC" + read for read in shotgun(100_000)]
    refuse_amplicons(files(list(shotgun(100_000)), constant), SHORT)
    with pytest.raises(BadInput):
        refuse_amplicons(files(constant, constant), SHORT)


def test_a_handful_of_reads_is_not_judged() -> None:
    """Two reads of one place would make a tiny sample an amplicon."""
    few = list(amplicons())[: FEWEST - 1]
    refuse_amplicons(files(few), SHORT)
    refuse_amplicons(files([]), SHORT)


def test_nanopore_adapters_do_not_make_amplicons() -> None:
    """Untrimmed nanopore reads all begin with one adapter and barcode."""
    barcoded = [
        b"AATGTACTTCGTTCAGTTACGTATTGCTAAGGTTAACACAAAGACACCGACAA" + read for read in shotgun(100_000, 3_000)
    ]
    refuse_amplicons(files(barcoded), LONG)
    assert alike(barcoded, SHORT) > ALIKE  # where short reads are looked at, they are alike


def test_long_amplicons_are_refused() -> None:
    """Whole 16S genes read by PacBio would be taken for a metagenome."""
    chance = random.Random(5)
    conserved = dna(chance, 60)
    genes = [dna(chance, 310) + conserved + dna(chance, 1_100) for _ in range(1_000)]
    with pytest.raises(BadInput, match="100% of the first reads share"):
        refuse_amplicons(files(genes), LONG)
