"""What a pipeline used: CPU, memory, and whether the kernel killed something of it for want of memory."""

import os
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, kw_only=True)
class Usage:
    wall_s: float
    cpu_s: float
    max_rss_mib: int


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
    total = 0
    for stat in proc.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session:
            total += int(fields[21]) * _PAGE
    return total // MIB


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
