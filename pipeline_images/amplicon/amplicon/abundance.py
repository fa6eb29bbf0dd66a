"""Tables: the reads of each variant, and of each name at each rank.

Relative abundance in a rank's table is a name's share of the reads that have a name at this rank; in the
variants' table it is the share of all reads of variants. Both are shares of reads: organisms have one to
fifteen copies of the gene, and primers like some better than others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reporting.diversity import Diversity, diversity_of
from reporting.tables import tsv

from amplicon.denoising import Variant
from amplicon.taxonomy import RANKS, Lineage, lineage_text

VARIANT_HEADER = ("asv", "reads", "relative_abundance", "taxonomy", "confidence", "sequence")
RANK_HEADER = ("name", "rank", "lineage", "reads", "relative_abundance")


@dataclass(frozen=True, kw_only=True)
class Share:
    lineage: Lineage  # down to this rank: two names may be equal in different families
    reads: int
    relative_abundance: float  # of the reads with a name at this rank: they sum to 1

    @property
    def name(self) -> str:
        return self.lineage[-1].name


def tables(found: Sequence[Variant], names: Mapping[str, Lineage]) -> dict[str, list[Share]]:
    """By rank, for those ranks that any variant has a name at; the most abundant first."""
    by_rank: dict[str, dict[tuple[str, ...], tuple[Lineage, int]]] = {rank: {} for rank in RANKS.values()}
    for variant in found:
        lineage = names.get(variant.name, ())
        for depth, name in enumerate(lineage, 1):
            counted = by_rank[name.rank]
            key = tuple(above.name for above in lineage[:depth])
            counted[key] = lineage[:depth], counted.get(key, ((), 0))[1] + variant.reads
    made = {}
    for rank, counted in by_rank.items():
        total = sum(reads for _, reads in counted.values())
        if total:
            rows = [
                Share(lineage=lineage, reads=reads, relative_abundance=reads / total)
                for lineage, reads in counted.values()
                if reads
            ]
            made[rank] = sorted(rows, key=lambda row: (-row.reads, lineage_text(row.lineage)))
    return made


def diversities(found: Sequence[Variant], by_rank: Mapping[str, Sequence[Share]]) -> list[Diversity]:
    """Of the variants first: names are fewer where the reference knows less."""
    total = sum(variant.reads for variant in found)
    shares = [variant.reads / total for variant in found if variant.reads]
    named = [diversity_of(rank, [row.relative_abundance for row in rows]) for rank, rows in by_rank.items()]
    return [diversity_of("asv", shares), *named]


def variant_text(found: Sequence[Variant], names: Mapping[str, Lineage]) -> str:
    total = sum(variant.reads for variant in found) or 1
    rows = []
    for variant in found:
        lineage = names.get(variant.name, ())
        confidence = f"{lineage[-1].confidence:.2f}" if lineage else ""
        share = f"{variant.reads / total:.6f}"
        text = lineage_text(lineage)
        rows.append((variant.name, variant.reads, share, text, confidence, variant.sequence))
    return tsv(VARIANT_HEADER, rows)


def fasta_text(found: Sequence[Variant]) -> str:
    return "".join(f">{variant.name}\n{variant.sequence}\n" for variant in found)


def rank_text(rank: str, rows: Sequence[Share]) -> str:
    return tsv(
        RANK_HEADER,
        [
            (row.name, rank, lineage_text(row.lineage), row.reads, f"{row.relative_abundance:.6f}")
            for row in rows
        ],
    )
