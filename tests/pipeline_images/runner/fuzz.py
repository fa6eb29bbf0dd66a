"""Mutates archives at random; looks for files outside DEST and archives accepted with reads missing.

    python -m tests.pipeline_images.runner.fuzz --mutations 100000 --seed 1 --json fuzz.json

Each byte of a mutated archive remembers the byte of the original it came from. When an archive is accepted,
every file of the original must lie in DEST as its bytes now stand, unless nothing of that file is left in the
archive (a removed member is a shorter, whole archive: no reader can know).
"""

import argparse
import json
import random
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

if __package__ and "runner" not in sys.modules:  # run as a program, not under pytest
    sys.path.append(str(Path(__file__).parents[3] / "pipeline_images" / "runner"))

from tests.pipeline_images.runner.corpus import BLOCK, END, GNU, file, folder, gnu_long, pax, reads, seal
from tests.pipeline_images.runner.sandbox import Sandbox

NEW = -1  # the origin of a byte that was not in the original


@dataclass(frozen=True)
class Part:
    """A file of a seed archive: where its header (with long names) and its contents lie."""

    name: str
    start: int
    body: int
    size: int


@dataclass
class Archive:
    """Bytes, and for each the offset it had in the seed."""

    data: bytearray
    origin: "array[int]"

    def splice(self, start: int, end: int, data: bytes, origin: "array[int]") -> None:
        self.data[start:end] = data
        self.origin[start:end] = origin


@dataclass(kw_only=True)
class Result:
    seed: int
    mutations: int = 0
    refused: int = 0
    accepted: int = 0
    outside: int = 0
    incomplete: int = 0
    crashed: int = 0
    seconds: float = 0.0
    by_kind: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def seeds() -> list[tuple[bytes, list[Part]]]:
    """Archives as branches make them. No two sizes are alike modulo a block, or a cut could go unseen."""
    made = []
    for variant in range(4):
        data, parts = b"", []
        if variant == 1:
            data += folder("s1/")
        for n, size in enumerate((1501, 3002, 777, 2304 + 11 * variant)):
            name = f"s1/R{n}_{'n' * (120 if variant in (2, 3) else 5)}.fastq"
            start = len(data)
            body = reads(10 * variant + n, size)
            if variant == 2:
                data += gnu_long(name.encode())
            elif variant == 3:
                data += pax({"path": name, "mtime": "1760000000.25"})
            how = {"magic": GNU} if variant == 2 else {}
            member = file(name[:100], body, **how)
            parts.append(Part(name, start, len(data) + BLOCK, size))
            data += member
        made.append((data + END + bytes(BLOCK * 3 * variant), parts))
    return made


Mutation = Callable[[Archive, random.Random], None]


def _flip(a: Archive, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        a.data[rng.randrange(len(a.data))] ^= 1 << rng.randrange(8)


def _flip_in_header(a: Archive, rng: random.Random) -> None:
    at = rng.randrange(0, max(1, len(a.data) - BLOCK), BLOCK)
    for _ in range(rng.choice((1, 2, 2, 3))):
        a.data[rng.randrange(at, min(at + BLOCK, len(a.data)))] = rng.choice(b"\0 01237/.8x\xff")


def _edit_and_seal(a: Archive, rng: random.Random) -> None:
    """A header changed by somebody who knows the format: its checksum is right again."""
    headers = [at for at in range(0, len(a.data) - BLOCK, BLOCK) if a.data[at + 257 : at + 262] == b"ustar"]
    if not headers:
        return
    at = rng.choice(headers)
    block = bytearray(a.data[at : at + BLOCK])
    field_ = rng.choice(((0, 100), (124, 136), (156, 157), (157, 257), (257, 265), (345, 500)))
    for _ in range(rng.choice((1, 1, 2, 4))):
        block[rng.randrange(*field_)] = rng.choice(b"\0 012345670/.-x\x80\xff25gLxKS\n\x1b")
    a.data[at : at + BLOCK] = seal(block)


def _swap_digits(a: Archive, rng: random.Random) -> None:
    """Two digits of a size change places: the checksum stays right."""
    headers = [at for at in range(0, len(a.data) - BLOCK, BLOCK) if a.data[at + 257 : at + 262] == b"ustar"]
    if headers:
        at = rng.choice(headers) + 124
        i, j = rng.sample(range(11), 2)
        a.data[at + i], a.data[at + j] = a.data[at + j], a.data[at + i]


def _span(a: Archive, rng: random.Random) -> tuple[int, int]:
    unit = rng.choice((1, BLOCK))
    blocks = max(1, len(a.data) // unit)
    start = rng.randrange(blocks) * unit
    return start, min(len(a.data), start + unit * rng.randint(1, max(1, min(blocks, 4000 // unit))))


def _remove(a: Archive, rng: random.Random) -> None:
    start, end = _span(a, rng)
    a.splice(start, end, b"", array("l"))


def _insert(a: Archive, rng: random.Random) -> None:
    at = rng.randrange(len(a.data))
    at -= at % rng.choice((1, BLOCK))
    new = rng.choice((bytes, rng.randbytes))(rng.choice((1, 100, BLOCK, 3 * BLOCK)))
    a.splice(at, at, new, array("l", [NEW]) * len(new))


def _repeat(a: Archive, rng: random.Random) -> None:
    start, end = _span(a, rng)
    a.splice(end, end, bytes(a.data[start:end]), a.origin[start:end])


def _move(a: Archive, rng: random.Random) -> None:
    start, end = _span(a, rng)
    data, origin = bytes(a.data[start:end]), a.origin[start:end]
    a.splice(start, end, b"", array("l"))
    at = rng.randrange(len(a.data) + 1)
    at -= at % rng.choice((1, BLOCK))
    a.splice(at, at, data, origin)


def _zero(a: Archive, rng: random.Random) -> None:
    start, end = _span(a, rng)
    a.data[start:end] = bytes(end - start)


def _zero_tail(a: Archive, rng: random.Random) -> None:
    start, _ = _span(a, rng)
    a.data[start:] = bytes(len(a.data) - start)


def _cut(a: Archive, rng: random.Random) -> None:
    start, _ = _span(a, rng)
    a.splice(start, len(a.data), b"", array("l"))


def _cut_and_end(a: Archive, rng: random.Random) -> None:
    _cut(a, rng)
    tail = bytes(-len(a.data) % BLOCK) + END
    a.splice(len(a.data), len(a.data), tail, array("l", [NEW]) * len(tail))


KINDS: dict[str, Mutation] = {
    "bits flipped": _flip,
    "bytes of a header changed": _flip_in_header,
    "header edited, checksum right": _edit_and_seal,
    "digits of a size swapped": _swap_digits,
    "span removed": _remove,
    "span inserted": _insert,
    "span repeated": _repeat,
    "span moved": _move,
    "span zeroed": _zero,
    "tail zeroed": _zero_tail,
    "cut": _cut,
    "cut and ended": _cut_and_end,
}


def campaign(*, mutations: int, seed: int, show: Callable[[str], None] = lambda _: None) -> Result:
    """Mutate, stage, judge. The same seed gives the same mutations."""
    result, counts, began = Result(seed=seed), {kind: Counter[str]() for kind in KINDS}, time.monotonic()
    originals = seeds()
    with Sandbox() as sandbox:
        for number in range(mutations):
            rng = random.Random(f"{seed}/{number}")
            data, parts = rng.choice(originals)
            archive = Archive(bytearray(data), array("l", range(len(data))))
            kinds = rng.choices(list(KINDS), k=rng.choice((1, 1, 1, 2)))
            for kind in kinds:
                if archive.data:
                    KINDS[kind](archive, rng)
            what = _judge(sandbox, archive, data, parts, kinds)
            counts[kinds[0]][what] += 1
            setattr(result, what, getattr(result, what) + 1)
            if what not in ("refused", "accepted"):
                result.faults.append(f"mutation {seed}/{number} ({', '.join(kinds)}): {what}")
            result.mutations += 1
            if number % 500 == 0:
                show(f"\r{number:,} of {mutations:,} mutations, {len(result.faults)} faults")
    result.by_kind = {kind: dict(count) for kind, count in counts.items()}
    result.seconds = round(time.monotonic() - began, 1)
    return result


def _judge(sandbox: Sandbox, archive: Archive, seed: bytes, parts: list[Part], kinds: list[str]) -> str:
    try:
        seen = sandbox.stage(bytes(archive.data))
    except Exception as error:  # a crash would be told as a failure, and tried again for nothing
        print(f"{kinds}: {error!r}", file=sys.stderr)
        return "crashed"
    if seen.strays:
        return "outside"
    if seen.files is None:
        return "refused"
    # A header edited with its checksum made right is another archive: only its safety can be judged.
    if "header edited, checksum right" in kinds:
        return "accepted"
    staged = list(seen.files.values())
    fates = [_fate(archive, seed, part, staged) for part in parts]
    cut_and_filled = "gone" in fates and "ends in zeros" in fates
    return "incomplete" if "partly there" in fates or cut_and_filled else "accepted"


def _fate(archive: Archive, seed: bytes, part: Part, staged: list[bytes]) -> str:
    """What became of a file: gone with its header, in DEST as its bytes now stand, or there in part."""
    left = any(
        byte and part.body - BLOCK <= origin < part.body + part.size and seed[origin]
        for byte, origin in zip(archive.data, archive.origin, strict=True)
    )
    if not left:
        return "gone"
    # All of its contents must stand together, if not in order: damage within contents is for gzip's checksum
    # to find.
    own = {n for n, origin in enumerate(archive.origin) if part.body <= origin < part.body + part.size}
    for first in (n for n in own if n - 1 not in own or archive.origin[n] == part.body):
        now = bytes(archive.data[first : first + part.size])
        if now in staged and own.issuperset(range(first, first + part.size)):
            return "whole" if now[-1] else "ends in zeros"
    return "whole" if _damaged_within(archive, part, staged) else "partly there"


def _damaged_within(archive: Archive, part: Part, staged: list[bytes]) -> bool:
    """Whether the file stands behind its header at full length, with nothing of another file in it."""
    try:
        body = archive.origin.index(part.body - BLOCK) + BLOCK
    except ValueError:
        return False
    origins = set(archive.origin[body : body + part.size])
    end = part.body + part.size + -part.size % BLOCK
    is_own = all(origin == NEW or part.body <= origin < end for origin in origins)
    return is_own and bytes(archive.data[body : body + part.size]) in staged


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutates archives at random and stages them.")
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the counts here as well")
    arguments = parser.parse_args()

    def show(line: str) -> None:
        if sys.stderr.isatty():
            print(line, end="", file=sys.stderr, flush=True)

    result = campaign(mutations=arguments.mutations, seed=arguments.seed, show=show)
    print(
        f"\n{'first mutation':32}{'refused':>9}{'accepted':>9}{'outside':>9}{'incomplete':>11}{'crashed':>9}"
    )
    columns = (("refused", 9), ("accepted", 9), ("outside", 9), ("incomplete", 11), ("crashed", 9))
    for kind, count in result.by_kind.items():
        print(f"{kind:32}" + "".join(f"{count.get(name, 0):>{width},}" for name, width in columns))
    print(f"{'all':32}" + "".join(f"{getattr(result, name):>{width},}" for name, width in columns))
    print(f"{result.mutations:,} mutations of seed {result.seed} in {result.seconds} s")
    print(*result.faults[:20], sep="\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(result), indent=1) + "\n")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
