"""Stage-in: an archive becomes files below a folder, everything or nothing.

The main thread walks the headers. A small file that lies in the read-ahead window is written from there; a
large one is fetched in parts by the workers. Whatever goes wrong, the folder is left empty.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from runner.archive_kind import REPACK
from runner.contents import Contents
from runner.folders import create_file, empty, open_folder, prepare, write_at
from runner.limits import Limits
from runner.member_names import shown
from runner.outcome import Refused
from runner.source import Source
from runner.stop import Stop
from runner.tar import Member, walk
from runner.transfer import THREADS, Transfers
from runner.window import Window


@dataclass(frozen=True, kw_only=True)
class StagedFile:
    """A file as it was written; `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


def stage(
    source: Source, dest: Path, stop: Stop, *, limits: Limits | None = None, threads: int = THREADS
) -> list[StagedFile]:
    """Unpack into the empty or absent folder `dest`; on `Refused`, `Failed` or OSError it is left empty."""
    root = prepare(dest)
    try:
        with Transfers(stop, threads) as transfers:
            window = Window(source)
            stager = _Stager(source, window, root, transfers)
            for member in walk(window, limits or Limits()):
                stop.check()
                stager.add(member)
            return stager.finish()
    except BaseException:
        empty(dest)
        raise
    finally:
        os.close(root)


class _Stager:
    def __init__(self, source: Source, window: Window, root: int, transfers: Transfers) -> None:
        self._source, self._window, self._root, self._transfers = source, window, root, transfers
        self._sizes: dict[str, int] = {}
        self._digests: dict[str, str] = {}
        self._repeats: list[Member] = []

    def add(self, member: Member) -> None:
        """Write a member at once, or hand it to the workers."""
        if member.is_folder:
            os.close(open_folder(self._root, member.path))
            return
        if member.name in self._sizes:
            self._repeats.append(member)
            return
        self._sizes[member.name] = member.size
        fd = create_file(self._root, member.path)
        if member.size and not self._window.holds(member.offset, member.size):
            self._transfers.fetch(
                self._source,
                member.offset,
                member.size,
                fd,
                Contents(member.name),
                lambda digest: self._hashed(member, digest),
            )
            return
        try:
            data = self._window.read(member.offset, member.size)
            write_at(fd, data, 0)
        finally:
            os.close(fd)
        contents = Contents(member.name)
        contents.update(data)
        self._hashed(member, contents.hexdigest())

    def finish(self) -> list[StagedFile]:
        """Wait for the workers; one record per file, in the archive's order."""
        self._transfers.wait()
        for member in self._repeats:  # `tar -r` appends a file again: harmless when it is the same
            if (member.size, self._digest_of(member)) != (
                self._sizes[member.name],
                self._digests[member.name],
            ):
                raise Refused(
                    f"{shown(member.name.encode())} is in the tar twice with different contents", REPACK
                )
        return [
            StagedFile(name=name, size=size, sha256=self._digests[name]) for name, size in self._sizes.items()
        ]

    def _hashed(self, member: Member, digest: str) -> None:
        self._digests[member.name] = digest

    def _digest_of(self, member: Member) -> str:
        digest = hashlib.sha256()
        for chunk in self._source.chunks(member.offset, member.size, self._transfers.buffer()):
            digest.update(chunk)
        return digest.hexdigest()
