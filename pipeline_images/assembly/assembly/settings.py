"""What the runner tells the pipeline by its environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.allowance import allowance_from
from programs.outcome import BAD_SETTINGS, Failed
from sequencing.kept import KEPT


@dataclass(frozen=True, kw_only=True)
class Settings:
    kept: Path | None  # which bases are clean; None: the reads are taken as they are
    threads: int
    memory_mib: int
    scratch: Path
    meta: Path | None  # where tools.json is left


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises `Failed` (78) when a number is none, or the run before left no table of its clean reads."""
    allowed = allowance_from(environ)
    memory = environ.get("MEMORY_MIB") or str(_memory_mib())
    if not (memory.isascii() and memory.isdigit() and int(memory) > 0):
        raise Failed(f"MEMORY_MIB must be a whole number of 1 or more, not {memory!r}", BAD_SETTINGS)
    after = environ.get("AFTER")
    kept = Path(after, KEPT) if after else None
    if kept is not None and not kept.is_file():
        # Going on with all reads would put the host's into the results.
        raise Failed(
            f"the results before, in {after}, have no {KEPT}: they must be those of a metagenome run of"
            " version 0.1.0 or later",
            BAD_SETTINGS,
        )
    return Settings(
        kept=kept,
        threads=allowed.threads,
        memory_mib=int(memory),
        scratch=allowed.scratch,
        meta=allowed.meta,
    )


def _memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
