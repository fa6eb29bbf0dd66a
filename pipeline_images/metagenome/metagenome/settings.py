"""What the runner tells the pipeline by its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs.allowance import allowance_from
from programs.outcome import BAD_SETTINGS, Failed

from metagenome.sylph import database

KRAKEN2_FILES = ("hash.k2d", "opts.k2d", "taxo.k2d")
# An index, else a FASTA that minimap2 indexes on the way.
HOST_FILES = ("*.mmi", "*.fa", "*.fa.gz", "*.fasta", "*.fasta.gz", "*.fna", "*.fna.gz")


@dataclass(frozen=True, kw_only=True)
class Settings:
    kraken2: Path  # folder of the Kraken 2 database
    # How the host is known: by deacon's index in short reads, by minimap2's index or a FASTA in long ones.
    # None of both: host reads are not removed.
    deacon: Path | None
    host: Path | None
    sylph: Path | None  # folder of sylph's database; None: there is no second opinion
    threads: int
    sample: str  # what the BIOM table calls the sample
    scratch: Path
    meta: Path | None  # where tools.json is left


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Raises `Failed` (78) when a reference is missing or a number is none."""
    allowed = allowance_from(environ)
    kraken2 = allowed.references / "kraken2"
    missing = [name for name in KRAKEN2_FILES if not (kraken2 / name).is_file()]
    if missing:
        raise Failed(
            f"no Kraken 2 database in {kraken2}: {', '.join(missing)} missing. "
            "Mount the references at /references, with one folder for each role: kraken2, deacon, host, "
            "sylph.",
            BAD_SETTINGS,
        )
    return Settings(
        kraken2=kraken2,
        deacon=one_file(allowed.references / "deacon", "deacon's index", "*.idx"),
        host=one_file(allowed.references / "host", "the host", *HOST_FILES),
        sylph=sylph_reference(allowed.references / "sylph"),
        threads=allowed.threads,
        sample=environ.get("SAMPLE") or "sample",
        scratch=allowed.scratch,
        meta=allowed.meta,
    )


def one_file(folder: Path, what: str, *patterns: str) -> Path | None:
    """The file of a role's folder, by the first pattern that fits. None when the role has no folder."""
    if not folder.is_dir():
        return None
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise Failed(
                f"the reference for {what} must be one {pattern} file, but {folder} has {names}", BAD_SETTINGS
            )
        if found:
            return found[0]
    raise Failed(
        f"no reference for {what} in {folder}: it needs one file {' or '.join(patterns)}", BAD_SETTINGS
    )


def sylph_reference(folder: Path) -> Path | None:
    """The folder itself, known to be complete before any read is. None when the role has no folder."""
    return database(folder).parent if folder.is_dir() else None
