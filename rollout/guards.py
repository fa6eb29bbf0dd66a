"""`python -m rollout.guards`: takes away each gate of a rollout in turn, and sees its test fail.

A gate is a few words of a module or of a workflow, named in `guarded` with what they are replaced by. Each is
removed in a copy of the repository; the words must stand there exactly once, so that the list cannot outlive
the code. A gate that can be removed without a failure keeps nobody out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.table import Table

from rollout.guarded import GUARDS, Guard
from rollout.repository import git

ROOT = Path(__file__).resolve().parent.parent
TIME_LIMIT_S = 300
FAILED = 1  # pytest's exit code when a test failed; others are of a run that proves nothing


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`how` is what the test said without the guard; empty when it passed."""

    guard: Guard
    how: str


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


def failing(folder: Path, *nodes: str) -> str:
    """What the first test that fails says; empty when all pass. Raises LookupError when none can be run."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", *nodes]
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
        raise LookupError(f"pytest ended with {done.returncode} on {nodes[0]}: {done.stdout[-300:]}")
    said = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("E  ")]
    return said[0] if said else done.stdout.strip().splitlines()[-1]


def without(guard: Guard, folder: Path) -> Verdict:
    """Removes the guard in the copy, runs its test, puts it back."""
    if wrong := stale(guard, folder):
        raise LookupError(f"the guard {guard.name!r} must be found in the code: {wrong}")
    path = folder / guard.file
    before = path.read_text()
    path.write_text(before.replace(guard.old, guard.new))
    try:
        return Verdict(guard=guard, how=failing(folder, guard.node))
    finally:
        path.write_text(before)


def tried(guards: Sequence[Guard], processes: int) -> list[Verdict]:
    """Each guard removed, in as many copies as there are processes.

    Raises LookupError when a test fails with every guard in its place.
    """
    with tempfile.TemporaryDirectory(prefix="globalbi-guards-") as made:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            place = Path(made, str(number))
            place.mkdir()
            free.put(copied(place))
        whole = free.get()
        if broken := failing(whole, *dict.fromkeys(each.node for each in guards)):
            raise LookupError(f"a test fails with every guard in its place; mend that first: {broken}")
        free.put(whole)

        def one(guard: Guard) -> Verdict:
            folder = free.get()
            try:
                return without(guard, folder)
            finally:
                free.put(folder)

        with ThreadPoolExecutor(processes) as pool:
            return list(pool.map(one, guards))


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when every guard's test failed without it."""
    parser = argparse.ArgumentParser(
        prog="python -m rollout.guards", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--processes", type=int, default=2, help="(2)")
    parser.add_argument("--only", metavar="WORD", default="", help="guards whose name holds the word")
    given = parser.parse_args(arguments)
    verdicts = tried([each for each in GUARDS if given.only in each.name], given.processes)
    table = Table(title=f"{len(verdicts)} gates, each removed in turn", title_justify="left")
    for column in ("gate", "where", "the test that failed", "what it said"):
        table.add_column(column)
    for each in verdicts:
        how = each.how[:70].replace("[", "\\[") or "[red]nothing: it passed"
        table.add_row(each.guard.name, each.guard.file, each.guard.test.replace("::", " "), how)
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a log has no width of its own
    console.print(table)
    missed = [each.guard.name for each in verdicts if not each.how]
    console.print(f"{len(verdicts) - len(missed)} of {len(verdicts)} were missed when they were gone")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
