"""Filtering and host removal in one stream: reads → fastp → minimap2 → samtools → what is left for Kraken 2.

fastp trims adapters and drops poor and short reads. minimap2 maps the rest to the host; a pair is kept only
if neither mate maps (`-f 12`), so that no half of a human pair gets into the results.

Long reads do not go through fastp, which is made for short ones. They are kept whole, but for those under
200 bases: minimap2 misses one in five of them where they are the host's, and hardly any that is longer.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_chain
from programs.outcome import BadInput
from sequencing.checks import Fed
from sequencing.kept import TAG, feed_numbered
from sequencing.reads import Reads

from metagenome.measured import Measured, Measuring, from_fastp
from metagenome.read_kind import ReadKind
from metagenome.settings import Settings

SHORTEST = 35  # bases: Kraken 2's k-mers are that long
SHORTEST_OF_LONG = 200  # bases
ILLUMINA_ADAPTER = "AGATCGGAAGAGC"  # fastp cannot look for adapters of single reads in a stream
FASTP_THREADS = 4  # more wait for each other
MINIMAP2_BATCH = "50M"  # bases in memory at once
# Reads of PacBio have fewer errors than map-ont allows for, so it finds the host in them, too.
MINIMAP2_PRESET = {ReadKind.SHORT: "sr", ReadKind.LONG: "map-ont"}


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What is left, in files, and how much went on the way. Counted in fragments: pairs, or single reads."""

    files: tuple[Path, ...]
    fed: Fed
    filtered: int  # fragments after fastp; of long reads, those that are not too short
    measured: Measured


def clean(reads: Reads, kind: ReadKind, settings: Settings, work: Path, fastp_json: Path) -> Cleaned:
    """Raises `BadInput` when nothing passes the filter."""
    if kind is ReadKind.LONG:
        return clean_long(reads, settings, work)
    return clean_short(reads, settings, work, fastp_json)


def clean_short(reads: Reads, settings: Settings, work: Path, fastp_json: Path) -> Cleaned:
    files = tuple(
        work / name for name in (("clean_1.fastq", "clean_2.fastq") if reads.paired else ("clean.fastq",))
    )
    programs = [fastp(reads, settings, fastp_json, files)]
    if settings.host is not None:
        programs += host_removal(settings, files, ReadKind.SHORT)
    fed = run_chain(programs, work, lambda write: feed_counted(reads, write))
    told = json.loads(fastp_json.read_text())
    filtered = int(told["summary"]["after_filtering"]["total_reads"]) // (2 if reads.paired else 1)
    if filtered == 0:
        raise BadInput(
            f"no read is left after filtering: of {fed.fragments:,} {reads.unit} all are too short "
            f"(under {SHORTEST} bases) or of poor quality; check the sequencing run, and upload reads of "
            "good quality"
        )
    return Cleaned(files=files, fed=fed, filtered=filtered, measured=from_fastp(told))


def clean_long(reads: Reads, settings: Settings, work: Path) -> Cleaned:
    file = work / "clean.fastq"

    def feed(write: Callable[[bytes], object]) -> tuple[Fed, Measuring]:
        measuring = Measuring(write, SHORTEST_OF_LONG)
        return feed_counted(reads, measuring), measuring

    if settings.host is None:
        with file.open("wb") as out:
            fed, measuring = feed(out.write)
    else:
        fed, measuring = run_chain(host_removal(settings, (file,), ReadKind.LONG), work, feed)
    return Cleaned(files=(file,), fed=fed, filtered=measuring.passed, measured=measuring.measured())


def feed_counted(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    fed = feed_numbered(reads, write)
    if not fed.fragments:
        raise BadInput("the upload has no read with bases in it; upload the FASTQ files of the sequencer")
    return fed


def fastp(reads: Reads, settings: Settings, told: Path, files: tuple[Path, ...]) -> Program:
    command: list[str | Path] = ["fastp", "--stdin", "--json", told, "--html", "/dev/null"]
    command += ["--length_required", str(SHORTEST), "--thread", str(min(settings.threads, FASTP_THREADS))]
    command += ["--interleaved_in"] if reads.paired else ["--adapter_sequence", ILLUMINA_ADAPTER]
    if settings.host is not None:
        command += ["--stdout"]
    elif reads.paired:
        command += ["--out1", files[0], "--out2", files[1]]
    else:
        command += ["--out1", files[0]]
    return Program(name="fastp", command=command)


def host_removal(settings: Settings, files: tuple[Path, ...], kind: ReadKind) -> list[Program]:
    assert settings.host is not None
    minimap2: list[str | Path] = ["minimap2", "-a", "-x", MINIMAP2_PRESET[kind], "-K", MINIMAP2_BATCH]
    minimap2 += ["--secondary=no"]
    minimap2 += ["-y", "-t", str(settings.threads), settings.host, "-"]
    samtools: list[str | Path] = ["samtools", "fastq", "-n", "-T", TAG]
    if len(files) == 2:
        # -f 12: the read and its mate are both unmapped.
        samtools += ["-f", "12", "-1", files[0], "-2", files[1], "-0", "/dev/null", "-s", "/dev/null", "-"]
    else:
        samtools += ["-f", "4", "-0", files[0], "-"]
    return [Program(name="minimap2", command=minimap2), Program(name="samtools", command=samtools)]
