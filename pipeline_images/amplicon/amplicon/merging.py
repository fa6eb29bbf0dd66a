"""Pairs become one sequence each, poor ones go, equal ones are counted: vsearch, three times in a chain.

Mates that do not overlap cannot be merged. Where that is so for most of a sample, its forward reads are
used alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_chain
from programs.outcome import BadInput, Failed

from amplicon.trimming import Trimmed

MOST_ERRORS = 1.0  # expected in a sequence: more, and it is more likely wrong than right
SHORTEST = 50  # bases
LEAST_MERGED = 0.2
_MOST_QUALITY = "93"  # PacBio's; vsearch stops at qualities above what it is told
# Long overlaps of poor ends differ much and are right: the better base is taken, the filter sees the rest.
_MERGING = ("--fastq_allowmergestagger", "--fastq_maxdiffs", "40", "--fastq_maxdiffpct", "20")


@dataclass(frozen=True, kw_only=True)
class Uniques:
    """Different sequences with their counts, as vsearch writes them (`;size=`)."""

    file: Path
    merged: int | None  # pairs; None: there was nothing to merge
    forward_only: bool  # of pairs that do not overlap
    filtered: int  # sequences left
    different: int


def merge(trimmed: Trimmed, threads: int, work: Path, unit: str, *, whole: bool) -> Uniques:
    """`whole`: single reads go from one end of the amplicon to the other. Raises `BadInput` when none is
    left.
    """
    found = _uniques(trimmed.files, threads, work, prefixes=len(trimmed.files) == 1 and not whole)
    if found.merged is not None and found.merged < LEAST_MERGED * trimmed.left:
        forward = _uniques(trimmed.files[:1], threads, work, prefixes=True)
        found = Uniques(
            file=forward.file,
            merged=found.merged,
            forward_only=True,
            filtered=forward.filtered,
            different=forward.different,
        )
    if not found.filtered:
        raise BadInput(
            f"no read is left after filtering: of {trimmed.left:,} {unit} all are too short (under "
            f"{SHORTEST} bases) or of poor quality (more than {MOST_ERRORS:g} expected error); check the "
            "sequencing run, and upload reads of good quality"
        )
    return found


def _uniques(files: tuple[Path, ...], threads: int, work: Path, *, prefixes: bool) -> Uniques:
    out = work / "uniques.fasta"
    programs = [_filter("-"), _dereplicate(out, prefixes=prefixes)]
    if len(files) == 2:
        programs.insert(0, _merge(files, threads))
    else:
        programs[0] = _filter(files[0])
    run_chain(programs, work, lambda _: None)
    return Uniques(
        file=out,
        merged=_number(work / "merge.log", r"(\d+)\s+Merged") if len(files) == 2 else None,
        forward_only=False,
        filtered=_number(work / "filter.log", r"(\d+) sequences kept"),
        different=_number(work / "dereplicate.log", r"(\d+) unique sequences"),
    )


def _merge(files: tuple[Path, ...], threads: int) -> Program:
    command: list[str | Path] = ["vsearch", "--fastq_mergepairs", files[0], "--reverse", files[1]]
    command += [*_MERGING, "--fastq_qmax", _MOST_QUALITY, "--threads", str(threads), "--fastqout", "-"]
    return Program(name="merge", command=command)


def _filter(source: str | Path) -> Program:
    command: list[str | Path] = ["vsearch", "--fastq_filter", source, "--fastq_maxee", str(MOST_ERRORS)]
    command += ["--fastq_maxns", "0", "--fastq_minlen", str(SHORTEST), "--fastq_qmax", _MOST_QUALITY]
    return Program(name="filter", command=[*command, "--fastaout", "-"])


def _dereplicate(out: Path, *, prefixes: bool) -> Program:
    """Reads of one direction end where the sequencer stopped: a shorter one counts as its longer equal."""
    how = "--derep_prefix" if prefixes else "--derep_fulllength"
    command: list[str | Path] = [
        "vsearch",
        how,
        "-",
        "--sizeout",
        "--fasta_width",
        "0",
        "--relabel",
        "u",
        "--output",
        out,
    ]
    return Program(name="dereplicate", command=command)


def _number(log: Path, pattern: str) -> int:
    found = re.search(pattern, log.read_text(errors="replace"))
    if found is None:
        raise Failed(f"vsearch did not say what its step {log.stem} did: {pattern!r} is not in its words")
    return int(found.group(1))
