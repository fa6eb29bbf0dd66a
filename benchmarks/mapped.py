"""How much of a file the processes that map it hold, and how much of that they share.

Linux counts a page that ten processes map ten times in their Rss, and a tenth of it in the Pss of each: the
sum of the latter is what the machine's memory really holds.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SAMPLE_S = 0.2
# address perms offset dev inode path: only mappings of files have an inode
_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+)")


@dataclass(frozen=True, kw_only=True)
class Held:
    """Of one file, over all processes that map it, at one moment."""

    processes: int = 0
    rss_bytes: int = 0
    pss_bytes: int = 0


def held(file: Path, command: str) -> Held:
    """By the processes whose command has this name."""
    found = [each for pid in _called(command) if (each := _of(pid, file.stat().st_ino))]
    return Held(
        processes=len(found),
        rss_bytes=sum(rss for rss, _ in found),
        pss_bytes=sum(pss for _, pss in found),
    )


class Watch:
    """Looks at a file from its own thread for as long as a `with` block runs, once the file is there."""

    def __init__(self, file: Path, command: str) -> None:
        self._file, self._command = file, command
        self._over, self.moments = threading.Event(), [Held()]
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def fullest(self) -> Held:
        """When the most processes had the file mapped, and of these moments the one with the most pages."""
        return max(self.moments, key=lambda each: (each.processes, each.rss_bytes))

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_S):
            with suppress(FileNotFoundError):  # it is still on its way
                self.moments.append(held(self._file, self._command))


def _called(command: str) -> Iterator[Path]:
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if (process / "comm").read_text().strip() == command:
                yield process


def _of(process: Path, inode: int) -> tuple[int, int] | None:
    """Rss and Pss of a process's mappings of the file; None where it has none."""
    total, ours, found = {"Rss": 0, "Pss": 0}, False, False
    try:
        lines = (process / "smaps").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if mapping := _MAPPING.match(line):
            ours = int(mapping[1]) == inode
            found = found or ours
        elif ours:
            name, _, rest = line.partition(":")
            if name in total:
                total[name] += int(rest.split()[0]) << 10
    return (total["Rss"], total["Pss"]) if found else None
