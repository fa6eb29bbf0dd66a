"""Filtering and host removal in one stream: reads → fastp → deacon → what is left for Kraken 2.

fastp trims adapters and drops poor and short reads. deacon looks for words of the host's DNA in the rest; a
pair goes when either mate holds one, so that no half of a human pair gets into the results.

Long reads do not go through fastp, which is made for short ones, and are mapped to the host by minimap2. They
are kept whole, but for those under 200 bases: minimap2 misses one in five of them where they are the host's,
and hardly any that is longer.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_chain
from programs.outcome import BAD_SETTINGS, BadInput, Failed
from sequencing.checks import Fed
from sequencing.kept import TAG, feed_numbered
from sequencing.reads import Reads

from metagenome.measured import Measured, Measuring, from_fastp
from metagenome.read_kind import ReadKind
from metagenome.settings import Settings

# Bases. deacon's words are chosen among 15 of 31 bases: a read under 45 has none, and the host's would stay.
SHORTEST = 45
SHORTEST_OF_LONG = 200  # bases
ILLUMINA_ADAPTER = "AGATCGGAAGAGC"  # fastp cannot look for adapters of single reads in a stream
FASTP_THREADS = 4  # more wait for each other
HOST_WORDS = 1  # of a fragment: so many and it is the host's
MINIMAP2_BATCH = "50M"  # bases in memory at once
# Reads of PacBio have fewer errors than map-ont allows for, so it finds the host in them, too.
MINIMAP2_PRESET = "map-ont"


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """How much went on the way. Counted in fragments: pairs, or single reads."""

    fed: Fed
    filtered: int  # fragments after fastp; of long reads, those that are not too short
    measured: Measured


def clean(
    reads: Reads, kind: ReadKind, settings: Settings, work: Path, fastp_json: Path, then: list[Program]
) -> Cleaned:
    """The clean reads go to the programs `then`. Raises `BadInput` when nothing passes the filter."""
    if kind is ReadKind.LONG:
        return clean_long(reads, settings, work, then)
    return clean_short(reads, settings, work, fastp_json, then)


def clean_short(
    reads: Reads, settings: Settings, work: Path, fastp_json: Path, then: list[Program]
) -> Cleaned:
    programs = [fastp(reads, settings, fastp_json)]
    if removes_host(settings, ReadKind.SHORT):
        programs.append(deacon(reads, settings))
    fed = run_chain([*programs, *then], work, lambda write: feed_counted(reads, write))
    told = json.loads(fastp_json.read_text())
    filtered = int(told["summary"]["after_filtering"]["total_reads"]) // (2 if reads.paired else 1)
    if filtered == 0:
        raise BadInput(
            f"no read is left after filtering: of {fed.fragments:,} {reads.unit} all are too short "
            f"(under {SHORTEST} bases) or of poor quality; check the sequencing run, and upload reads of "
            "good quality"
        )
    return Cleaned(fed=fed, filtered=filtered, measured=from_fastp(told))


def clean_long(reads: Reads, settings: Settings, work: Path, then: list[Program]) -> Cleaned:
    def feed(write: Callable[[bytes], object]) -> tuple[Fed, Measuring]:
        measuring = Measuring(write, SHORTEST_OF_LONG)
        return feed_counted(reads, measuring), measuring

    programs = mapped_to_host(settings) if removes_host(settings, ReadKind.LONG) else []
    fed, measuring = run_chain([*programs, *then], work, feed)
    return Cleaned(fed=fed, filtered=measuring.passed, measured=measuring.measured())


def removes_host(settings: Settings, kind: ReadKind) -> bool:
    """Whether the host's reads are removed. Raises `Failed` when they would be of the other kind of reads."""
    if settings.deacon is None and settings.host is None:
        return False
    if kind is ReadKind.SHORT and settings.deacon is None:
        raise Failed(
            "there is a reference for the role host, but none for deacon: the host's short reads would stay; "
            "add an index (deacon index build)",
            BAD_SETTINGS,
        )
    if kind is ReadKind.LONG and settings.host is None:
        raise Failed(
            "there is a reference for the role deacon, but none for host: the host's long reads would stay; "
            "add a minimap2 index or a FASTA",
            BAD_SETTINGS,
        )
    return True


def feed_counted(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    fed = feed_numbered(reads, write)
    if not fed.fragments:
        raise BadInput("the upload has no read with bases in it; upload the FASTQ files of the sequencer")
    return fed


def fastp(reads: Reads, settings: Settings, told: Path) -> Program:
    # Kraken 2 takes the most of the time, so it gets all threads and fastp what it needs to keep up.
    threads = min(max(1, settings.threads // 2), FASTP_THREADS)
    command: list[str | Path] = ["fastp", "--stdin", "--stdout", "--json", told, "--html", "/dev/null"]
    command += ["--length_required", str(SHORTEST), "--thread", str(threads)]
    command += ["--interleaved_in"] if reads.paired else ["--adapter_sequence", ILLUMINA_ADAPTER]
    return Program(name="fastp", command=command)


def deacon(reads: Reads, settings: Settings) -> Program:
    assert settings.deacon is not None
    threads = max(1, settings.threads // 4)
    command: list[str | Path] = ["deacon", "filter", "--deplete", "--quiet", "--threads", str(threads)]
    command += ["--abs-threshold", str(HOST_WORDS), "--rel-threshold", "0"]
    command += ["--interleaved"] if reads.paired else []
    return Program(name="deacon", command=[*command, settings.deacon, "-"])


def mapped_to_host(settings: Settings) -> list[Program]:
    """minimap2 and samtools: long reads that do not map go on."""
    assert settings.host is not None
    minimap2: list[str | Path] = ["minimap2", "-a", "-x", MINIMAP2_PRESET, "-K", MINIMAP2_BATCH]
    minimap2 += ["--secondary=no", "-y", "-t", str(settings.threads), settings.host, "-"]
    samtools = ["samtools", "fastq", "-n", "-T", TAG, "-f", "4", "-"]
    return [Program(name="minimap2", command=minimap2), Program(name="samtools", command=samtools)]
