"""What a command and everything that it starts takes: seconds, processor seconds, memory."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

PROC = Path("/proc")
SAMPLE_S = 0.1  # looking costs processor time that the command would like to have
PAGE, TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """`rss_mib` is the highest sum over all processes at one moment, looked at every SAMPLE_S;
    `anonymous_mib` the same without what files back: a mapped database costs a job nothing.

    (The kernel's own maximum, `ru_maxrss`, would count the process that started the command as well.)
    """

    code: int
    wall_s: float
    cpu_s: float
    rss_mib: float
    anonymous_mib: float
    output: str
    errors: str


def run(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Taken:
    """Run to its end in a session of its own; what it printed goes through files in `folder`."""
    output, errors = folder / "output", folder / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        began = monotonic()
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=err, start_new_session=True)
        ended, peak = threading.Event(), [0, 0]

        def watch() -> None:
            while not ended.wait(SAMPLE_S):
                peak[0] = max(peak[0], session_rss(process.pid))
                peak[1] = max(peak[1], session_anonymous(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        # wait4 adds up what the command's own children took, as long as the command has waited for them.
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = monotonic() - began
        ended.set()
        watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Taken(
        code=process.returncode,
        wall_s=wall_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        rss_mib=peak[0] / 2**20,
        anonymous_mib=peak[1] / 2**20,
        output=output.read_text(errors="replace"),
        errors=errors.read_text(errors="replace"),
    )


def session_rss(session: int) -> int:
    """Resident bytes of all processes of a session; pages that they share count once for each."""
    return sum(int(fields[21]) * PAGE for _, fields in _of_session(session))


def session_anonymous(session: int) -> int:
    """Resident bytes of all processes of a session that no file backs."""
    total = 0
    for folder, _ in _of_session(session):
        with suppress(OSError):
            lines = (folder / "status").read_text().splitlines()
            kept = [line for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
            total += sum(int(line.split()[1]) << 10 for line in kept)
    return total


def _of_session(session: int) -> Iterator[tuple[Path, list[str]]]:
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session:
            yield stat.parent, fields


def cpu_s(pid: int) -> float:
    """Processor seconds that a process has taken so far, all its threads together."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
