"""Large files, fetched in parts by many threads, written in place, and hashed while they are written.

A file is cut into 16 MiB parts; workers fetch them in any order and `pwrite` each at its place. SHA-256
follows in order, read back from the page cache by whichever worker closes the gap, while the others go on
fetching.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from runner.folders import write_at
from runner.limits import MIB
from runner.source import CHUNK_BYTES, Source
from runner.stop import Stop

THREADS = 12
PART_BYTES = 16 * MIB  # one ranged GET; large enough that a request's latency does not show
OPEN_FILES = 64  # large files being written at once; the caller waits beyond that


class Digest(Protocol):
    """What follows a file's bytes in order: a hash, or one that looks at them too and may raise."""

    def update(self, data: memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


@dataclass(kw_only=True)
class _File:
    source: Source
    offset: int
    size: int
    fd: int
    done: Callable[[str], None]
    digest: Digest
    arrived: set[int] = field(default_factory=set)
    hashed: int = 0
    hashing: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def part_arrived(self, start: int, buffer: bytearray) -> bool:
        """Note a part, hash all that follows without a gap; True for the caller that hashed the last."""
        with self.lock:
            self.arrived.add(start)
        while self._claim():
            end = min(self.hashed + PART_BYTES, self.size)
            self._hash(self.hashed, end, buffer)
            with self.lock:
                self.hashed, self.hashing = end, False
                if end == self.size:
                    return True
        return False

    def _claim(self) -> bool:
        with self.lock:
            if self.hashing or self.hashed not in self.arrived:
                return False
            self.arrived.remove(self.hashed)
            self.hashing = True
            return True

    def _hash(self, start: int, end: int, buffer: bytearray) -> None:
        while start < end:
            view = memoryview(buffer)[: min(len(buffer), end - start)]
            count = os.preadv(self.fd, [view], start)
            if not count:
                raise OSError("a file shrank while it was written")
            self.digest.update(view[:count])
            start += count


class Transfers:
    """Use as a context manager: on an error the workers end and every open file is closed."""

    def __init__(self, stop: Stop, threads: int = THREADS) -> None:
        self._stop = stop
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="transfer")
        self._free_slots = threading.Semaphore(OPEN_FILES)
        self._parts: list[Future[None]] = []
        self._broken = threading.Event()
        self._open: set[int] = set()
        self._buffers = threading.local()

    def __enter__(self) -> "Transfers":
        return self

    def __exit__(self, *_: object) -> None:
        self._broken.set()
        self._pool.shutdown(cancel_futures=True)
        for fd in self._open:
            os.close(fd)

    def fetch(
        self, source: Source, offset: int, size: int, fd: int, digest: Digest, done: Callable[[str], None]
    ) -> None:
        """Take over `fd`, write `size` > 0 bytes to it; a worker hands their SHA-256 to `done`."""
        self._open.add(fd)
        self._free_slots.acquire()
        if self._broken.is_set():
            self.wait()
        file = _File(source=source, offset=offset, size=size, fd=fd, digest=digest, done=done)
        for start in range(0, size, PART_BYTES):
            self._parts.append(self._pool.submit(self._fetch_part, file, start))

    def wait(self) -> None:
        """Wait for the workers and raise what the first failing one raised."""
        for part in self._parts:
            part.result()
        self._parts.clear()

    def _fetch_part(self, file: _File, start: int) -> None:
        if self._broken.is_set():  # another part failed: all is lost, and its error is the one that counts
            return
        try:
            buffer = self.buffer()
            at, length = start, min(PART_BYTES, file.size - start)
            for chunk in file.source.chunks(file.offset + start, length, buffer):
                self._stop.check()
                write_at(file.fd, chunk, at)
                at += len(chunk)
            if file.part_arrived(start, buffer):
                file.done(file.digest.hexdigest())
                self._open.discard(file.fd)
                os.close(file.fd)
                self._free_slots.release()
        except BaseException:
            self._broken.set()
            self._free_slots.release()  # the caller may wait for a slot that would never come
            raise

    def buffer(self) -> bytearray:
        """This thread's own buffer."""
        if not hasattr(self._buffers, "mine"):
            self._buffers.mine = bytearray(CHUNK_BYTES)
        mine: bytearray = self._buffers.mine
        return mine
