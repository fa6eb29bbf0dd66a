"""Reads and writes FASTA."""

import gzip
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast


def read_fasta(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, sequence) of a FASTA that may be compressed."""
    name, lines = "", list[str]()
    with _open(path) as text:
        for line in text:
            if line.startswith(">"):
                if lines:
                    yield name, "".join(lines).upper()
                name, lines = (line[1:].split() or ["unnamed"])[0], []
            else:
                lines.append(line.strip())
    if lines:
        yield name, "".join(lines).upper()


def write_fasta(path: Path, sequences: Iterable[tuple[str, str]]) -> None:
    with path.open("w") as out:
        for name, sequence in sequences:
            out.write(f">{name}\n")
            out.writelines(sequence[at : at + 80] + "\n" for at in range(0, len(sequence), 80))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return cast(IO[str], gzip.open(path, "rt"))
    if path.suffix == ".xz":
        return lzma.open(path, "rt")
    return path.open()
