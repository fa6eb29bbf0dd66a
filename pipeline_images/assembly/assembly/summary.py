"""A sample's assembly in a few numbers, as JSON and as the tables of contigs and of bins."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from reporting.tables import tsv
from sequencing.reads import Reads

from assembly.binning import Bin
from assembly.clean_reads import CleanReads
from assembly.contigs import Contig, Shape, shape_of
from assembly.coverage import Coverage

# Upper ends of the classes of length that the report shows, in bases.
CLASSES = (1_000, 2_500, 10_000, 50_000, 250_000)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Fragments are `unit` (pairs, or single reads); reads are counted one by one where they were mapped."""

    unit: str
    files: tuple[str, ...]
    cleaned: bool  # by the run before: else the reads are as they were uploaded
    uploaded: int
    fragments: int  # that were assembled
    bases: int  # of them
    reads: int
    mapped: int
    shape: Shape
    genes: int
    bins: tuple[Bin, ...]
    bin_genes: Mapping[str, int]
    lengths: tuple[tuple[str, int, int], ...]  # class, contigs, bases

    @property
    def mapped_share(self) -> float:
        """Of the assembled reads, those that are found again in the contigs."""
        return self.mapped / self.reads if self.reads else 0.0

    @property
    def binned_share(self) -> float:
        """Of the contigs' bases, those that are in a bin."""
        return sum(each.shape.bases for each in self.bins) / self.shape.bases

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "unit": self.unit,
            "files": list(self.files),
            "cleaned_by_the_run_before": self.cleaned,
            "uploaded": self.uploaded,
            "assembled": self.fragments,
            "assembled_bases": self.bases,
            "mapped_share": round(self.mapped_share, 6),
            "contigs": _rounded(self.shape),
            "genes": self.genes,
            "binned_share": round(self.binned_share, 6),
            "bins": [
                {
                    "name": each.name,
                    **_rounded(each.shape),
                    "coverage": round(each.coverage, 3),
                    "genes": self.bin_genes.get(each.name, 0),
                }
                for each in self.bins
            ],
        }


def summarise(
    reads: Reads,
    clean: CleanReads,
    contigs: Sequence[Contig],
    coverage: Coverage,
    bins: Sequence[Bin],
    genes: Mapping[str, int],
    *,
    cleaned: bool,
) -> Summary:
    return Summary(
        unit=reads.unit,
        files=tuple(reads.names),
        cleaned=cleaned,
        uploaded=clean.uploaded,
        fragments=clean.fragments,
        bases=clean.bases,
        reads=coverage.reads,
        mapped=coverage.mapped,
        shape=shape_of(contigs),
        genes=sum(genes.values()),
        bins=tuple(bins),
        bin_genes={each.name: sum(genes.get(contig.name, 0) for contig in each.contigs) for each in bins},
        lengths=lengths_of(contigs),
    )


def lengths_of(contigs: Sequence[Contig]) -> tuple[tuple[str, int, int], ...]:
    """Contigs and their bases in each class of length, the shortest class first; none is left out."""
    ends = [*CLASSES, None]
    names = [f"under {CLASSES[0]:,} bases"]
    names += [f"{low:,} to {high - 1:,}" for low, high in pairwise(CLASSES)]
    names += [f"{CLASSES[-1]:,} or more"]
    found = [[0, 0] for _ in ends]
    for contig in contigs:
        length = len(contig.bases)
        place = next(n for n, end in enumerate(ends) if end is None or length < end)
        found[place][0] += 1
        found[place][1] += length
    return tuple((name, count, bases) for name, (count, bases) in zip(names, found, strict=True))


def contig_table(
    contigs: Sequence[Contig], coverage: Mapping[str, float], bins: Sequence[Bin], genes: Mapping[str, int]
) -> str:
    home = {contig.name: each.name for each in bins for contig in each.contigs}
    rows = [
        (
            contig.name,
            len(contig.bases),
            f"{contig.gc / len(contig.bases):.4f}",
            f"{coverage.get(contig.name, 0.0):.2f}",
            genes.get(contig.name, 0),
            home.get(contig.name, ""),
        )
        for contig in contigs
    ]
    return tsv(("contig", "bases", "gc", "coverage", "genes", "bin"), rows)


def bin_table(bins: Sequence[Bin], genes: Mapping[str, int]) -> str:
    """`genes` by bin."""
    rows = [
        (
            each.name,
            each.shape.contigs,
            each.shape.bases,
            each.shape.longest,
            each.shape.n50,
            each.shape.l50,
            f"{each.shape.gc:.4f}",
            f"{each.coverage:.2f}",
            genes.get(each.name, 0),
        )
        for each in bins
    ]
    return tsv(("bin", "contigs", "bases", "longest", "n50", "l50", "gc", "coverage", "genes"), rows)


def _rounded(shape: Shape) -> dict[str, Any]:
    return asdict(shape) | {"gc": round(shape.gc, 6)}
