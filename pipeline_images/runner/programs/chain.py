"""Runs programs joined by pipes and looks at how each of them ended.

A shell would tell only of the last one (or, with pipefail, hide that the kernel killed one): a chain whose
first program died in the middle would look like a small sample.
"""

import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from programs.outcome import FAILED, KILLED, Failed
from programs.use import Watch, Watched, record

T = TypeVar("T")
_TAIL = 400  # characters of a program's last words


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command. Errors call it `name`; `output` takes its standard output at the chain's end."""

    name: str
    command: Sequence[str | Path]
    output: Path | None = None


@dataclass
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"
    words: Path  # its standard error
    watched: Watched

    def end(self) -> int:
        """Wait for its end; its exit code."""
        if self.process.returncode is None:
            self.process.returncode, use = self.watched.end()  # so that Popen does not wait again
            record(use)
        return self.process.returncode


def run_chain(programs: Sequence[Program], logs: Path, feed: Callable[[Callable[[bytes], object]], T]) -> T:
    """Start the programs, let `feed` write to the first, wait for all. Raises `Failed`, or as `feed` does."""
    with _started(programs, logs) as children:
        stdin = children[0].process.stdin
        assert stdin is not None
        try:
            fed = feed(stdin.write)
            stdin.close()
        except BrokenPipeError:  # a program ended early: its exit status tells why
            with contextlib.suppress(BrokenPipeError):
                stdin.close()
            _judge(children)
            raise Failed(f"{children[0].program.name} ended before it had read its input") from None
        _judge(children)
        return fed


def run_program(program: Program, logs: Path) -> None:
    """One program without input. Raises `Failed`."""
    run_chain([program], logs, lambda _: None)


@contextlib.contextmanager
def _started(programs: Sequence[Program], logs: Path) -> Iterator[list[_Child]]:
    children: list[_Child] = []
    watch = Watch()
    try:
        for number, program in enumerate(programs):
            before = children[-1].process.stdout if children else subprocess.PIPE
            words = logs / f"{program.name}.log"
            with contextlib.ExitStack() as files:
                stderr = files.enter_context(words.open("wb"))
                stdout: int | IO[bytes] = subprocess.PIPE
                if number == len(programs) - 1:
                    stdout = files.enter_context((program.output or logs / f"{program.name}.out").open("wb"))
                process = subprocess.Popen(
                    [str(word) for word in program.command], stdin=before, stdout=stdout, stderr=stderr
                )
            if children:
                # Only the next program may hold the pipe: else nobody learns that it ended.
                assert children[-1].process.stdout is not None
                children[-1].process.stdout.close()
            watched = watch.add(Watched(program=program.name, pid=process.pid))
            children.append(_Child(program, process, words, watched))
        yield children
    finally:
        watch.close()
        for child in children:
            if child.process.poll() is None:
                child.process.kill()
            with contextlib.suppress(BrokenPipeError):
                for pipe in (child.process.stdin, child.process.stdout):
                    if pipe is not None:
                        pipe.close()
            child.process.wait()
            child.watched.close()


def _judge(children: list[_Child]) -> None:
    """Who failed by itself is to blame, not who lost its pipe by that."""
    codes = [child.end() for child in children]
    failed = [(child, code) for child, code in zip(children, codes, strict=True) if code]
    failed.sort(key=lambda pair: (pair[1] != -signal.SIGKILL, _lost_its_pipe(*pair)))
    for child, code in failed:
        raise Failed(_sentence(child, code), KILLED if code == -signal.SIGKILL else FAILED)


def _lost_its_pipe(child: _Child, code: int) -> bool:
    """By a signal, or, where a language's runtime turns that into an error, by its own words."""
    return code == -signal.SIGPIPE or b"Broken pipe" in child.words.read_bytes()


def _sentence(child: _Child, code: int) -> str:
    if code == -signal.SIGKILL:
        return f"{child.program.name} was killed, most likely for want of memory"
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    lines = child.words.read_text(errors="replace").strip().splitlines()
    return f"{child.program.name} failed ({how}): {' '.join(lines[-5:])[-_TAIL:]}"
