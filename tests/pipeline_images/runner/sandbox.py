"""Stages an archive inside a folder that is watched, and tells what became of it."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.outcome import Refused
from runner.staging import stage
from runner.stop import Stop

CANARY = b"untouched"


class BytesSource:
    """An archive in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_into(self, offset: int, view: memoryview) -> None:
        part = self._data[offset : offset + len(view)]
        assert len(part) == len(view), "read past the end"
        view[:] = part

    def chunks(self, offset: int, length: int, buffer: bytearray) -> Iterator[memoryview]:
        for start in range(offset, offset + length, len(buffer)):
            view = memoryview(buffer)[: min(len(buffer), offset + length - start)]
            self.read_into(start, view)
            yield view


@dataclass(frozen=True, kw_only=True)
class Seen:
    """`files` as they lie in DEST, None when refused with `sentence`; `strays`: whatever is wrong."""

    files: dict[str, bytes] | None
    sentence: str
    strays: tuple[str, ...]


class Sandbox:
    """A folder with DEST in it and canaries around it; on tmpfs where there is one."""

    def __init__(self) -> None:
        self._room = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.root = Path(self._room.name)
        self._canary = self.root / "x"
        self._canary.write_bytes(CANARY)

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self._room.cleanup()

    def stage(self, archive: bytes) -> Seen:
        dest = self.root / "dest"
        dest.mkdir()
        files, sentence, strays = None, "", []
        try:
            staged = stage(BytesSource(archive), dest, Stop())
            files = contents(dest)
            if {s.name: s.size for s in staged} != {name: len(data) for name, data in files.items()}:
                strays.append("the records are not what lies in DEST")
        except Refused as error:
            sentence = str(error)
            strays += [f"left in DEST: {path.name}" for path in dest.iterdir()]
        strays += [f"outside DEST: {path}" for path in self.root.iterdir() if path.name not in ("dest", "x")]
        if self._canary.read_bytes() != CANARY or self._canary.is_symlink():
            strays.append("a file outside DEST was changed")
        _clear(dest)
        return Seen(files=files, sentence=sentence, strays=tuple(strays))


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder; anything else but folders is an error."""
    found = {}
    for here, folders, names in os.walk(folder):
        assert not any(Path(here, name).is_symlink() for name in (*names, *folders))
        for name in names:
            path = Path(here, name)
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _clear(folder: Path) -> None:
    for here, folders, names in os.walk(folder, topdown=False):
        for name in names:
            Path(here, name).unlink()
        for name in folders:
            Path(here, name).rmdir()
    folder.rmdir()
