"""Kraken 2: which taxon each fragment belongs to."""

from pathlib import Path

from programs.chain import Program, run_program

from metagenome.settings import Settings


def classify(files: tuple[Path, ...], settings: Settings, work: Path, report: Path) -> None:
    """Write Kraken 2's report. The database is mapped, so that jobs of one host share its pages."""
    command: list[str | Path] = ["kraken2", "--db", settings.kraken2, "--threads", str(settings.threads)]
    command += ["--memory-mapping", "--report", report, "--output", "-"]
    command += ["--paired"] if len(files) == 2 else []
    run_program(Program(name="kraken2", command=[*command, *files]), work)
