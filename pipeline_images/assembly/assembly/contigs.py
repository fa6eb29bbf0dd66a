"""Contigs: MEGAHIT's result, longest first and named by that order, and the numbers that describe a set."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH = 80  # bases a line


@dataclass(frozen=True, kw_only=True)
class Contig:
    name: str
    bases: str

    @property
    def gc(self) -> int:
        """Bases that are G or C."""
        return self.bases.count("G") + self.bases.count("C")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A set of contigs in numbers. N50: half of all bases are in contigs of this length or longer.

    L50: how many contigs that takes.
    """

    contigs: int
    bases: int
    longest: int
    n50: int
    l50: int
    gc: float  # share, of 1


def shape_of(contigs: Sequence[Contig]) -> Shape:
    lengths = sorted((len(contig.bases) for contig in contigs), reverse=True)
    total = sum(lengths)
    n50, l50, reached = 0, 0, 0
    for length in lengths:
        reached, n50, l50 = reached + length, length, l50 + 1
        if 2 * reached >= total:
            break
    return Shape(
        contigs=len(lengths),
        bases=total,
        longest=lengths[0] if lengths else 0,
        n50=n50,
        l50=l50,
        gc=sum(contig.gc for contig in contigs) / total if total else 0.0,
    )


def read_fasta(path: Path) -> Iterator[Contig]:
    """Each sequence, in capitals; the name ends at the first blank."""
    name, parts = "", list[str]()
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for line in lines:
            if line.startswith(">"):
                if name:
                    yield Contig(name=name, bases="".join(parts))
                name, parts = (line[1:].split() or ["unnamed"])[0], []
            else:
                parts.append(line.strip().upper())
    if name:
        yield Contig(name=name, bases="".join(parts))


def named_by_length(contigs: Sequence[Contig]) -> list[Contig]:
    """Longest first, `contig_1` and so on: the assembler's names tell nothing. Equal ones by their bases."""
    ordered = sorted(contigs, key=lambda contig: (-len(contig.bases), contig.bases))
    return [Contig(name=f"contig_{n}", bases=contig.bases) for n, contig in enumerate(ordered, start=1)]


def fasta(contigs: Sequence[Contig]) -> Iterator[str]:
    """The lines of a FASTA file."""
    for contig in contigs:
        yield f">{contig.name}\n"
        for start in range(0, len(contig.bases), WIDTH):
            yield contig.bases[start : start + WIDTH] + "\n"


def write_fasta(contigs: Sequence[Contig], path: Path) -> None:
    """Gzip when the name says so."""
    if path.suffix == ".gz":
        with gzip.open(path, "wt", compresslevel=6) as out:
            out.writelines(fasta(contigs))
    else:
        with path.open("w") as out:
            out.writelines(fasta(contigs))
