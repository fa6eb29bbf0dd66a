"""What a pipeline used: CPU, memory, and whether the kernel killed something of it for want of memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """`max_anonymous_mib` is `max_rss_mib` without what files back: a mapped database takes no memory that
    the kernel could not have back. `max_disk_mib` is what lay in the attempt's folder, input included.
    """

    wall_s: float
    cpu_s: float
    max_rss_mib: int
    max_anonymous_mib: int
    max_disk_mib: int


@dataclass(kw_only=True)
class Peak:
    """The most that was seen at one moment."""

    rss_mib: int = 0
    anonymous_mib: int = 0
    disk_mib: int = 0

    def look(self, session: int, folder: Path) -> None:
        """At all processes of a session and all files below a folder."""
        self.rss_mib = max(self.rss_mib, session_rss_mib(session))
        self.anonymous_mib = max(self.anonymous_mib, session_anonymous_mib(session))
        self.disk_mib = max(self.disk_mib, disk_mib(folder))


def memory_events(proc: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> Path | None:
    """The file in which this container's cgroup counts OOM kills (v2 or v1); None where there is none."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        below = path.lstrip("/")
        if controllers == "":
            candidates = [root / below / "memory.events", root / "memory.events"]
        elif "memory" in controllers.split(","):
            candidates = [
                root / "memory" / below / "memory.oom_control",
                root / "memory" / "memory.oom_control",
            ]
        else:
            continue
        for candidate in candidates:  # in a container the path of the host does not exist below its own root
            if candidate.is_file():
                return candidate
    return None


def oom_kills(events: Path | None) -> int:
    """How many processes the kernel has killed in this cgroup for want of memory."""
    if events is None:
        return 0
    try:
        counts = dict(line.split() for line in events.read_text().splitlines())
    except (OSError, ValueError):
        return 0
    return int(counts.get("oom_kill", 0))


def session_rss_mib(session: int, proc: Path = Path("/proc")) -> int:
    """Resident memory of all processes of a session. Pages that they share count once for each."""
    return sum(int(fields[21]) * _PAGE for _, fields in _of_session(session, proc)) // MIB


def session_anonymous_mib(session: int, proc: Path = Path("/proc")) -> int:
    """Memory of all processes of a session that no file backs."""
    total = 0
    for folder, _ in _of_session(session, proc):
        with suppress(OSError):  # it ended meanwhile
            lines = (folder / "status").read_text().splitlines()
            told = [line for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
            total += sum(int(line.split()[1]) << 10 for line in told)
    return total // MIB


def disk_mib(folder: Path) -> int:
    """What the files below a folder take on the disk."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was removed meanwhile
                total += Path(here, name).lstat().st_blocks * 512
    return total // MIB


def _of_session(session: int, proc: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each process of a session: its folder in /proc, and the fields of its `stat` behind the name."""
    for stat in proc.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session:
            yield stat.parent, fields


def memory_mib(root: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int:
    """Memory this container may use: its cgroup's limit, else what the machine has free."""
    for limit in (root / "memory.max", root / "memory" / "memory.limit_in_bytes"):
        try:
            value = limit.read_text().strip()
        except OSError:
            continue
        if value.isdigit() and int(value) < 1 << 50:  # v1 writes an enormous number for none
            return int(value) // MIB
    available = next(line for line in meminfo.read_text().splitlines() if line.startswith("MemAvailable"))
    return int(available.split()[1]) >> 10
