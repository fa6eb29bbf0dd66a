"""Abundance tables: for each rank, the share of every taxon.

Relative abundance is a taxon's share of the fragments that were classified at its rank: fragments without a
species, and unclassified ones, are in no species table. It is a share of reads, not of cells: a species with
a large genome gives more reads.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from metagenome.kraken_report import RANKS, Classification, Taxon

HEADER = ("taxid", "name", "rank", "reads", "relative_abundance")


@dataclass(frozen=True, kw_only=True)
class Share:
    taxon: Taxon
    relative_abundance: float  # of all that is classified at this rank: they sum to 1


@dataclass(frozen=True, kw_only=True)
class Diversity:
    rank: str
    observed: int  # taxa with at least one fragment
    shannon: float  # nats
    simpson: float  # 1 - the chance that two fragments are of one taxon


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
    portions = [row.relative_abundance for row in rows]
    return Diversity(
        rank=rank,
        observed=len(portions),
        shannon=-sum(p * math.log(p) for p in portions) + 0.0,
        simpson=1 - sum(p * p for p in portions),
    )


def table_text(rows: Sequence[Share]) -> str:
    return _tsv(
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


def diversity_text(rows: Sequence[Diversity]) -> str:
    return _tsv(
        ("rank", "observed", "shannon", "simpson"),
        [(row.rank, row.observed, f"{row.shannon:.4f}", f"{row.simpson:.4f}") for row in rows],
    )


def _tsv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()
