"""Which part of an upload's reads is left after cleaning, as a table of a few bytes a thousand reads.

Cleaning leaves reads out (too poor, the host's) and cuts others at their end. So the clean reads are the
uploaded ones and two numbers a pair: how many bases of each are kept. A pipeline publishes these numbers, and
one that follows it makes the very same clean reads of them again, without the host's reference and without
anybody keeping reads twice.

The table is gzip text: a line for each fragment, in the order of the upload, with a number for each of its
reads; a fragment that was left out has zeros.
"""

import gzip
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from programs.outcome import BAD_SETTINGS, Failed

from sequencing.checks import Fed, fragments_of
from sequencing.reads import Reads

KEPT = "reads/kept.tsv.gz"  # below a pipeline's results
# Tools give reads back in any order (fastp's threads overtake each other), so each carries its number, as a
# tag that SAM knows too.
TAG = "fn"
_TAG = TAG.encode() + b":i:"
_BLOCK = 4_000  # fragments written at once
_LOOKED_AT = 2_000  # fragments whose clean bases are compared with the upload's
# Tools in between speak BAM: it knows upper case, T for U, and N for what is no base.
_AS_BAM = bytes.maketrans(b"acgturyswkmbdhvnU.-", b"ACGTTRYSWKMBDHVNTNN")


def feed_numbered(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    """Write every read of every lane, the fragment's number behind its name. Raises `BadInput`."""
    return _feed((_numbered(each, number) for number, each in enumerate(fragments_of(reads))), write)


def write_kept(reads: Reads, fragments: int, clean: Sequence[Path], table: Path) -> None:
    """Write the table of what is left: `clean` are FASTQ files of numbered reads, one for each mate.

    `fragments` is how many the upload has. Raises `Failed` when a clean read is not the beginning of the
    upload's: then no table can stand for them.
    """
    kept = [_lengths(path, fragments, _first(reads, mate)) for mate, path in enumerate(clean)]
    table.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(table, "wb", compresslevel=6) as out:
        for start in range(0, fragments, _BLOCK):
            rows = zip(*(bases[start : start + _BLOCK] for bases in kept), strict=True)
            out.write("".join("\t".join(map(str, row)) + "\n" for row in rows).encode())


def feed_kept(reads: Reads, table: Path | None, write: Callable[[bytes], object]) -> Fed:
    """Write the clean reads, mates one after the other; all reads when there is no table.

    Raises `BadInput`, or `Failed` (78) when the table is of other reads.
    """
    return _feed(_clean(reads, table), write)


def _feed(fragments: Iterator[bytes], write: Callable[[bytes], object]) -> Fed:
    fed = without_bases = 0
    block: list[bytes] = []
    for record in fragments:
        if not record:
            without_bases += 1
            continue
        block.append(record)
        fed += 1
        if len(block) == _BLOCK:
            write(b"".join(block))
            block.clear()
    write(b"".join(block))
    return Fed(fragments=fed, without_bases=without_bases)


def _numbered(fragment: bytes, number: int) -> bytes:
    if not fragment:
        return fragment
    lines = fragment.split(b"\n")
    for at in range(0, len(lines) - 1, 4):
        lines[at] = b"%b %b%d" % (lines[at].split(None, 1)[0], _TAG, number)
    return b"\n".join(lines)


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


def _first(reads: Reads, mate: int) -> list[bytes]:
    """The bases of one mate of the upload's first fragments."""
    return [
        each.split(b"\n")[4 * mate + 1].translate(_AS_BAM) if each else b""
        for each in islice(fragments_of(reads), _LOOKED_AT)
    ]


def _lengths(clean: Path, fragments: int, first: Sequence[bytes]) -> "array[int]":
    """The bases of each numbered read in a file; 0 where there is none."""
    lengths = array("I", bytes(4 * fragments))
    with clean.open("rb", buffering=1 << 20) as lines:
        for head, line, _, _ in zip(lines, lines, lines, lines, strict=False):
            _, tag, number = head.rpartition(_TAG)
            place, bases = int(number) if tag else fragments, line.strip()
            if place >= fragments or (place < len(first) and not first[place].startswith(bases)):
                read = head[:80].decode("ascii", "replace").strip()
                raise Failed(f"the clean read {read} is not the beginning of one of the upload's")
            lengths[place] = len(bases)
    return lengths
