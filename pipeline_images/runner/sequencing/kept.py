"""Which part of an upload's reads is left after cleaning, as a table of a few bytes a thousand reads.

Cleaning leaves reads out (too poor, the host's) and cuts others at their end. So the clean reads are the
uploaded ones and two numbers a pair: how many bases of each are kept. A pipeline publishes these numbers, and
one that follows it makes the very same clean reads of them again, without the host's reference and without
anybody keeping reads twice.

The table is gzip text: a line for each fragment, in the order of the upload, with a number for each of its
reads; a fragment that was left out has zeros.
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from programs.outcome import BAD_SETTINGS, Failed

from sequencing.checks import Fed, fragments_of
from sequencing.reads import Reads

KEPT = "reads/kept.tsv.gz"  # below a pipeline's results
_BLOCK = 4_000  # fragments written at once
# Tools in between speak BAM: it knows upper case, T for U, and N for what is no base.
_AS_BAM = bytes.maketrans(b"acgturyswkmbdhvnU.-", b"ACGTTRYSWKMBDHVNTNN")

Read = tuple[bytes, bytes]  # name and bases


def write_kept(reads: Reads, clean: Sequence[Path], table: Path) -> None:
    """Compare the clean reads (FASTQ, one file for each mate) with the upload's, which keep their order.

    Raises `Failed` when they are not the upload's reads, each whole or cut at its end.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(table, "wb", compresslevel=6) as out, ExitStack() as files:
        waiting = _fragments(clean, files)
        wanted = next(waiting, None)
        block: list[bytes] = []
        for fragment in fragments_of(reads):
            left = _left(fragment, wanted, mates=len(clean)) if wanted is not None else None
            if left is None:
                block.append(b"\t".join([b"0"] * len(clean)))
            else:
                block.append(b"\t".join(b"%d" % bases for bases in left))
                wanted = next(waiting, None)
            if len(block) == _BLOCK:
                out.write(b"\n".join(block) + b"\n")
                block.clear()
        out.write(b"".join(line + b"\n" for line in block))
    if wanted is not None:
        raise Failed(f"the clean read {wanted[0][0][:80].decode('ascii', 'replace')} is none of the upload's")


def feed_kept(reads: Reads, table: Path | None, write: Callable[[bytes], object]) -> Fed:
    """Write the clean reads, mates one after the other; all reads when there is no table.

    Raises `BadInput`, or `Failed` (78) when the table is of other reads.
    """
    fragments = without_bases = 0
    block: list[bytes] = []
    for record in _clean(reads, table):
        if not record:
            without_bases += 1
            continue
        block.append(record)
        fragments += 1
        if len(block) == _BLOCK:
            write(b"".join(block))
            block.clear()
    write(b"".join(block))
    return Fed(fragments=fragments, without_bases=without_bases)


def _clean(reads: Reads, table: Path | None) -> Iterator[bytes]:
    if table is None:
        yield from fragments_of(reads)
        return
    other = f"{table} is of other reads than {', '.join(reads.names)}"
    with gzip.open(table, "rb") as lines:
        for number, (fragment, line) in enumerate(zip_longest(fragments_of(reads), lines), start=1):
            if fragment is None or line is None:
                raise Failed(f"{other}: one of them ends at fragment {number:,}", BAD_SETTINGS)
            try:
                kept = [int(word) for word in line.split()]
                yield b"".join(_cut(fragment, kept)) if any(kept) else b""
            except ValueError as error:
                raise Failed(f"{other}: line {number:,} is {line[:80]!r} ({error})", BAD_SETTINGS) from error


def _cut(fragment: bytes, kept: list[int]) -> Iterator[bytes]:
    lines = fragment.split(b"\n")
    if len(lines) != 4 * len(kept) + 1:
        raise ValueError("as many numbers as reads")
    for mate, bases in enumerate(kept):
        head, sequence, plus, quality = lines[4 * mate : 4 * mate + 4]
        if not 0 < bases <= len(sequence):
            raise ValueError(f"the read has {len(sequence)} bases")
        yield b"%b\n%b\n%b\n%b\n" % (head, sequence[:bases], plus, quality[:bases])


def _fragments(clean: Sequence[Path], files: ExitStack) -> Iterator[list[Read]]:
    opened = [files.enter_context(path.open("rb", buffering=1 << 20)) for path in clean]
    per_mate = [zip(lines, lines, lines, lines, strict=False) for lines in opened]
    for records in zip(*per_mate, strict=True):
        yield [(_name(head), _as_bam(bases.strip())) for head, bases, _, _ in records]


def _left(fragment: bytes, wanted: list[Read], *, mates: int) -> list[int] | None:
    """The bases kept of each read, if the wanted clean fragment is this one."""
    if not fragment:
        return None
    lines = fragment.split(b"\n", 4 * mates)
    left = []
    for mate, (name, bases) in enumerate(wanted):
        if _name(lines[4 * mate]) != name or not _as_bam(lines[4 * mate + 1]).startswith(bases):
            return None
        left.append(len(bases))
    return left


def _name(head: bytes) -> bytes:
    name = head.split(None, 1)[0]
    return name[:-2] if name[-2:] in (b"/1", b"/2") else name


def _as_bam(bases: bytes) -> bytes:
    return bases.translate(_AS_BAM)
