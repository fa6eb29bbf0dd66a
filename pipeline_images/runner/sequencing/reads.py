"""Finds the reads of an upload: which files are reads, which are mates of each other, which are lanes.

Mates are told by `_R1`/`_R2` anywhere in the name (`sample_L001_R1_001.fastq.gz`) or by `_1`/`_2` at its end
(`sample_1.fq.gz`). All files of an upload are one sample: lanes are read one after the other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from programs.outcome import BadInput

_READS = re.compile(r"(?P<stem>.+)\.(?:fastq|fq)(?:\.gz)?", re.IGNORECASE | re.DOTALL)
_MATE = re.compile(r"(?P<head>.*[._-])R(?P<mate>[12])(?P<tail>(?:[._-].*)?)", re.IGNORECASE | re.DOTALL)
_MATE_AT_END = re.compile(r"(?P<head>.+[._-])(?P<mate>[12])(?P<tail>)", re.DOTALL)
_INDEX_READS = re.compile(r".*[._-]I[12](?:[._-].*)?", re.IGNORECASE | re.DOTALL)  # barcodes, not the sample
WANTED = "upload sample_R1.fastq.gz and sample_R2.fastq.gz (or one sample.fastq.gz for single-end reads)"
_NAMES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One file of single reads, or two files of mates in the same order."""

    read1: Path
    read2: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.read1,) if self.read2 is None else (self.read1, self.read2)


@dataclass(frozen=True, kw_only=True)
class Reads:
    lanes: tuple[Lane, ...]
    folder: Path

    @property
    def paired(self) -> bool:
        return self.lanes[0].read2 is not None

    @property
    def unit(self) -> str:
        """What is counted: a pair is one fragment of DNA."""
        return "pairs" if self.paired else "reads"

    @property
    def names(self) -> list[str]:
        return [str(path.relative_to(self.folder)) for lane in self.lanes for path in lane.files]


def find_reads(folder: Path) -> Reads:
    """The reads below a folder. Raises `BadInput` when there are none, or when mates do not match up."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _litter(path, folder))
    reads = [
        path for path in files if _READS.fullmatch(path.name) and not _INDEX_READS.fullmatch(_stem(path))
    ]
    if not reads:
        raise BadInput(f"the upload has no reads inside: {_found(files, folder)}; {WANTED}")
    mates: dict[tuple[Path, str, str], dict[int, Path]] = {}
    single: list[Path] = []
    for path in reads:
        match = _MATE.fullmatch(_stem(path)) or _MATE_AT_END.fullmatch(_stem(path))
        if match is None:
            single.append(path)
            continue
        key = (path.parent, match["head"].casefold(), match["tail"].casefold())
        mate = int(match["mate"])
        twin = mates.setdefault(key, {}).setdefault(mate, path)
        if twin != path:
            names = f"{twin.relative_to(folder)} and {path.relative_to(folder)}"
            raise BadInput(f"the upload has the same reads twice: {names}; leave one of the two out")
    for found in mates.values():
        if len(found) == 1:
            ((mate, path),) = found.items()
            raise BadInput(
                f"one mate is missing: {path.relative_to(folder)} has no {_other_mate(path, mate)} beside "
                "it; "
                "upload both files of each pair, or name single-end reads without _R1 or _1"
            )
    if mates and single:
        raise BadInput(
            f"the upload mixes pairs with single reads ({_names(single, folder)}); "
            "upload either the pairs or the single reads of a sample"
        )
    pairs = (Lane(read1=found[1], read2=found[2]) for found in mates.values())
    return Reads(lanes=tuple(pairs) or tuple(Lane(read1=path) for path in single), folder=folder)


def _litter(path: Path, folder: Path) -> bool:
    """What macOS and editors leave in archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)


def _stem(path: Path) -> str:
    match = _READS.fullmatch(path.name)
    return match["stem"] if match else path.name


def _other_mate(path: Path, mate: int) -> str:
    match = _MATE.fullmatch(_stem(path)) or _MATE_AT_END.fullmatch(_stem(path))
    assert match is not None
    at = match.start("mate")
    return path.name[:at] + str(3 - mate) + path.name[at + 1 :]


def _found(files: list[Path], folder: Path) -> str:
    return f"it holds {_names(files, folder)}" if files else "it is empty"


def _names(files: Iterable[Path], folder: Path) -> str:
    names = [str(path.relative_to(folder)) for path in files]
    more = f" and {len(names) - _NAMES_SHOWN} more files" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
