"""What a pipeline may use, as the runner tells it by the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.outcome import BAD_SETTINGS, Failed


@dataclass(frozen=True, kw_only=True)
class Allowance:
    references: Path  # one folder for each role
    threads: int
    scratch: Path
    meta: Path | None  # where tools.json is left


def allowance_from(environ: Mapping[str, str]) -> Allowance:
    """Raises `Failed` (78) when a number is none."""
    threads = environ.get("THREADS") or str(len(os.sched_getaffinity(0)))
    if not (threads.isascii() and threads.isdigit() and int(threads) > 0):
        raise Failed(f"THREADS must be a whole number of 1 or more, not {threads!r}", BAD_SETTINGS)
    meta = environ.get("PIPELINE_META")
    return Allowance(
        references=Path(environ.get("REFERENCES") or "/references"),
        threads=int(threads),
        scratch=Path(environ.get("SCRATCH") or environ.get("TMPDIR") or "/tmp"),
        meta=Path(meta) if meta else None,
    )
