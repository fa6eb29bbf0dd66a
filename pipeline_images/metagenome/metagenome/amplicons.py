"""Refuses amplicon reads: they would give a table of one gene's chance hits.

Amplicons of one gene share words of DNA at the same place: primers, or the conserved bases behind them.
Shotgun reads begin anywhere in many genomes. So the sign is how many reads hold one of the few commonest
words near their beginning. Of real 16S reads (dada2's, Illumina and PacBio, with and without primers) 99% or
more do; of real shotgun reads 1%, and 15% of reads that all come from a thousand bases of one genome.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import chain

from programs.outcome import BadInput

from metagenome.first_reads import FirstReads
from metagenome.read_kind import ReadKind

FEWEST = 200  # fewer reads can all be alike, or all differ, by chance
ALIKE = 0.6
_LETTERS = 12  # chance gives no word of that length twice in these reads
_COMMONEST = 4  # both strands, and a letter that varies
# Where to look. The first bases of nanopore reads are the adapter's and the barcode's, in every library.
_WINDOW = {ReadKind.SHORT: (0, 40), ReadKind.LONG: (300, 400)}
# Adapters behind short fragments are alike as well, in shotgun libraries too: TruSeq, Nextera, MGI.
_ADAPTERS = (b"AGATCGGAAGAGC", b"CTGTCTCTTATACACATCT", b"AAGTCGGAGGCCA", b"AAGTCGGATCGTA")


def refuse_amplicons(first: Sequence[FirstReads], kind: ReadKind) -> None:
    """Raises `BadInput` when each file's reads are alike."""
    shares = [alike(file.bases, kind) for file in first if len(file.bases) >= FEWEST]
    if shares and min(shares) >= ALIKE:
        raise BadInput(
            f"these seem to be amplicon reads, of one gene: {100 * min(shares):.0f}% of the first reads "
            "share one of a few sequences at the same place; upload amplicon reads to the amplicon pipeline, "
            "and shotgun reads here"
        )


def alike(reads: Sequence[bytes], kind: ReadKind) -> float:
    """The share of reads with one of the commonest words, each taken among the reads that are left."""
    left = [_words(bases, *_WINDOW[kind]) for bases in reads]
    for _ in range(_COMMONEST):
        counts = Counter(chain.from_iterable(left))
        if not counts:
            break
        # Of equally common words, the same one whatever the order of a set.
        word = min(counts, key=lambda each: (-counts[each], each))
        left = [words for words in left if word not in words]
    return 1 - len(left) / len(reads)


def _words(bases: bytes, start: int, end: int) -> set[bytes]:
    for adapter in _ADAPTERS:
        bases = bases.partition(adapter)[0]
    seen = bases[start:end]
    words = {seen[at : at + _LETTERS] for at in range(len(seen) - _LETTERS + 1)}
    # A run of one letter is what a sequencer calls where there is nothing to see.
    return {word for word in words if len(set(word)) > 1}
