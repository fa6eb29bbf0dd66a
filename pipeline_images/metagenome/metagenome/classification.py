"""Kraken 2: which taxon each fragment belongs to.

Its own `classify` is called, not the wrapper `kraken2`, which cannot read mates from a stream.
"""

from pathlib import Path

from programs.chain import Program

from metagenome.settings import Settings

CLASSIFY = "/usr/lib/kraken2/classify"
HIT_GROUPS = 2  # what the wrapper asks for; classify itself asks for none


def classifier(settings: Settings, *, paired: bool, report: Path) -> Program:
    """Reads FASTQ from its standard input, mates one after the other, and writes Kraken 2's report.

    The database is mapped, so that jobs of one host share its pages.
    """
    database = settings.kraken2
    command: list[str | Path] = [CLASSIFY, "-H", database / "hash.k2d", "-t", database / "taxo.k2d"]
    command += ["-o", database / "opts.k2d", "-p", str(settings.threads), "-g", str(HIT_GROUPS), "-M"]
    # -S: pairs are in one stream; -P: both mates are one fragment; -O -: no line for each read.
    command += ["-P", "-S"] if paired else []
    # Named as a file: 2.1.2 breaks off when it has to find its standard input by itself.
    return Program(name="kraken2", command=[*command, "-O", "-", "-R", report, "/dev/stdin"])
