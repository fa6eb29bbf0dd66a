"""Runs a program; its words appear only if it fails."""

import subprocess
from collections.abc import Sequence
from pathlib import Path


def run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        words = done.stdout.decode(errors="replace")[-500:]
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {words}")
