"""The first reads of each file: what kind of sample this is, before any tool is started."""

from dataclasses import dataclass
from itertools import islice

from sequencing.fastq import FastqFile
from sequencing.reads import Reads

LOOKED_AT = 2_000  # records of each file


@dataclass(frozen=True, kw_only=True)
class FirstReads:
    file: str  # its name as the branch knows it
    bases: tuple[bytes, ...]  # in upper case; reads without bases are left out


def first_reads(reads: Reads) -> list[FirstReads]:
    """Raises `BadInput` as reading the whole does."""
    found = []
    for path in (path for lane in reads.lanes for path in lane.files):
        file = FastqFile(path, str(path.relative_to(reads.folder)))
        records = [lines for _, lines in islice(file.records(), LOOKED_AT) if lines]
        bases = tuple(lines.split(b"\n", 2)[1].upper() for lines in records)
        found.append(FirstReads(file=file.shown, bases=bases))
    return found
