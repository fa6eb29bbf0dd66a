"""Where Kraken 2 and sylph agree on a sample's species, and where they do not.

Kraken 2 looks at each read by itself, sylph at genomes as a whole, so they are not mistaken in the same way.
Both shares are of reads, not of cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.tables import tsv

from metagenome.abundance import Share
from metagenome.sylph import Found

HEADER = ("taxid", "name", "kraken2", "sylph", "difference", "sylph_ani", "sylph_coverage", "agree")
# Kraken 2's chance hits, and what is too rare for sylph, lie below.
NOTABLE = 0.01  # a share that one of them gives and the other does not see at all
APART = 0.05  # shares further apart than this are no chance


@dataclass(frozen=True, kw_only=True)
class Species:
    """Shares of 1; 0 where one of them does not see the species. `sylph` has identity and depth."""

    taxid: int
    name: str
    kraken2: float
    sylph: Found | None

    @property
    def sylphs(self) -> float:
        return self.sylph.share if self.sylph else 0.0

    @property
    def difference(self) -> float:
        return self.sylphs - self.kraken2

    @property
    def agree(self) -> bool:
        if not (self.kraken2 and self.sylphs):
            return max(self.kraken2, self.sylphs) < NOTABLE
        return abs(self.difference) < APART


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Every species of either, those that they agree on least first."""

    species: tuple[Species, ...]

    @property
    def distance(self) -> float:
        """Bray–Curtis: 0 is the same composition, 1 has nothing in common."""
        return sum(abs(each.difference) for each in self.species) / 2

    @property
    def disputed(self) -> list[Species]:
        return [each for each in self.species if not each.agree]

    @property
    def nothing(self) -> bool:
        """Whether sylph saw no species at all."""
        return not any(each.sylph for each in self.species)


def agreement_of(kraken2: Sequence[Share], sylph: Sequence[Found]) -> Agreement:
    shares = {row.taxon.taxid: row for row in kraken2}
    found = {each.taxid: each for each in sylph}
    species = [
        Species(
            taxid=taxid,
            name=shares[taxid].taxon.name if taxid in shares else found[taxid].name,
            kraken2=shares[taxid].relative_abundance if taxid in shares else 0.0,
            sylph=found.get(taxid),
        )
        for taxid in shares.keys() | found.keys()
    ]
    return Agreement(species=tuple(sorted(species, key=lambda each: (-abs(each.difference), each.taxid))))


def agreement_text(agreement: Agreement) -> str:
    return tsv(
        HEADER,
        [
            (
                each.taxid,
                each.name,
                f"{each.kraken2:.6f}",
                f"{each.sylphs:.6f}",
                f"{each.difference:.6f}",
                f"{each.sylph.ani:.2f}" if each.sylph else "",
                f"{each.sylph.coverage:.3f}" if each.sylph else "",
                "yes" if each.agree else "no",
            )
            for each in agreement.species
        ],
    )
