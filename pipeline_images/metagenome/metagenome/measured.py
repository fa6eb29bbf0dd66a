"""What was uploaded, in numbers: bases, lengths, qualities.

fastp measures short reads, this module long ones.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of the reads with bases, as uploaded."""

    bases: int
    mean_length: int  # of the first mates
    n50: int | None = None  # half of all bases are in reads of this length or longer; of long reads only
    q30_share: float | None = None  # of the bases; of short reads only
    duplication: float | None = None  # fastp's estimate; of short reads only


def from_fastp(told: Mapping[str, Any]) -> Measured:
    before = told["summary"]["before_filtering"]
    return Measured(
        bases=int(before["total_bases"]),
        mean_length=int(before["read1_mean_length"]),
        q30_share=float(before["q30_rate"]),
        duplication=float(told.get("duplication", {}).get("rate", 0.0)),
    )


class Measuring:
    """Keeps the length of each read (4 bytes), and passes on the records of those that are long enough."""

    def __init__(self, write: Callable[[bytes], object], shortest: int) -> None:
        self._write = write
        self._shortest = shortest
        self._lengths = array("I")
        self.passed = 0

    def __call__(self, records: bytes) -> object:
        lines = records.split(b"\n")
        lengths = [len(bases) for bases in lines[1::4]]
        self._lengths.extend(lengths)
        enough = [number for number, length in enumerate(lengths) if length >= self._shortest]
        self.passed += len(enough)
        if len(enough) < len(lengths):
            records = b"".join(b"\n".join(lines[4 * at : 4 * at + 4]) + b"\n" for at in enough)
        return self._write(records)

    def measured(self) -> Measured:
        bases = sum(self._lengths)
        return Measured(
            bases=bases,
            mean_length=round(bases / max(1, len(self._lengths))),
            n50=n50(self._lengths),
        )


def n50(lengths: Sequence[int]) -> int:
    """The length of the read at which half of all bases are reached, longest first; 0 of nothing."""
    half, seen = sum(lengths) / 2, 0
    for length in sorted(lengths, reverse=True):
        seen += length
        if seen >= half:
            return length
    return 0
