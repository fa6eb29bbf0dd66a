"""What each program of a pipeline took: the manifest tells it, and the sizes in `pipeline.yaml` follow it."""

import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic

RESOURCES = "resources.json"  # the runner takes it into the manifest
SAMPLE_S = 0.2
_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Use:
    """`read_bytes` and `written_bytes` went through its files and pipes; what it mapped is not among them."""

    program: str
    wall_s: float
    cpu_s: float
    max_rss_mib: int
    read_bytes: int
    written_bytes: int


@dataclass
class Watched:
    """A running program: how much memory it has held at most, looked at every now and then.

    (`ru_maxrss` would count the process that started it as well.)
    """

    program: str
    pid: int
    began: float = field(default_factory=monotonic)
    rss_bytes: int = 0

    def __post_init__(self) -> None:
        # Once a program has ended, its counters belong to root: opened now, they can still be read then.
        self._counters: int | None = None
        with suppress(OSError):  # some kernels count nothing: no reason to fail
            self._counters = os.open(f"/proc/{self.pid}/io", os.O_RDONLY | os.O_CLOEXEC)

    def look(self) -> None:
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.rss_bytes = max(self.rss_bytes, int(line.split()[1]) << 10)

    def end(self) -> tuple[int, Use]:
        """Wait for its end: its exit code, below 0 a signal's number, and what it took."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        counted = self._counted()
        self.close()
        _, status, spent = os.wait4(self.pid, 0)
        return os.waitstatus_to_exitcode(status), Use(
            program=self.program,
            wall_s=round(monotonic() - self.began, 2),
            cpu_s=round(spent.ru_utime + spent.ru_stime, 2),
            # Nobody looked before it ended, so it was small: the kernel's figure is then an upper bound.
            max_rss_mib=(self.rss_bytes or spent.ru_maxrss << 10) // _MIB,
            read_bytes=counted.get("rchar", 0),
            written_bytes=counted.get("wchar", 0),
        )

    def close(self) -> None:
        if self._counters is not None:
            os.close(self._counters)
            self._counters = None

    def _counted(self) -> dict[str, int]:
        """The bytes so far, also of who has ended but was not waited for yet."""
        if self._counters is None:
            return {}
        lines = os.pread(self._counters, 4096, 0).decode().splitlines()
        return {name: int(value) for name, _, value in (line.partition(":") for line in lines)}


class Watch:
    """Looks at running programs until it is closed."""

    def __init__(self) -> None:
        self._watched: list[Watched] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def add(self, watched: Watched) -> Watched:
        self._watched.append(watched)
        return watched

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._closed.wait(SAMPLE_S):
            for watched in list(self._watched):
                watched.look()


_TAKEN: list[Use] = []
_FRAGMENTS: list[int] = []


def record(use: Use) -> None:
    """Keep it for `leave`: one process runs one sample."""
    _TAKEN.append(use)


def count(fragments: int) -> None:
    """Keep for `leave` how many pairs or single reads went in."""
    _FRAGMENTS.append(fragments)


def leave(meta: Path) -> None:
    """Tell the runner what the programs took, in the order in which they ended, and of how many reads."""
    told: dict[str, object] = {"programs": [asdict(use) for use in _TAKEN]}
    if _FRAGMENTS:
        told["fragments"] = max(_FRAGMENTS)
    (meta / RESOURCES).write_text(json.dumps(told))
