"""Programs joined by pipes: whoever fails is found and named."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from programs.chain import Program, run_chain
from programs.outcome import BadInput, Failed

CAT = ("cat",)


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def chain(logs: Path, *commands: tuple[str, ...], data: bytes = b"ACGT\n") -> bytes:
    programs = [
        Program(name=f"step{n}", command=command, output=logs / "out" if n == len(commands) else None)
        for n, command in enumerate(commands, 1)
    ]
    run_chain(programs, logs, lambda write: write(data))
    return (logs / "out").read_bytes()


def test_what_goes_in_comes_out_at_the_end(tmp_path: Path) -> None:
    """Reads would get lost between the tools."""
    data = os.urandom(1 << 20)
    assert chain(tmp_path, CAT, CAT, CAT, data=data) == data


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_failure_anywhere_is_a_failure_of_the_chain(tmp_path: Path, place: int) -> None:
    """A shell's pipe tells only of its last program: half a sample would look like a small one."""
    commands = [CAT, CAT, CAT]
    commands[place] = sh("cat; echo no such index >&2; exit 3")
    with pytest.raises(Failed, match=rf"step{place + 1} failed \(exit code 3\): no such index") as failed:
        chain(tmp_path, *commands)
    assert failed.value.code == 70


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_killed_program_is_told_as_want_of_memory(tmp_path: Path, place: int) -> None:
    """The next attempt would get no more memory: pipefail turns the kernel's kill into another code."""
    commands = [CAT, CAT, CAT]
    commands[place] = sh("kill -9 $$")
    with pytest.raises(Failed, match="memory") as failed:
        chain(tmp_path, *commands, data=bytes(1 << 20))
    assert failed.value.code == 137


def test_the_program_that_failed_is_named_and_not_the_one_it_broke(tmp_path: Path) -> None:
    """The words would point at fastp when minimap2 found no index."""
    endless = sh("exec yes")
    with pytest.raises(Failed, match="step2 failed"):
        chain(tmp_path, endless, sh("exit 4"))


def test_who_tells_of_its_lost_pipe_in_words_is_not_blamed_either(tmp_path: Path) -> None:
    """Rust and Python make an ordinary error of it: the words would point at deacon when sylph failed."""
    script = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    with pytest.raises(Failed, match=r"step2 failed \(exit code 4\)"):
        chain(tmp_path, (sys.executable, "-c", script), sh("exit 4"))


def test_a_refused_upload_ends_every_program(tmp_path: Path) -> None:
    """A refused sample would keep its cores busy until the time limit."""
    pid = tmp_path / "pid"

    def refuse(write: Callable[[bytes], object]) -> None:
        write(b"ACGT\n")
        while not (pid.exists() and pid.read_text().strip()):
            time.sleep(0.01)
        raise BadInput("one mate is missing")

    programs = [Program(name="busy", command=sh(f"echo $$ > {pid}; exec sleep 600"))]
    with pytest.raises(BadInput):
        run_chain(programs, tmp_path, refuse)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_program_that_stops_reading_does_not_hang_the_chain(tmp_path: Path) -> None:
    """The job would wait for its time limit instead of failing at once."""
    done = threading.Event()

    def run() -> None:
        with pytest.raises(Failed):
            chain(tmp_path, (sys.executable, "-c", "raise SystemExit(5)"), CAT, data=bytes(8 << 20))
        done.set()

    threading.Thread(target=run, daemon=True).start()
    assert done.wait(20)
