"""What the runner tells the pipeline by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.allowance import allowance_from
from programs.outcome import BAD_SETTINGS, Failed

KRAKEN2_FILES = ("hash.k2d", "opts.k2d", "taxo.k2d")


@dataclass(frozen=True, kw_only=True)
class Settings:
    kraken2: Path  # folder of the Kraken 2 database
    host: Path | None  # minimap2 index or FASTA of the host; None: host reads are not removed
    threads: int
    sample: str  # what the BIOM table calls the sample
    scratch: Path
    meta: Path | None  # where tools.json is left


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises `Failed` (78) when a reference is missing or a number is none."""
    allowed = allowance_from(environ)
    database = allowed.references / "kraken2"
    missing = [name for name in KRAKEN2_FILES if not (database / name).is_file()]
    if missing:
        raise Failed(
            f"no Kraken 2 database in {database}: {', '.join(missing)} missing. "
            "Mount the references at /references, with one folder for each role: kraken2 and host.",
            BAD_SETTINGS,
        )
    return Settings(
        kraken2=database,
        host=host_reference(allowed.references / "host"),
        threads=allowed.threads,
        sample=environ.get("SAMPLE") or "sample",
        scratch=allowed.scratch,
        meta=allowed.meta,
    )


def host_reference(folder: Path) -> Path | None:
    """An index, else a FASTA that minimap2 indexes on the way. None when the role has no folder."""
    if not folder.is_dir():
        return None
    for pattern in ("*.mmi", "*.fa", "*.fa.gz", "*.fasta", "*.fasta.gz", "*.fna", "*.fna.gz"):
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise Failed(
                f"the host reference must be one {pattern} file, but {folder} has {names}", BAD_SETTINGS
            )
        if found:
            return found[0]
    raise Failed(f"no host reference in {folder}: it needs one .mmi or FASTA file", BAD_SETTINGS)
