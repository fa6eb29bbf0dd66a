"""Abundance tables: for each rank, the share of every taxon.

Relative abundance is a taxon's share of the fragments that were classified at its rank: fragments without a
species, and unclassified ones, are in no species table. It is a share of reads, not of cells: a species with
a large genome gives more reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.diversity import Diversity, diversity_of
from reporting.tables import tsv

from metagenome.kraken_report import RANKS, Classification, Taxon

HEADER = ("taxid", "name", "rank", "reads", "relative_abundance")


@dataclass(frozen=True, kw_only=True)
class Share:
    taxon: Taxon
    relative_abundance: float  # of all that is classified at this rank: they sum to 1


def shares(classification: Classification, rank: str) -> list[Share]:
    """The most abundant first; empty where the database has no taxon of this rank."""
    taxa = classification.at(rank)
    total = sum(taxon.fragments for taxon in taxa)
    return [Share(taxon=taxon, relative_abundance=taxon.fragments / total) for taxon in taxa]


def tables(classification: Classification) -> dict[str, list[Share]]:
    """By rank, for those ranks that were found."""
    found = {rank: shares(classification, rank) for rank in RANKS}
    return {rank: rows for rank, rows in found.items() if rows}


def diversity(rank: str, rows: Sequence[Share]) -> Diversity:
    return diversity_of(rank, [row.relative_abundance for row in rows])


def table_text(rows: Sequence[Share]) -> str:
    return tsv(
        HEADER,
        [
            (
                row.taxon.taxid,
                row.taxon.name,
                row.taxon.rank,
                row.taxon.fragments,
                f"{row.relative_abundance:.6f}",
            )
            for row in rows
        ],
    )
