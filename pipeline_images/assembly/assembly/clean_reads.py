"""The reads to assemble, in one file, mates one after the other.

After a metagenome run they are its clean reads, made again from the upload: the host's are not among them.
Reads that were uploaded to this pipeline itself are taken as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs.outcome import BadInput
from sequencing.checks import Fed
from sequencing.kept import feed_kept
from sequencing.reads import Reads

# MEGAHIT is made for Illumina's reads (up to 2 x 300); the reads of ONT and PacBio have thousands of bases,
# and errors that its graph of short words cannot do with.
LONGEST_MEAN = 700
_BUFFER = 1 << 20


@dataclass(frozen=True, kw_only=True)
class CleanReads:
    """Counted in fragments: pairs, or single reads. `bases` are of all reads."""

    file: Path
    uploaded: int
    fragments: int
    bases: int


def clean_reads(reads: Reads, kept: Path | None, file: Path) -> CleanReads:
    """Raises `BadInput` when there is nothing to assemble."""
    bases = [0]
    with file.open("wb", buffering=_BUFFER) as out:
        fed = feed_kept(reads, kept, _counting(out.write, bases))
    uploaded = fed.fragments + fed.without_bases
    if not fed.fragments:
        raise BadInput(_nothing_left(reads, fed, kept))
    per_read = bases[0] / (fed.fragments * (2 if reads.paired else 1))
    if per_read > LONGEST_MEAN:
        raise BadInput(
            f"the reads are {per_read:,.0f} bases long on average: this assembly is made for short reads "
            f"(Illumina, up to {LONGEST_MEAN} bases); upload the sample's short reads"
        )
    return CleanReads(file=file, uploaded=uploaded, fragments=fed.fragments, bases=bases[0])


def _counting(write: Callable[[bytes], object], bases: list[int]) -> Callable[[bytes], object]:
    def counted(block: bytes) -> object:
        bases[0] += sum(map(len, block.split(b"\n")[1::4]))
        return write(block)

    return counted


def _nothing_left(reads: Reads, fed: Fed, kept: Path | None) -> str:
    if kept is None:
        return "the upload has no read with bases in it; upload the FASTQ files of the sequencer"
    return (
        f"no read is left to assemble: all {fed.without_bases:,} {reads.unit} were filtered out or are the "
        "host's; deplete host DNA in the laboratory or sequence deeper, and upload those reads"
    )
