"""`python -m guards [rollout|security]`: takes each guard away in turn, and sees its test fail.

Each is taken away in a copy of the repository; its words must stand there exactly once, so that no list can
outlive the code. A guard that can be taken away without a failure guards nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rich.console import Console
from rich.table import Table

from guards.guard import Guard
from guards.rollout import GATES
from guards.security import CONTROLS
from rollout.repository import git

ROOT = Path(__file__).resolve().parent.parent
LISTS: Mapping[str, tuple[Guard, ...]] = {"rollout": GATES, "security": CONTROLS}
TIME_LIMIT_S = 300
FAILED = 1  # pytest's exit code when a test failed; others are of a run that proves nothing


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`how` is what the test said without the guard, empty when it passed; `fault`: why nothing is proved."""

    guard: Guard
    how: str = ""
    fault: str = ""


def stale(guard: Guard, root: Path = ROOT) -> str:
    """Why a guard's words cannot be found in its file; empty when they stand there exactly once."""
    count = (root / guard.file).read_text().count(guard.old)
    return "" if count == 1 else f"{guard.file} has {guard.old!r} {count} times"


def copied(folder: Path) -> Path:
    """The files that git knows or would take up, as a repository of their own."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[:-1]
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    who = ("-c", "user.name=guards", "-c", "user.email=guards@example.org", "-c", "commit.gpgsign=false")
    for words in ("The repository as it is", "Nothing more", "Nothing more"):  # tests look two commits back
        git(folder, *who, "commit", "-q", "--allow-empty", "-m", words)
    return folder


def failing(folder: Path, node: str) -> str:
    """What the test's first failure says; empty when it passes. Raises LookupError when it cannot run."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", node]
    # The same second and size, and Python would take the code of before.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    if done.returncode == 0:
        return ""
    if done.returncode != FAILED:
        raise LookupError(f"pytest ended with {done.returncode} on {node}: {done.stdout[-300:]}")
    said = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("E  ")]
    return said[0] if said else done.stdout.strip().splitlines()[-1]


def without(guard: Guard, folder: Path) -> Verdict:
    """Takes the guard away in the copy, runs its test, puts it back."""
    if wrong := stale(guard, folder):
        return Verdict(guard=guard, fault=wrong)
    path = folder / guard.file
    before = path.read_text()
    path.write_text(before.replace(guard.old, guard.new))
    try:
        return Verdict(guard=guard, how=failing(folder, guard.node))
    except (LookupError, subprocess.TimeoutExpired) as error:
        return Verdict(guard=guard, fault=str(error))
    finally:
        path.write_text(before)


def tried(
    guards: Sequence[Guard], processes: int, told: Callable[[str], Any] = lambda _: None
) -> list[Verdict]:
    """Each guard taken away, in as many copies as there are processes.

    First each test runs by itself with every guard in its place: one that fails then proves nothing.
    """
    with tempfile.TemporaryDirectory(prefix="globalbi-guards-") as made:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            place = Path(made, str(number))
            place.mkdir()
            free.put(copied(place))

        def whole(node: str) -> str:
            with _borrowed(free) as folder:
                told(node)
                try:
                    return failing(folder, node)
                except (LookupError, subprocess.TimeoutExpired) as error:
                    return str(error)

        def one(guard: Guard) -> Verdict:
            if said := broken[guard.node]:
                return Verdict(guard=guard, fault=f"its test fails with every guard in its place: {said}")
            with _borrowed(free) as folder:
                told(guard.name)
                return without(guard, folder)

        nodes = sorted({each.node for each in guards})
        with ThreadPoolExecutor(processes) as pool:
            broken = dict(zip(nodes, pool.map(whole, nodes), strict=True))
            return list(pool.map(one, guards))


@contextmanager
def _borrowed(free: SimpleQueue[Path]) -> Iterator[Path]:
    folder = free.get()
    try:
        yield folder
    finally:
        free.put(folder)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every guard's test failed without it."""
    parser = argparse.ArgumentParser(prog="python -m guards", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("lists", nargs="*", metavar="LIST", help=f"{', '.join(LISTS)}; without any, all")
    parser.add_argument("--processes", type=int, default=2, help="(2)")
    parser.add_argument("--only", metavar="WORD", default="", help="guards whose name holds the word")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.lists if name not in LISTS]:
        parser.error(f"no list {unknown[0]!r}: there are {', '.join(LISTS)}")
    guards = [each for name in given.lists or LISTS for each in LISTS[name] if given.only in each.name]
    verdicts = tried(guards, given.processes, lambda what: print(what, file=sys.stderr))
    table = Table(title=f"{len(verdicts)} guards, each taken away in turn", title_justify="left")
    for column in ("guard", "where", "the test that failed", "what it said"):
        table.add_column(column)
    for each in verdicts:
        said = (each.fault or each.how)[:90].replace("[", "\\[") or "nothing: it passed"
        table.add_row(
            each.guard.name,
            each.guard.file,
            each.guard.test.replace("::", " "),
            said if each.how else f"[red]{said}",
        )
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a log has no width of its own
    console.print(table)
    missed = [each for each in verdicts if each.how]
    console.print(f"{len(missed)} of {len(verdicts)} were missed when they were gone")
    return 0 if len(missed) == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
