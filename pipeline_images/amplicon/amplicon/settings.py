"""What the runner tells the pipeline by its environment."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.allowance import allowance_from
from programs.outcome import BAD_SETTINGS, Failed

PATTERNS = ("*.udb", "*.fa", "*.fa.gz", "*.fasta", "*.fasta.gz", "*.fna", "*.fna.gz")
_HOW = "see the pipeline's README for how to make one"


@dataclass(frozen=True, kw_only=True)
class Settings:
    taxonomy: Path  # FASTA with SINTAX's names, or vsearch's index of one
    sample: str  # what the table calls the sample
    threads: int
    scratch: Path
    meta: Path | None  # where tools.json is left


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises `Failed` (78) when the reference is missing or a number is none."""
    allowed = allowance_from(environ)
    return Settings(
        taxonomy=taxonomy_reference(allowed.references / "taxonomy"),
        sample=environ.get("SAMPLE") or "sample",
        threads=allowed.threads,
        scratch=allowed.scratch,
        meta=allowed.meta,
    )


def taxonomy_reference(folder: Path) -> Path:
    """The one index or FASTA of the role, its names looked at."""
    found = [path for pattern in PATTERNS for path in sorted(folder.glob(pattern))]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise Failed(
            f"the taxonomy reference must be one FASTA or .udb file in {folder}, there is {names}; {_HOW}",
            BAD_SETTINGS,
        )
    if found[0].suffix != ".udb":
        first = _first_line(found[0])
        if first[:1] != b">" or b";tax=" not in first:
            raise Failed(
                f"{found[0].name} is no SINTAX reference: its first line has no ';tax=d:…,p:…', it is "
                f"{first[:80].decode('ascii', 'replace')!r}; {_HOW}",
                BAD_SETTINGS,
            )
    return found[0]


def _first_line(path: Path) -> bytes:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        return bytes(lines.readline(4096))
