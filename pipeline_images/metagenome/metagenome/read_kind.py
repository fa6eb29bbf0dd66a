"""Short reads (Illumina) or long ones (ONT, PacBio): the lengths of the first reads tell.

Nobody has to say which sequencer it was, and nobody can say the wrong one.
"""

from collections.abc import Sequence
from enum import StrEnum

from programs.outcome import BadInput
from sequencing.reads import Reads

from metagenome.first_reads import FirstReads

LONG_FROM = 700  # bases: no short read is as long, not even 2 x 300 bases merged
# Most reads of a poor nanopore run may be short, so some long ones are enough: other sequencers give none.
LONG_SHARE = 0.05


class ReadKind(StrEnum):
    SHORT = "short"
    LONG = "long"


def kind_of(reads: Reads, first: Sequence[FirstReads]) -> ReadKind:
    """Raises `BadInput` when the files are of both kinds, or when long reads are named as mates."""
    by_kind: dict[ReadKind, list[str]] = {}
    for file in first:
        if file.bases:
            by_kind.setdefault(_kind(file), []).append(file.file)
    if len(by_kind) > 1:
        raise BadInput(
            f"the upload mixes short reads ({by_kind[ReadKind.SHORT][0]}) with long ones "
            f"({by_kind[ReadKind.LONG][0]}), which need other tools; upload them as two samples"
        )
    if ReadKind.LONG not in by_kind:
        return ReadKind.SHORT
    if reads.paired:
        raise BadInput(
            f"{by_kind[ReadKind.LONG][0]} is named as one file of a pair but holds long reads, which have no "
            "mates; upload them as one file named without _1 and _2 or R1 and R2"
        )
    return ReadKind.LONG


def _kind(file: FirstReads) -> ReadKind:
    long = sum(len(bases) > LONG_FROM for bases in file.bases)
    return ReadKind.LONG if long >= LONG_SHARE * len(file.bases) else ReadKind.SHORT
