"""An attempt's own folder on the host's scratch disk, and the removal of those whose attempts were killed.

Beside each folder lies a file that its attempt keeps locked. The lock ends with the process, however it ends,
so whoever can take the lock may remove the folder: a killed attempt's data do not fill the disk of the next.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def run_folder(scratch: Path, job_id: str) -> Iterator[Path]:
    """A fresh folder `<scratch>/runs/<job id>`, removed at the end; raises OSError."""
    runs = scratch / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    sweep(runs)
    folder, lock_file = runs / job_id, runs / f"{job_id}.lock"
    lock = _locked(lock_file)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock_file.unlink(missing_ok=True)
        os.close(lock)


def sweep(runs: Path) -> list[str]:
    """Remove the folders of attempts that are not alive; returns their names."""
    removed = []
    for lock_file in runs.glob("*.lock"):
        with suppress(OSError):  # locked: its attempt is alive. Gone: another sweep was quicker.
            lock = os.open(lock_file, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
                lock_file.unlink(missing_ok=True)
                removed.append(lock_file.stem)
            finally:
                os.close(lock)
    return removed


def _locked(lock_file: Path) -> int:
    """Lock the file at the path: a sweep may remove it between our opening and our locking it."""
    while True:
        lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if lock_file.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        os.close(lock)
