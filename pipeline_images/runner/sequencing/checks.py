"""Feeds the checked reads of a sample to the first tool, mates one after the other (interleaved).

Both files of a pair are read in step, so that files of different samples, or of different length, are found.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from programs.outcome import BadInput
from programs.use import count

from sequencing.fastq import FastqFile, Record
from sequencing.reads import Lane, Reads

_BLOCK = 2_000  # records written at once
_SEPARATORS = b"/._:-"


@dataclass(frozen=True, kw_only=True)
class Fed:
    """What went into the first tool."""

    fragments: int  # pairs, or single reads
    without_bases: int  # left out: one of the mates is empty


def feed(reads: Reads, write: Callable[[bytes], object]) -> Fed:
    """Write every read of every lane. Raises `BadInput`."""
    fragments = without_bases = 0
    block: list[bytes] = []
    for fragment in fragments_of(reads):
        if not fragment:
            without_bases += 1
            continue
        block.append(fragment)
        fragments += 1
        if len(block) == _BLOCK:
            write(b"".join(block))
            block.clear()
    write(b"".join(block))
    count(fragments)
    return Fed(fragments=fragments, without_bases=without_bases)


def fragments_of(reads: Reads) -> Iterator[bytes]:
    """The records of each fragment: four lines, eight of a pair, none without bases. Raises `BadInput`."""
    for lane in reads.lanes:
        yield from _paired(lane, reads) if reads.paired else _single(lane, reads)


def _single(lane: Lane, reads: Reads) -> Iterator[bytes]:
    for _, lines in FastqFile(lane.read1, str(lane.read1.relative_to(reads.folder))).records():
        yield lines


def _paired(lane: Lane, reads: Reads) -> Iterator[bytes]:
    one, two = (FastqFile(path, str(path.relative_to(reads.folder))) for path in lane.files)
    nothing: Record = (b"", b"")
    for (head1, lines1), (head2, lines2) in zip_longest(one.records(), two.records(), fillvalue=nothing):
        if not (head1 and head2):
            # The longer one is read to its end, so that the sentence can tell both numbers.
            longer = one if head1 else two
            shorter = two if head1 else one
            number = sum(1 for _ in FastqFile(longer.path, longer.shown).records())
            raise BadInput(
                f"the mates do not match: {longer.shown} has {number:,} reads and {shorter.shown} "
                f"{shorter.count:,}; "
                "upload both files of one sequencing run, whole"
            )
        name1, name2 = head1.split(None, 1)[0], head2.split(None, 1)[0]
        if name1 != name2:
            if not _are_mates(name1, name2):
                raise BadInput(
                    f"the mates do not match: read {one.count:,} is called {_text(name1)} in {one.shown} and "
                    f"{_text(name2)} in {two.shown}; upload both files of one sequencing run, in the same "
                    "order"
                )
            if name1[-2:-1] != b"/":  # minimap2 knows mates of different names only by /1 and /2
                lines1, lines2 = _renamed(lines1, name1), _renamed(lines2, name2)
        yield lines1 + lines2 if lines1 and lines2 else b""


def _are_mates(name1: bytes, name2: bytes) -> bool:
    return (
        name1[:-1] == name2[:-1]
        and name1[-1:] == b"1"
        and name2[-1:] == b"2"
        and len(name1) > 2
        and name1[-2] in _SEPARATORS
    )


def _renamed(lines: bytes, name: bytes) -> bytes:
    return name[:-2] + b"/" + name[-1:] + lines[len(name) :] if lines else lines


def _text(name: bytes) -> str:
    return name[:80].decode("ascii", "replace")
