"""Read-ahead over an archive for its headers, and for the small files between them."""

from runner.archive_kind import UPLOAD_AGAIN
from runner.limits import MIB
from runner.outcome import Refused
from runner.source import Source

SPAN_MIN, SPAN_MAX = 64 << 10, 4 * MIB  # read-ahead grows while headers lie close together


class Window:
    """One stretch of the source, held in memory; thousands of small members cost a few requests."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.size = source.size
        self._start, self._bytes = 0, b""
        self._span = SPAN_MIN

    def holds(self, offset: int, length: int) -> bool:
        return self._start <= offset and offset + length <= self._start + len(self._bytes)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes at `offset`; raises `Refused` where the archive ends before them."""
        if offset + length > self.size:
            raise Refused(
                f"the tar is damaged or cut short: it ends within byte {offset}+{length}", UPLOAD_AGAIN
            )
        if not self.holds(offset, length):
            self._move(offset, length)
        begin = offset - self._start
        return self._bytes[begin : begin + length]

    def _move(self, offset: int, length: int) -> None:
        near = offset < self._start + len(self._bytes) + self._span
        self._span = min(self._span * 2, SPAN_MAX) if near else SPAN_MIN
        data = bytearray(min(max(self._span, length), self.size - offset))
        self._source.read_into(offset, memoryview(data))
        self._start, self._bytes = offset, bytes(data)
