"""Runs the pipeline: its words streamed and the last ones kept, its use measured, its end understood."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.outcome import EX_DATAERR, OUT_OF_MEMORY, TERMINATED, one_line
from runner.stop import Stop
from runner.usage import Peak, Usage, memory_events, oom_kills

# Batch sends SIGTERM and, 30 s later, SIGKILL. The rest is for the ledger.
GRACE_S = 15.0
POLL_S = 0.1
LOOK_EVERY_S = 0.5
LINE_BYTES = 64 << 10  # a tool that prints no newline must not fill our memory
LINES_KEPT = 20


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the pipeline ended: `code` as in `outcome`, and `words` for people, a line."""

    code: int
    words: str
    usage: Usage


def supervise(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    stop: Stop,
    disk: Path | None = None,
    heard: Callable[[str], None] = lambda _: None,
    events: Path | None = None,
    grace_s: float = GRACE_S,
) -> Ended:
    """Run the command to its end or until somebody asks to stop: SIGTERM, then SIGKILL `grace_s` s later.

    Whatever it left running is killed. `heard` is told each line; `disk` is whose size is watched (`folder`
    when None). Raises OSError when it cannot start.
    """
    events = events or memory_events()
    kills_before = oom_kills(events)
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    last_words: deque[str] = deque(maxlen=LINES_KEPT)

    def keep(line: str) -> None:
        last_words.append(line)
        heard(line)

    readers = [
        _stream(process.stdout, sys.stdout.buffer, heard),
        _stream(process.stderr, sys.stderr.buffer, keep),
    ]
    peak = Peak()
    status, use = _wait(process, stop, grace_s, lambda: peak.look(process.pid, disk or folder))
    _kill(process.pid, signal.SIGKILL)  # what it left behind, else the pipes stay open
    for reader in readers:
        reader.join(timeout=5)
    usage = Usage(
        wall_s=round(time.monotonic() - began, 2),
        cpu_s=round(use.ru_utime + use.ru_stime, 2),
        max_rss_mib=max(peak.rss_mib, use.ru_maxrss >> 10),
        max_anonymous_mib=peak.anonymous_mib,
        max_disk_mib=peak.disk_mib,
    )
    code, words = understand(
        os.waitstatus_to_exitcode(status),
        list(last_words),
        killed_for_memory=oom_kills(events) > kills_before,
    )
    return Ended(code=code, words=words, usage=usage)


def understand(code: int, last_words: Sequence[str], *, killed_for_memory: bool) -> tuple[int, str]:
    """The exit code that the ladder should read, and a line for people.

    A shell's pipe hides the kill of one of its parts: it goes on as if the input had ended, and fails with
    another code, calls the input bad, or even succeeds. So a kill for want of memory counts, whatever the
    pipeline made of it.
    """
    said = one_line(" | ".join(line for line in last_words if line.strip()))
    if killed_for_memory or code == -signal.SIGKILL:
        return OUT_OF_MEMORY, one_line(f"out of memory: the kernel killed a program of the pipeline. {said}")
    if code == EX_DATAERR:
        sentence = next((line for line in reversed(last_words) if line.strip()), "")
        return EX_DATAERR, one_line(sentence) or "the pipeline cannot read this upload, and did not say why"
    if code < 0:
        name = signal.Signals(-code).name
        return 128 - code, one_line(f"the pipeline was ended by {name}. {said}")
    if code == TERMINATED:
        return TERMINATED, said or "the pipeline was stopped"
    return code, said or f"the pipeline ended with exit code {code} and no words"


def _wait(
    process: "subprocess.Popen[bytes]", stop: Stop, grace_s: float, look: Callable[[], None]
) -> tuple[int, "resource.struct_rusage"]:
    look_at, kill_at = 0.0, float("inf")
    while True:
        pid, status, use = os.wait4(process.pid, os.WNOHANG)
        now = time.monotonic()
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait again
            return status, use
        if now >= look_at:
            look()
            look_at = now + LOOK_EVERY_S
        if stop.asked and kill_at == float("inf"):
            _kill(process.pid, signal.SIGTERM)
            kill_at = now + grace_s
        if now >= kill_at:
            _kill(process.pid, signal.SIGKILL)
        if stop.asked:
            time.sleep(POLL_S)
        else:
            stop.wait(POLL_S)


def _kill(group: int, signal_number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all of it has ended
        os.killpg(group, signal_number)


def _stream(pipe: IO[bytes] | None, out: IO[bytes], heard: Callable[[str], object]) -> threading.Thread:
    assert pipe is not None

    def pump() -> None:
        with pipe:
            while line := pipe.readline(LINE_BYTES):
                out.write(line)
                out.flush()
                heard(line.decode("utf-8", "replace").rstrip("\n"))

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    return thread
