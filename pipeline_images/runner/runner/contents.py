"""A file's contents on their way to the disk: their SHA-256, and signs that the archive lost a piece.

tar has no checksum over contents. But when a piece is missing, a size is wrong or a copy was filled up with
zeros, a file swallows the headers that should follow it, or ends in zeros. Sequence data does neither.
"""

import hashlib

from runner.archive_kind import UPLOAD_AGAIN
from runner.member_names import shown
from runner.outcome import Refused

_BLOCK = 512
_MAGIC_AT = 257
_MAGICS = (b"ustar\x0000", b"ustar  \x00")
_MAGIC_BYTES = 8
_TEXT = (".fastq", ".fq")
# A gzip file made by bgzip ends in 9 zeros; a checksum and a length that end in zeros can add a few.
_GZIP_ZEROS = 16
_TAIL = _GZIP_ZEROS


class Contents:
    """Takes a file's bytes in order, in pieces of whole blocks but for the last."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._digest = hashlib.sha256()
        self._seen = 0
        self._tail = b""

    def update(self, data: bytes | memoryview) -> None:
        """Raises `Refused` where a block of the contents is a tar header."""
        # Only one byte of a block can begin a magic: to search all bytes costs as much as to hash them.
        first = (_MAGIC_AT - self._seen) % _BLOCK
        column = bytes(data[first::_BLOCK])
        at = column.find(b"u")
        while at >= 0:
            place = first + at * _BLOCK
            if bytes(data[place : place + _MAGIC_BYTES]) in _MAGICS:
                raise Refused(
                    f"{shown(self._name.encode())} in the tar holds a tar's header within it:"
                    " it is itself a tar, or files were lost in it",
                    f"pack the FASTQ files themselves, in one plain tar; if that was done, {UPLOAD_AGAIN}",
                )
            at = column.find(b"u", at + 1)
        self._digest.update(data)
        self._seen += len(data)
        self._tail = (self._tail + bytes(data[-_TAIL:]))[-_TAIL:]

    def hexdigest(self) -> str:
        """The SHA-256 of all; raises `Refused` when the end is not one that sequence data can have."""
        if ends_in_zeros(self._name, self._tail):
            raise Refused(
                f"the tar is damaged: {shown(self._name.encode())} ends in zeros, as if a copy had been cut",
                UPLOAD_AGAIN,
            )
        return self._digest.hexdigest()


def ends_in_zeros(name: str, tail: bytes) -> bool:
    """Whether these last bytes of a file of reads are more zeros than its format can end in."""
    name = name.lower()
    zeros = len(tail) - len(tail.rstrip(b"\0"))
    return zeros >= (1 if name.endswith(_TEXT) else _GZIP_ZEROS if name.endswith(".gz") else len(tail) + 1)
