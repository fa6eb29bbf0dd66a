"""What is told of a measured command."""

import os
import sys
import time
from pathlib import Path

from benchmarks import process_tree

BURN = "import time\nwhile time.process_time() < 0.4: pass"
HOLD = "import time; held = bytearray(b'x') * (80 << 20); time.sleep(1)"


def run(command: str, folder: Path) -> process_tree.Taken:
    return process_tree.run(["bash", "-o", "pipefail", "-c", command], os.environ, folder)


def test_every_process_of_a_pipe_counts(tmp_path: Path) -> None:
    """`aws | tar` would look cheap if only one of the two were counted."""
    taken = run(f'{sys.executable} -c "{BURN}" | {sys.executable} -c "{BURN}"', tmp_path)
    assert taken.code == 0
    assert 0.8 <= taken.cpu_s < 2


def test_memory_is_the_sum_of_what_runs_at_once_and_not_the_callers(tmp_path: Path) -> None:
    """Two programs in a pipe need the memory of both; the benchmark's own is nobody's."""
    mine = bytearray(b"x") * (400 << 20)
    taken = run(f'{sys.executable} -c "{HOLD}" | {sys.executable} -c "{HOLD}"', tmp_path)
    del mine
    assert 160 <= taken.rss_mib < 300


def test_a_failure_anywhere_in_a_pipe_and_what_was_said_are_told(tmp_path: Path) -> None:
    """A download that broke off must not be measured as a fast one."""
    taken = run("(echo broken >&2; exit 3) | cat; exit ${PIPESTATUS[0]}", tmp_path)
    assert (taken.code, taken.errors) == (3, "broken\n")
    assert run("echo said", tmp_path).output == "said\n"


def test_cpu_of_a_process_grows_while_it_works() -> None:
    """What the server takes of the shared processor is what limits the ratios."""
    before, began = process_tree.cpu_s(os.getpid()), time.process_time()
    while time.process_time() < began + 0.2:
        pass
    assert process_tree.cpu_s(os.getpid()) - before >= 0.15
