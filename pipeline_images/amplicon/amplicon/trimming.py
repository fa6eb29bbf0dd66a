"""cutadapt: takes the checked reads in, cuts the primers off, and drops what has none.

A primer may be cut off at both ends: reads that are longer than their amplicon go on through the other
primer. Where fragments lie both ways round, pairs go through cutadapt a second time with the primers
exchanged, and single reads are turned by cutadapt itself.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_chain, run_program
from programs.outcome import BadInput
from sequencing.checks import Fed, feed
from sequencing.reads import Reads

from amplicon.primers import Primer, Primers

ERRORS = 0.15  # of a primer's bases: primers of a series differ, and so do their syntheses
_SHORTER = 2  # bases of a primer that may be missing at a read's end
SHORTEST = 20  # bases: what remains of a pair of primers bound to each other


@dataclass(frozen=True, kw_only=True)
class Trimmed:
    """What goes on, in one file or in two of mates."""

    files: tuple[Path, ...]
    fed: Fed
    left: int  # fragments that carried the primers, or all when there are none to cut


def trim(reads: Reads, primers: Primers, threads: int, work: Path) -> Trimmed:
    """Raises `BadInput` where a record is wrong, or when there are none."""
    names = ("trimmed_1.fastq", "trimmed_2.fastq") if reads.paired else ("trimmed.fastq",)
    files = tuple(work / name for name in names)
    others = tuple(work / f"other_way_{name}" for name in names) if primers.mixed and reads.paired else ()
    told = work / "cutadapt.json"
    first = cutadapt(primers, files, others, told, threads)
    fed = run_chain([first], work, lambda write: feed_counted(reads, write))
    left = _written(told)
    if others:
        turned = tuple(work / f"turned_{name}" for name in names)
        exchanged = Primers(forward=primers.reverse, reverse=primers.forward)
        second = cutadapt(exchanged, turned, (), told, threads, source=others)
        run_program(second, work)
        left += _written(told)
        # The mates of a fragment that lies the other way round change places.
        for path, more in zip(files, reversed(turned), strict=True):
            with path.open("ab") as out, more.open("rb") as read:
                shutil.copyfileobj(read, out)
    return Trimmed(files=files, fed=fed, left=left)


def feed_counted(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    fed = feed(reads, write)
    if not fed.fragments:
        raise BadInput("the upload has no read with bases in it; upload the FASTQ files of the sequencer")
    return fed


def cutadapt(
    primers: Primers,
    files: tuple[Path, ...],
    others: tuple[Path, ...],
    told: Path,
    threads: int,
    source: tuple[Path, ...] = (),
) -> Program:
    """`others` takes the pairs without primers; without it they are dropped. No `source`: standard input."""
    paired = len(files) == 2
    command: list[str | Path] = ["cutadapt", "--cores", str(threads), "--json", told]
    command += ["--minimum-length", str(SHORTEST), "--error-rate", str(ERRORS)]
    command += ["--interleaved"] if paired and not source else []
    command += ["--revcomp"] if primers.mixed and not paired else []
    command += adapters("-g", primers.forward, primers.reverse, whole=primers.whole)
    if paired:
        command += adapters("-G", primers.reverse, primers.forward)
    if primers.any:
        # Of a pair, both mates must have their primer; where only one primer is known, that one.
        command += ["--pair-filter", "any" if primers.forward and primers.reverse else "both"] * paired
        if others:
            command += ["--untrimmed-output", others[0], "--untrimmed-paired-output", others[1]]
        else:
            command += ["--discard-untrimmed"]
    command += ["--output", files[0]]
    command += ["--paired-output", files[1]] if paired else []
    return Program(name="cutadapt", command=[*command, *(source or ("-",))])


def adapters(option: str, near: Primer | None, far: Primer | None, *, whole: bool = False) -> list[str]:
    """cutadapt's words for a primer at a read's begin and, where the read gets there, the other at its
    end.
    """
    if near is None:
        return []
    begin = f"{near.sequence};min_overlap={len(near.sequence) - _SHORTER}"
    if far is None:
        return [option, begin]
    end = f"{far.end};min_overlap={len(far.end) - _SHORTER};{'required' if whole else 'optional'}"
    return [option, f"{begin};required...{end}"]


def _written(told: Path) -> int:
    return int(json.loads(told.read_text())["read_counts"]["output"])
