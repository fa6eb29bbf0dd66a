"""Reads FASTQ files and looks at every record, so that no damaged upload gives a result.

The tools behind are lenient: they stop at the shorter mate, skip what they cannot read, or end well after
half a file. So the records are checked here, on their only way into the first tool.
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import cast

from programs.outcome import BadInput

LOOKED_AT = 2_000  # records whose letters and qualities are looked at more closely
_BUFFER = 1 << 20
_GZIP = b"\x1f\x8b"
_NUCLEOTIDES = frozenset(b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv.-")
# Phred+33 of Illumina ends at 'K'; Phred+64 starts at ';' (Solexa) or '@' and goes on to 'h'.
_LOWEST_OF_PHRED64, _HIGHEST_OF_PHRED33 = ord(";"), ord("P")

Record = tuple[bytes, bytes]  # the header line; all four lines, or nothing for a read without bases


class FastqFile:
    """One file of reads, plain or gzip whatever its name says."""

    def __init__(self, path: Path, shown: str) -> None:
        self.path = path
        self.shown = shown  # its name as the branch knows it
        self.count = 0  # records read so far

    def records(self) -> Iterator[Record]:
        """Every record, whole and checked. Raises `BadInput`."""
        try:
            with self.path.open("rb", buffering=_BUFFER) as raw:
                yield from self._checked(_unpacked(cast(io.BufferedReader, raw)))
        except EOFError:
            raise BadInput(
                f"{self.shown} is cut off: its gzip data ends in the middle (after {self.count:,} whole "
                "reads); "
                "copy the file again from the sequencer's folder, check it with `gzip -t`, and upload it "
                "again"
            ) from None
        except (gzip.BadGzipFile, zlib.error):
            raise BadInput(
                f"{self.shown} is damaged: its gzip data cannot be read (after {self.count:,} whole reads); "
                "copy the file again from the sequencer's folder, check it with `gzip -t`, and upload it "
                "again"
            ) from None

    def _checked(self, lines: io.BufferedReader) -> Iterator[Record]:
        looked_at: list[tuple[bytes, bytes]] = []
        for head, bases, plus, quality in zip_longest(lines, lines, lines, lines, fillvalue=b""):
            if (
                head[:1] == b"@"
                and plus[:1] == b"+"
                and len(bases) == len(quality) > 1
                and quality[-1:] == b"\n"
                and head[-2:-1] != b"\r"
            ):
                record = head, head + bases + plus + quality
            else:
                mended = self._mended(head, bases, plus, quality, lines)
                if mended is None:
                    break
                record = mended
            self.count += 1
            if self.count <= LOOKED_AT:
                looked_at.append((bases.strip(), quality.strip()))
                if self.count in (1, LOOKED_AT):
                    self._look_at(looked_at)
            yield record
        if not self.count:
            raise BadInput(
                f"{self.shown} is empty: it holds no reads; upload the file with the sample's reads"
            )
        self._look_at(looked_at)

    def _mended(
        self, head: bytes, bases: bytes, plus: bytes, quality: bytes, rest: io.BufferedReader
    ) -> Record | None:
        """A right but unusual record: Windows line ends, no last newline, no bases. None at the end."""
        head, bases, plus, quality = (line.rstrip(b"\r\n") for line in (head, bases, plus, quality))
        if not (head or bases or plus or quality) and not rest.read(1 << 16).strip():
            return None  # blank lines at the end
        if self.count == 0 and head[:1] == b">":
            raise BadInput(
                f"{self.shown} is FASTA: its reads have no qualities; upload the FASTQ files of the sequencer"
            )
        if head[:1] != b"@" or plus[:1] != b"+" or len(bases) != len(quality):
            number = self.count + 1
            if self.count and not quality and not rest.read(1):
                raise BadInput(
                    f"{self.shown} is cut off in read {number:,}; copy the file again and upload it again"
                )
            raise BadInput(
                f"{self.shown} is not FASTQ: read {number:,} does not have its four lines "
                "(@name, bases, +, as many qualities as bases); upload the FASTQ files of the sequencer"
            )
        if not bases:
            return head, b""
        return head + b"\n", b"%b\n%b\n%b\n%b\n" % (head, bases, plus, quality)

    def _look_at(self, records: list[tuple[bytes, bytes]]) -> None:
        """What the letters tell: proteins, and qualities of before 2011 that every tool would misread."""
        for bases, _ in records:
            odd = set(bases) - _NUCLEOTIDES
            if odd:
                letter = chr(min(odd))
                raise BadInput(
                    f"{self.shown} does not hold DNA: its sequences have the letter {letter!r}; "
                    "upload the FASTQ files of the sequencer, not proteins"
                )
        if len(records) < 2:
            return
        qualities = set().union(*(quality for _, quality in records))
        if qualities and min(qualities) >= _LOWEST_OF_PHRED64 and max(qualities) > _HIGHEST_OF_PHRED33:
            raise BadInput(
                f"{self.shown} seems to have qualities in Phred+64 (Illumina before 2011), which would be "
                "misread; "
                "convert it with `seqtk seq -VQ64` and upload it again"
            )


def _unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    """Lines of a file that may be gzip: its first bytes tell, not its name."""
    if raw.peek(2)[:2] != _GZIP:
        return raw
    return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=raw)), _BUFFER)
