"""The first fragments of a sample, and whether they can be amplicons at all.

Amplicons of one primer pair begin in few ways: behind the primer the gene is conserved. Shotgun reads
begin anywhere in a genome.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from statistics import median

from programs.outcome import BadInput
from sequencing.checks import fragments_of
from sequencing.reads import Reads

from amplicon.primers import Mates, reverse_complement

LOOKED_AT = 2_000  # fragments
FEWEST = 200  # fewer fragments can all begin differently, or alike, by chance
_LETTERS = 8
_COMMONEST = 20
# Of real amplicons without primers, 90% or more share the 20 commonest beginnings; of shotgun reads 2 to 6%.
ALIKE = 0.25


def first_fragments(reads: Reads) -> list[Mates]:
    """Raises `BadInput` as reading the whole does."""
    found = []
    for record in islice(fragments_of(reads), LOOKED_AT):
        lines = record.split(b"\n")
        if len(lines) > 1:
            one = lines[1].upper()
            found.append((one, lines[5].upper() if reads.paired else reverse_complement(one)))
    return found


def typical_length(fragments: Sequence[Mates]) -> float:
    """The median of the first mates' bases."""
    return median(len(one) for one, _ in fragments) if fragments else 0.0


def alike(fragments: Sequence[Mates]) -> float:
    """The share of fragments that begin in one of the commonest ways."""
    counts = Counter(one[:_LETTERS] for one, _ in fragments)
    return sum(count for _, count in counts.most_common(_COMMONEST)) / max(1, len(fragments))


def refuse_shotgun(fragments: Sequence[Mates], unit: str) -> None:
    """Raises `BadInput`."""
    share = alike(fragments)
    if len(fragments) >= FEWEST and share < ALIKE:
        raise BadInput(
            f"these are no amplicon reads: the first {len(fragments):,} {unit} carry no known primer and "
            f"begin in many ways (only {100 * share:.0f}% in one of the {_COMMONEST} commonest), as "
            "shotgun reads do; upload shotgun reads to the metagenome pipeline, and here the reads of one "
            "amplicon"
        )
