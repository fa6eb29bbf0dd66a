"""Which part of an upload's reads is left after cleaning, as a table of a few bytes a thousand reads.

Cleaning leaves reads out (too poor, the host's) and cuts others at their end. So the clean reads are the
uploaded ones and two numbers a pair: how many bases of each are kept. A pipeline publishes these numbers, and
one that follows it makes the very same clean reads of them again, without the host's reference and without
anybody keeping reads twice.

The table is gzip text: a line for each fragment, in the order of the upload, with a number for each of its
reads; a fragment that was left out has zeros.

Clean reads come as a stream, on their way to the next tool: what is needed of them is noted while they pass.
"""

import gzip
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import BinaryIO

from programs.outcome import BAD_SETTINGS, Failed
from programs.use import count

from sequencing.checks import Fed, fragments_of
from sequencing.reads import Reads

KEPT = "reads/kept.tsv.gz"  # below a pipeline's results
# Tools give reads back in any order (fastp's threads overtake each other), so each carries its number, as a
# tag that SAM knows too.
TAG = "fn"
_TAG = TAG.encode() + b":i:"
_BLOCK = 4_000  # fragments written at once
_BLOCK_BYTES = 1 << 20
_ROWS, _FIRST = "lengths", "first"
_LOOKED_AT = 2_000  # fragments whose clean bases are compared with the upload's
# Tools in between speak BAM: it knows upper case, T for U, and N for what is no base.
_AS_BAM = bytes.maketrans(b"acgturyswkmbdhvnU.-", b"ACGTTRYSWKMBDHVNTNN")


def feed_numbered(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    """Write every read of every lane, the fragment's number behind its name. Raises `BadInput`."""
    return _feed((_numbered(each, number) for number, each in enumerate(fragments_of(reads))), write)


def pass_clean(
    source: BinaryIO, write: Callable[[bytes], object], mates: int, notes: Path
) -> Iterator[list[bytes]]:
    """Write on what comes from `source`, numbered FASTQ records with mates one after the other.

    Yields the bases of each block's reads, and notes in the folder `notes` what `write_kept` needs. Raises
    `Failed` when mates do not come together: then no table can stand for them.
    """
    notes.mkdir(exist_ok=True)
    rest = b""
    with (notes / _ROWS).open("wb") as rows, (notes / _FIRST).open("wb") as first:
        while block := source.read(_BLOCK_BYTES):
            lines = (rest + block).split(b"\n")
            whole = (len(lines) - 1) // (4 * mates) * 4 * mates
            rest = b"\n".join(lines[whole:])
            del lines[whole:]
            if lines:
                write(b"\n".join(lines) + b"\n")
            bases = lines[1::4]
            numbers = [_number(head) for head in lines[::4]]
            _note(numbers, bases, mates, rows)
            for number, sequence in zip(numbers, bases, strict=True):
                if number < _LOOKED_AT:
                    first.write(b"%d %b\n" % (number, sequence))
            yield bases
    if rest:
        raise Failed("the clean reads end in the middle of a fragment")


def write_kept(reads: Reads, fragments: int, notes: Path, table: Path) -> None:
    """Write the table of what `pass_clean` noted in the folder `notes`.

    `fragments` is how many the upload has. Raises `Failed` when a clean read is not the beginning of the
    upload's: then no table can stand for them.
    """
    mates = 2 if reads.paired else 1
    _compare(reads, mates, notes / _FIRST)
    kept = _lengths(notes / _ROWS, mates, fragments)
    table.parent.mkdir(parents=True, exist_ok=True)
    line = cache(lambda row: "\t".join(map(str, row)) + "\n")  # most reads are as long as their neighbours
    with gzip.open(table, "wb", compresslevel=6) as out:
        for start in range(0, fragments, _BLOCK):
            rows = zip(*(bases[start : start + _BLOCK] for bases in kept), strict=True)
            out.write("".join(map(line, rows)).encode())


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
    count(fed)
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


def _number(head: bytes) -> int:
    _, tag, number = head.rpartition(_TAG)
    if not (tag and number.isdigit()):
        raise Failed(f"the clean read {_text(head)} has lost its number")
    return int(number)


def _note(numbers: Sequence[int], bases: Sequence[bytes], mates: int, rows: BinaryIO) -> None:
    """A row for each fragment: its number, and how many bases of each of its reads are left."""
    columns = [numbers[::mates], *([*map(len, bases[mate::mates])] for mate in range(mates))]
    for mate in range(1, mates):
        if numbers[mate::mates] != columns[0]:
            raise Failed("the clean reads' mates are not one behind the other")
    array("I", chain.from_iterable(zip(*columns, strict=True))).tofile(rows)


def _compare(reads: Reads, mates: int, first: Path) -> None:
    """Of the upload's first fragments, whether what is left is the beginning of what was there."""
    there = [each.split(b"\n")[1::4] if each else [] for each in islice(fragments_of(reads), _LOOKED_AT)]
    with first.open("rb") as lines:
        for place, line in enumerate(lines):
            number, _, bases = line.strip().partition(b" ")
            mate, at = place % mates, int(number)
            uploaded = there[at] if at < len(there) else []
            if len(uploaded) <= mate or not uploaded[mate].translate(_AS_BAM).startswith(bases):
                raise _other_reads(at)


def _lengths(rows: Path, mates: int, fragments: int) -> list["array[int]"]:
    """For each mate, the bases of every fragment of the upload; 0 of what was left out."""
    noted = array("I", rows.read_bytes())
    columns = [noted[column :: mates + 1] for column in range(mates + 1)]
    numbers = columns[0]
    if numbers and max(numbers) >= fragments:
        raise _other_reads(max(numbers))
    kept = []
    for column in columns[1:]:
        lengths = array("I", bytes(4 * fragments))
        for number, bases in zip(numbers, column, strict=True):
            lengths[number] = bases
        kept.append(lengths)
    return kept


def _other_reads(number: int) -> Failed:
    return Failed(f"the clean read number {number:,} is not the beginning of one of the upload's")


def _text(head: bytes) -> str:
    return head[:80].decode("ascii", "replace").strip()
