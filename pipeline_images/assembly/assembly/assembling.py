"""MEGAHIT: reads to contigs."""

from pathlib import Path

from programs.chain import Program, run_program
from programs.outcome import BadInput
from sequencing.reads import Reads

from assembly.clean_reads import CleanReads
from assembly.contigs import Contig, named_by_length, read_fasta
from assembly.settings import Settings

SHORTEST = 500  # bases; shorter ones hold no whole gene
MEMORY_SHARE = 0.9  # of the job's memory; the rest is Python's and the page cache's


def assemble(reads: Reads, clean: CleanReads, settings: Settings, work: Path) -> list[Contig]:
    """Raises `BadInput` when nothing comes together."""
    out = work / "megahit"
    command: list[str | Path] = ["megahit", "--12" if reads.paired else "-r", clean.file, "-o", out]
    command += ["--min-contig-len", str(SHORTEST), "-t", str(settings.threads)]
    command += ["-m", str(int(MEMORY_SHARE * settings.memory_mib * 2**20))]
    run_program(Program(name="megahit", command=command), work)
    found = out / "final.contigs.fa"
    contigs = named_by_length(list(read_fasta(found))) if found.is_file() else []
    if not contigs:
        raise BadInput(
            f"the reads do not come together: of {clean.fragments:,} {reads.unit} ({clean.bases:,} bases) no "
            f"contig of {SHORTEST} bases or more can be made; sequence this sample deeper, and upload those "
            "reads"
        )
    return contigs
