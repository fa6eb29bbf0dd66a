"""Reads Kraken 2's report into a tree of taxa.

Taxa are known by their taxid. Ranks come from the database's own taxonomy (`nodes.dmp`) where it has one:
Kraken 2 2.1 leaves the rank code of some taxa empty or gives one that says only how deep a taxon lies (`S1`,
`R2`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.outcome import Failed

RANKS = (
    "phylum",
    "class",
    "order",
    "family",
    "genus",
    "species",
)  # of which tables are written, in this order
UNCLASSIFIED, ROOT = 0, 1
_CODES = {"D": "domain", "K": "kingdom", "P": "phylum", "C": "class", "O": "order", "F": "family"}
_CODES |= {"G": "genus", "S": "species"}


@dataclass(frozen=True, kw_only=True)
class Taxon:
    taxid: int
    name: str
    rank: str  # "" where neither the database nor the report tells one
    fragments: int  # of this taxon and all below it
    parent: int | None


@dataclass(frozen=True, kw_only=True)
class Classification:
    taxa: Mapping[int, Taxon]

    @property
    def classified(self) -> int:
        return self.taxa[ROOT].fragments if ROOT in self.taxa else 0

    @property
    def unclassified(self) -> int:
        return self.taxa[UNCLASSIFIED].fragments if UNCLASSIFIED in self.taxa else 0

    @property
    def fragments(self) -> int:
        return self.classified + self.unclassified

    def at(self, rank: str) -> list[Taxon]:
        """The taxa of a rank, the most abundant first."""
        found = [taxon for taxon in self.taxa.values() if taxon.rank == rank and taxon.fragments > 0]
        return sorted(found, key=lambda taxon: (-taxon.fragments, taxon.taxid))


def read_report(text: str, ranks: Mapping[int, str] | None = None) -> Classification:
    """`ranks`: by taxid, from the database. Raises `Failed` when the text is not a Kraken 2 report."""
    taxa: dict[int, Taxon] = {}
    above: list[int] = []  # the taxids from the root to the last taxon
    for number, line in enumerate(text.splitlines(), 1):
        try:
            _, clade, _, code, taxid_text, label = line.split("\t")
            taxid, fragments = int(taxid_text), int(clade)
        except ValueError:
            raise Failed(f"line {number} of Kraken 2's report cannot be read: {line[:120]!r}") from None
        name = label.lstrip(" ")
        depth = (len(label) - len(name)) // 2
        if taxid != UNCLASSIFIED:
            del above[depth:]
        rank = (ranks or {}).get(taxid) or _CODES.get(code.strip(), "")
        parent = above[-1] if above and taxid != UNCLASSIFIED else None
        taxa[taxid] = Taxon(taxid=taxid, name=name.strip(), rank=rank, fragments=fragments, parent=parent)
        if taxid != UNCLASSIFIED:
            above.append(taxid)
    return Classification(taxa=taxa)


def database_ranks(database: Path) -> dict[int, str]:
    """Rank by taxid of a database that brings its taxonomy along; empty when it does not."""
    for nodes in (database / "taxonomy" / "nodes.dmp", database / "nodes.dmp"):
        if nodes.is_file():
            with nodes.open() as lines:
                rows = ([part.strip() for part in line.split("|", 3)] for line in lines)
                # NCBI called the domains superkingdoms until 2025.
                return {int(row[0]): row[2].replace("superkingdom", "domain") for row in rows if len(row) > 2}
    return {}
