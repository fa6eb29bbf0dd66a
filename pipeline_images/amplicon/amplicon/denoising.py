"""UNOISE: which different sequences are real, and which are a real one with errors.

Chimeras, of two real ones, are told by uchime3_denovo. Then every sequence is counted for the variant it is
closest to; what is close to a chimera is counted for none.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_program
from programs.outcome import BadInput

from amplicon.merging import Uniques

RAREST = 8  # copies: what UNOISE's author found a real sequence to need
RAREST_OF_FEW = 4
FEW = 10_000  # sequences; of so few, a real but rare one has not eight copies
IDENTITY = 0.97  # sequences with errors are closer to theirs than this

_SIZE = re.compile(r";size=(\d+)")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """An amplicon sequence variant (ASV). Its name is its sequence's MD5: tables of samples can be joined."""

    name: str
    sequence: str
    reads: int


@dataclass(frozen=True, kw_only=True)
class Variants:
    found: tuple[Variant, ...]  # the most abundant first
    chimeras: int  # variants taken out
    chimeric_reads: int
    rarest: int  # copies a sequence needed

    @property
    def reads(self) -> int:
        return sum(variant.reads for variant in self.found)


def denoise(uniques: Uniques, threads: int, work: Path) -> Variants:
    """Raises `BadInput` when no sequence occurs often enough."""
    rarest = RAREST_OF_FEW if uniques.filtered < FEW else RAREST
    centroids, kept, hits = (work / name for name in ("centroids.fasta", "kept.fasta", "hits.tsv"))
    _vsearch(
        "unoise",
        work,
        *("--cluster_unoise", uniques.file, "--minsize", str(rarest), "--centroids", centroids),
        *("--sizein", "--sizeout", "--relabel_md5", "--fasta_width", "0", "--threads", str(threads)),
    )
    sequences = dict(read_fasta(centroids.read_text().splitlines()))
    if not sequences:
        raise BadInput(
            f"no sequence of the amplicon can be told from errors: of {uniques.filtered:,} sequences, "
            f"{uniques.different:,} are different and none occurs {rarest} times; upload more reads, and "
            "reads with few errors (Illumina, PacBio HiFi) of one amplicon"
        )
    _vsearch(
        "chimeras",
        work,
        *(
            "--uchime3_denovo",
            centroids,
            "--sizein",
            "--sizeout",
            "--nonchimeras",
            kept,
            "--fasta_width",
            "0",
        ),
    )
    _vsearch(
        "count",
        work,
        *("--usearch_global", uniques.file, "--db", centroids, "--id", str(IDENTITY), "--strand", "plus"),
        # The closest shares most words, so it comes first; each more alignment of a whole gene takes long.
        *("--maxaccepts", "2", "--maxrejects", "8", "--maxhits", "1"),
        *("--userfields", "query+target", "--userout", hits),
        *("--threads", str(threads)),
    )
    real = {name for name, _ in read_fasta(kept.read_text().splitlines())}
    return variants(sequences, real, count(hits.read_text().splitlines()), rarest)


def variants(sequences: dict[str, str], real: set[str], reads: dict[str, int], rarest: int) -> Variants:
    found = [
        Variant(name=name, sequence=sequence, reads=reads.get(name, 0))
        for name, sequence in sequences.items()
        if name in real
    ]
    return Variants(
        # By name where counts are equal: the same upload gives the same table.
        found=tuple(sorted(found, key=lambda variant: (-variant.reads, variant.name))),
        chimeras=len(sequences) - len(found),
        chimeric_reads=sum(reads.get(name, 0) for name in sequences if name not in real),
        rarest=rarest,
    )


def count(hits: Iterable[str]) -> dict[str, int]:
    """Reads for each target: a query stands for as many as its size."""
    total: Counter[str] = Counter()
    for hit in hits:
        query, target = hit.split("\t")
        size = _SIZE.search(query)
        total[bare(target)] += int(size.group(1)) if size else 1
    return dict(total)


def read_fasta(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Name and sequence, as vsearch writes them without line breaks."""
    name = None
    for line in lines:
        if line.startswith(">"):
            name = bare(line[1:])
        elif name is not None:
            yield name, line.strip().upper()
            name = None


def bare(name: str) -> str:
    """Without vsearch's annotations."""
    return name.split(";", 1)[0]


def _vsearch(step: str, work: Path, *words: str | Path) -> None:
    run_program(Program(name=step, command=("vsearch", *words)), work)
