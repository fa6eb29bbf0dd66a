"""Sequences the community: ART simulates an Illumina HiSeq 2500, 2 x 150 bases."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mock_community.community import (
    COMMUNITY,
    HUMAN,
    HUMAN_TAXID,
    UNKNOWN,
    UNKNOWN_TAXID,
)
from mock_community.fasta import read_fasta
from mock_community.programs import run

READ_LENGTH, FRAGMENT_MEAN, FRAGMENT_SD = 150, 350, 50
SPARE, SPARE_PAIRS = (
    1.05,
    20,
)  # ART's counts scatter: simulate a little more, then draw exactly as many as asked for

Pair = tuple[bytes, bytes]


@dataclass(frozen=True, kw_only=True)
class Genome:
    """A genome to be sequenced: its FASTA, its length without N, and the pairs wanted from it."""

    strain: str
    name: str
    taxid: int
    fasta: Path
    bases: int
    pairs: int


def genomes_of(strains: Path, pairs: int, human_share: float, unknown_share: float) -> list[Genome]:
    """Which pairs come from which genome."""
    human, unknown = round(pairs * human_share), round(pairs * unknown_share)
    known = pairs - human - unknown
    counts = [round(known * species.read_share) for species in COMMUNITY]
    counts[0] += known - sum(counts)
    wanted = [(s.strain, s.name, s.taxid, count) for s, count in zip(COMMUNITY, counts, strict=True)]
    wanted += [
        (HUMAN, "Homo sapiens", HUMAN_TAXID, human),
        (UNKNOWN, "in no database", UNKNOWN_TAXID, unknown),
    ]
    genomes = []
    for strain, name, taxid, count in wanted:
        if count:
            fasta = strains / f"{strain}.fa"
            bases = sum(len(s) - s.count("N") for _, s in read_fasta(fasta))
            genomes.append(
                Genome(strain=strain, name=name, taxid=taxid, fasta=fasta, bases=bases, pairs=count)
            )
    return genomes


def sequence(genomes: list[Genome], seed: int) -> list[Pair]:
    """All pairs, in random order. The same seed gives the same pairs."""
    pairs = [pair for number, genome in enumerate(genomes) for pair in _simulate(genome, seed + number)]
    random.Random(seed).shuffle(pairs)
    return pairs


def _simulate(genome: Genome, seed: int) -> list[Pair]:
    fold = (genome.pairs * SPARE + SPARE_PAIRS) * 2 * READ_LENGTH / genome.bases
    with tempfile.TemporaryDirectory() as room:
        shape = ["-ss", "HS25", "-p", "-l", READ_LENGTH, "-m", FRAGMENT_MEAN, "-s", FRAGMENT_SD]
        command = ["art_illumina", *shape, "-f", f"{fold:.6f}", "-i", genome.fasta, "-na", "-q", "-rs", seed]
        run([str(word) for word in [*command, "-o", f"{room}/r"]])
        pairs = list(zip(_records(Path(room, "r1.fq")), _records(Path(room, "r2.fq")), strict=True))
    if len(pairs) < genome.pairs:
        raise RuntimeError(f"ART made {len(pairs)} pairs of {genome.strain}, {genome.pairs} are wanted")
    return random.Random(seed).sample(pairs, genome.pairs)


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as lines:
        while record := b"".join(islice(lines, 4)):
            yield record
