"""How often the reads cover each contig: minimap2 and samtools, counted by MetaBAT's own tool."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_chain, run_program

from assembly.settings import Settings

SORT_SHARE = 0.5  # of the job's memory, over all of samtools' threads
MINIMAP2_BATCH = "50M"  # bases in memory at once


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """`depths` is MetaBAT's table; `mean` the mean coverage by contig; reads are counted one by one."""

    depths: Path
    mean: dict[str, float]
    reads: int
    mapped: int


def cover(contigs: Path, reads: Path, settings: Settings, work: Path) -> Coverage:
    """Map the reads back to the contigs."""
    bam, depths, flags = work / "reads.bam", work / "depths.tsv", work / "flags.json"
    minimap2: list[str | Path] = ["minimap2", "-a", "-x", "sr", "-K", MINIMAP2_BATCH, "--secondary=no"]
    minimap2 += ["-t", str(settings.threads), contigs, reads]
    per_thread = max(64, int(SORT_SHARE * settings.memory_mib / settings.threads))
    sort: list[str | Path] = ["samtools", "sort", "-@", str(settings.threads - 1), "-m", f"{per_thread}M"]
    sort += ["-l", "1", "-T", work / "sort", "-o", bam, "-"]
    run_chain(
        [Program(name="minimap2", command=minimap2), Program(name="samtools-sort", command=sort)],
        work,
        lambda _: None,
    )
    flagstat = ["samtools", "flagstat", "-O", "json", "-@", str(settings.threads - 1), str(bam)]
    run_program(Program(name="samtools-flagstat", command=flagstat, output=flags), work)
    count = ["jgi_summarize_bam_contig_depths", "--outputDepth", str(depths), str(bam)]
    run_program(Program(name="jgi_summarize_bam_contig_depths", command=count), work)
    told = json.loads(flags.read_text())["QC-passed reads"]
    bam.unlink()  # as large as the reads, and of no more use
    return Coverage(
        depths=depths,
        mean=read_depths(depths),
        reads=int(told["primary"]),
        mapped=int(told["primary mapped"]),
    )


def read_depths(path: Path) -> dict[str, float]:
    """Mean coverage by contig, of MetaBAT's table."""
    with path.open() as lines:
        return {
            row["contigName"]: float(row["totalAvgDepth"]) for row in csv.DictReader(lines, delimiter="\t")
        }
