"""Archives of every hostile, damaged and odd family we know of, each with what must become of it."""

import gzip
import io
import random
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BLOCK = 512
END = bytes(2 * BLOCK)
USTAR, GNU = b"ustar\x0000", b"ustar  \0"


@dataclass(frozen=True, kw_only=True)
class Case:
    """`files`: what a right reading gives; None when the archive must be refused."""

    family: str
    name: str
    archive: bytes
    files: Mapping[str, bytes] | None = None


def reads(seed: int, size: int) -> bytes:
    """Text that looks like FASTQ: no zeros in it, no two stretches alike."""
    rng = random.Random(seed)
    out = bytearray()
    while len(out) < size:
        bases = "".join(rng.choices("ACGT", k=60))
        out += f"@read{rng.getrandbits(40)}\n{bases}\n+\n{'I' * 60}\n".encode()
    return bytes(out[:size])


def header(
    name: bytes,
    size: int = 0,
    kind: bytes = b"0",
    *,
    link: bytes = b"",
    magic: bytes = USTAR,
    prefix: bytes = b"",
    raw_size: bytes | None = None,
    raw_sum: bytes | None = None,
    mode: bytes = b"0000644\0",
) -> bytes:
    """One header block with a right checksum, unless another is asked for."""
    block = bytearray(BLOCK)
    block[0 : min(100, len(name))] = name[:100]
    block[100:108], block[108:116], block[116:124] = mode, b"0001750\0", b"0001750\0"
    block[124:136] = raw_size if raw_size is not None else b"%011o\0" % size
    block[136:148] = b"14720000000\0"
    block[156:157] = kind
    block[157 : 157 + len(link[:100])] = link[:100]
    block[257:265] = magic
    block[345 : 345 + len(prefix[:155])] = prefix[:155]
    return seal(block, raw_sum)


def seal(block: bytearray, raw_sum: bytes | None = None) -> bytes:
    block[148:156] = b" " * 8
    block[148:156] = raw_sum if raw_sum is not None else b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def file(name: bytes | str, data: bytes = b"", **how: bytes) -> bytes:
    raw = name.encode() if isinstance(name, str) else name
    return header(raw, len(data), **how) + padded(data)


def folder(name: str) -> bytes:
    return header(name.encode(), kind=b"5", mode=b"0000755\0")


def link(kind: bytes, name: str, target: str) -> bytes:
    return header(name.encode(), kind=kind, link=target.encode())


def pax(records: Mapping[str, str | bytes], kind: bytes = b"x") -> bytes:
    body = b""
    for key, value in records.items():
        raw = value.encode() if isinstance(value, str) else value
        rest = b" " + key.encode() + b"=" + raw + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length = len(str(length)) + len(rest)
        body += str(length).encode() + rest
    return file(b"PaxHeaders/x", body, kind=kind)


def gnu_long(name: bytes, kind: bytes = b"L") -> bytes:
    return file(b"././@LongLink", name + b"\0", kind=kind, magic=GNU)


R1, R2 = reads(1, 3001), reads(2, 2503)
GOOD = {"s1_R1.fastq": R1, "s1_R2.fastq": R2}
PAIR = [file(name, data) for name, data in GOOD.items()]
WHOLE = b"".join(PAIR) + END


def by_tarfile(files: Mapping[str, bytes], how: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=how) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1_760_000_000
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def cases() -> Iterator[Case]:
    """All of them; the same bytes each time."""
    for family, made in FAMILIES.items():
        for name, archive, *files in made():
            yield Case(family=family, name=name, archive=archive, files=files[0] if files else None)


def _traversal() -> Iterator[tuple]:  # type: ignore[type-arg]
    for name in (
        "../x",
        "..",
        "../../etc/cron.d/x",
        "a/../x",
        "a/../../x",
        "./../x",
        "a/b/../../../x",
        "a/..",
        "a//b",
    ):
        yield f"ustar {name}", file(name, b"evil") + END
        yield f"among good ones {name}", PAIR[0] + file(name, b"evil") + PAIR[1] + END
    for name in ("../x", "a/../../x", "/x"):
        yield f"pax {name}", pax({"path": name}) + file("fine", b"evil") + END
        yield f"gnu {name}", gnu_long(name.encode()) + file("fine", b"evil", magic=GNU) + END
    yield "prefix", file(b"x", b"evil", prefix=b"..") + END
    yield "prefix in the middle", file(b"x", b"evil", prefix=b"a/../..") + END
    yield "a folder", folder("../x/") + PAIR[0] + END
    yield "dot in the middle", file("a/./b", b"x") + END


def _absolute() -> Iterator[tuple]:  # type: ignore[type-arg]
    for name in ("/x", "/etc/passwd", "//x", "/tmp/../x", "/"):
        yield f"file {name}", file(name, b"evil") + END
        yield f"folder {name}", folder(name) + PAIR[0] + END
    yield "prefix", file(b"x", b"evil", prefix=b"/tmp") + END
    yield "pax", pax({"path": "/tmp/x"}) + file("x", b"evil") + END


def _links(kind: bytes, pairs: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for name, target in pairs:
        yield f"{name} to {target} alone", link(kind, name, target) + END
        yield f"{name} to {target} first", link(kind, name, target) + b"".join(PAIR) + END
        yield f"{name} to {target} last", b"".join(PAIR) + link(kind, name, target) + END
        yield f"write through {name} to {target}", link(kind, name, target) + file(f"{name}/x", b"evil") + END


def _absolute_symlink() -> Iterator[tuple[str, bytes]]:
    yield from _links(b"2", [("l", "/etc"), ("l", "/tmp/x"), ("d/l", "/")])


def _symlink_chain() -> Iterator[tuple[str, bytes]]:
    """CVE-2025-4517: a chain of links longer than PATH_MAX makes realpath() give up and the check pass."""
    for steps, width in ((16, 247), (17, 240), (40, 100)):
        parts: list[str] = []
        chain = b""
        for step in range(steps):
            long, short = chr(97 + step % 26) * width, chr(97 + step % 26)
            here = "/".join(parts)
            chain += folder(f"{here}/{long}/"[1 if not here else 0 :]) if len(here) + width < 90 else b""
            chain += link(b"2", short, long)
            parts.append(short)
        yield f"{steps} of {width}", chain + link(b"2", "out", "/".join(parts) + "/../" * steps) + END
        yield f"{steps} of {width}, then a file", chain + file("a/b/c", b"evil") + END
    yield "loop", link(b"2", "a", "b") + link(b"2", "b", "a") + file("a/x", b"evil") + END


def _hardlink_to_symlink() -> Iterator[tuple[str, bytes]]:
    yield "to a symlink", link(b"2", "s", "/etc/passwd") + link(b"1", "h", "s") + END
    yield from _links(b"1", [("h", "/etc/passwd"), ("h", "../x"), ("h", "s1_R1.fastq")])


def _hardlink_deeper() -> Iterator[tuple[str, bytes]]:
    for depth in (1, 3, 9):
        deep = "/".join("d" * depth)
        yield f"{depth} deep", link(b"2", f"{deep}/s", "../../x") + link(b"1", "h", f"{deep}/s") + END
        yield (
            f"{depth} deep, folders first",
            folder(deep)
            + link(b"2", f"{deep}/s", "..")
            + link(b"1", "h", f"{deep}/s")
            + file("h/x", b"evil")
            + END,
        )


def _empty_names() -> Iterator[tuple[str, bytes]]:
    yield "symlink", link(b"2", "", "/etc") + PAIR[0] + END
    yield "symlink to nothing", link(b"2", "l", "") + PAIR[0] + END
    yield "hard link", link(b"1", "", "x") + PAIR[0] + END
    yield "file", file("", b"x") + END
    yield "folder", folder("") + PAIR[0] + END
    yield "gnu long name", gnu_long(b"") + file("x", b"x", magic=GNU) + END
    yield "gnu long link", gnu_long(b"x", b"K") + PAIR[0] + END
    yield "pax", pax({"path": ""}) + file("x", b"x") + END


def _special() -> Iterator[tuple[str, bytes]]:
    for kind in (b"3", b"4", b"6", b"7", b"A", b"D", b"M", b"N", b"V", b"Z", b"X"):
        what = kind.decode()
        yield f"type {what} alone", header(b"dev", kind=kind) + END
        yield f"type {what} among files", PAIR[0] + header(b"dev", kind=kind) + PAIR[1] + END


def _cut_at_boundary() -> Iterator[tuple[str, bytes]]:
    for members in (1, 2):
        whole = b"".join(PAIR[:members])
        for blocks in (0, 1):
            yield f"after {members}, {blocks} zero blocks", whole + bytes(blocks * BLOCK)
    yield "a long name and no member", PAIR[0] + gnu_long(b"n" * 200) + END
    yield "a pax header and no member", PAIR[0] + pax({"path": "n" * 200}) + END
    yield "filled up with 2 MiB of zeros", PAIR[0] + bytes(2 << 20)


def _cut_in_header() -> Iterator[tuple[str, bytes]]:
    for at in (1, 100, 148, 257, 511):
        yield f"first, {at} bytes", WHOLE[:at]
        yield f"second, {at} bytes", PAIR[0] + PAIR[1][:at]
        yield f"second, {at} bytes, padded", padded(PAIR[0] + PAIR[1][:at]) + END
        yield f"{at} bytes missing from the second", PAIR[0] + PAIR[1][at:] + END


def _damaged_checksum() -> Iterator[tuple[str, bytes]]:
    for at in (0, 50, 101, 124, 130, 148, 150, 156, 157, 257, 262, 345, 400):
        damaged = bytearray(PAIR[1])
        damaged[at] ^= 0x15
        yield f"byte {at} of the second header", PAIR[0] + bytes(damaged) + file("s1_I1.fastq", b"x") + END
    for raw in (b"000000\0 ", b"\0" * 8, b" " * 8, b"99999999", b"-00001\0 "):
        second = header(b"x", raw_sum=raw)
        yield f"checksum {raw!r}", PAIR[0] + second + PAIR[1] + END


def _zero_block() -> Iterator[tuple[str, bytes]]:
    for blocks in (1, 2, 3, 20):
        yield f"{blocks} between members", PAIR[0] + bytes(blocks * BLOCK) + PAIR[1] + END
    yield "in place of a header", PAIR[0] + bytes(BLOCK) + PAIR[1][BLOCK:] + END
    yield "first", bytes(BLOCK) + WHOLE


def _trailing() -> Iterator[tuple[str, bytes]]:
    for name, tail in {
        "one byte": b"x",
        "a block": b"x" * BLOCK,
        "zeros, then a byte": bytes(BLOCK - 1) + b"x",
        "far behind": bytes(40 * BLOCK) + b"x" * BLOCK,
        "html": b"<html>Error</html>".ljust(BLOCK, b"\n"),
        "not a block of zeros": bytes(100),
    }.items():
        yield name, WHOLE + tail


def _joined() -> Iterator[tuple[str, bytes]]:
    other = file("s2_R1.fastq", R2) + END
    yield "two", WHOLE + other
    yield "the same twice", WHOLE + WHOLE
    yield "three", WHOLE + other + file("s3", R1) + END
    yield "with padding between", WHOLE + bytes(18 * BLOCK) + other


def _cut_data() -> Iterator[tuple[str, bytes]]:
    for keep in (0, 1, 511, 512, 1024, 2048, 2502):
        yield f"last file, {keep} bytes", PAIR[0] + PAIR[1][: BLOCK + keep]
        yield f"last file, {keep} bytes, padded and ended", padded(PAIR[0] + PAIR[1][: BLOCK + keep]) + END
    for lost in (1, 511, 512, 700, 1024, 2048):
        yield f"first file lacks {lost} bytes", PAIR[0][: -lost or None] + PAIR[1] + END
    yield "filled up with zeros", PAIR[0] + PAIR[1][: BLOCK + 2000] + bytes(20 * BLOCK)
    yield "gzip filled up with zeros", (file("x.gz", R1)[: BLOCK + 2000] + bytes(20 * BLOCK))
    yield "swallowed its follower's header", header(b"x.gz", 6 * BLOCK) + R1[: 3 * BLOCK] + PAIR[1] + END
    # 700 bytes lost, a header among them, and whole blocks again: without the padding rule it passes with one
    # file.
    yield "a header lost", (padded(PAIR[0][:-600] + PAIR[1][100:]) + END)


def _sizes() -> Iterator[tuple[str, bytes]]:
    for said in (0, 1, 2999, 3000, 3002, 3584, 5000, 10**9, 2**33):
        yield f"pax says {said}, ustar 3001", pax({"size": str(said)}) + PAIR[0] + PAIR[1] + END
    for raw in ("-1", "x", "", "1e3", "0x10", " 3001", "9" * 19, "3001.0"):
        yield f"pax size {raw!r}", pax({"size": raw}) + PAIR[0] + END
    yield "pax size twice", _two_records("size", "3001", "3001") + PAIR[0] + END
    yield "global size", pax({"size": "3001"}, kind=b"g") + PAIR[0] + END
    yield "pax records cut", file(b"p", b"30 size=3001\n", kind=b"x") + PAIR[0] + END
    yield "pax length 0", file(b"p", b"0 size=1\n", kind=b"x") + PAIR[0] + END
    yield "pax length too long", file(b"p", b"99 size=1\n", kind=b"x") + PAIR[0] + END
    yield "pax without =", file(b"p", b"8 size1\n", kind=b"x") + PAIR[0] + END
    yield "two pax headers", pax({"comment": "a"}) + pax({"comment": "b"}) + PAIR[0] + END


def _two_records(key: str, one: str, two: str) -> bytes:
    first, second = pax({key: one}), pax({key: two})
    lengths = [int(h[124:135], 8) for h in (first, second)]
    body = first[BLOCK : BLOCK + lengths[0]] + second[BLOCK : BLOCK + lengths[1]]
    return file(b"p", body, kind=b"x")


def _duplicates() -> Iterator[tuple]:  # type: ignore[type-arg]
    yield "same name, other bytes", PAIR[0] + file("s1_R1.fastq", R2) + END
    yield "same name, same size, other bytes", PAIR[0] + file("s1_R1.fastq", reads(9, len(R1))) + END
    yield "same name, same bytes", WHOLE[: -len(END)] + PAIR[0] + END, GOOD
    yield "name with ./ is the same", PAIR[0] + file("./s1_R1.fastq", R1) + END, {"s1_R1.fastq": R1}
    yield "file, then a folder of its name", file("a", b"x") + file("a/b", b"x") + END
    yield "folder, then a file of its name", file("a/b", b"x") + file("a", b"x") + END
    yield "file, then an entry for the folder", file("a", b"x") + folder("a/") + END
    for one, two in (
        ("R1.fastq", "r1.fastq"),
        ("A/x", "a/y"),
        ("straße", "strasse"),
        ("ΣΑΣ", "σας"),
        ("K", "K"),
    ):
        yield f"case {one} {two}", file(one, b"1") + file(two, b"2") + END
    for name in ("é.fastq", "가.fastq", "Å/x", "ñandú"):
        nfc, nfd = unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)
        yield f"NFC and NFD {name}", file(nfc, b"1") + file(nfd, b"1") + END
    yield "folder twice", folder("a/") + folder("a/") + file("a/x", b"x") + END, {"a/x": b"x"}


def _sparse() -> Iterator[tuple[str, bytes]]:
    yield "gnu, 1 TB", header(b"big", 512, b"S", magic=GNU) + bytes(BLOCK) + END
    yield "gnu among files", PAIR[0] + header(b"big", 0, b"S", magic=GNU) + PAIR[1] + END
    for version in (
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)},
        {"GNU.sparse.size": str(2**40), "GNU.sparse.numblocks": "0"},
        {"GNU.sparse.map": "0,1", "GNU.sparse.size": "9"},
        {"GNU.sparse.name": "big"},
    ):
        yield f"pax {next(iter(version))}", pax(version) + file("x", b"0\n".ljust(BLOCK, b"\0")) + END
    yield "pax global", pax({"GNU.sparse.major": "1"}, kind=b"g") + PAIR[0] + END


def _bombs() -> Iterator[tuple]:  # type: ignore[type-arg]
    yield "gzip of zeros", gzip.compress(bytes(8 << 20))
    yield "50,000 empty members", b"".join(header(b"f%d" % n) for n in range(50_000)) + END
    yield "50,000 folders", b"".join(header(b"d%d" % n, kind=b"5") for n in range(50_000)) + END
    yield "20,000 global headers", pax({"comment": "x"}, kind=b"g") * 20_000 + PAIR[0] + END
    yield "a long name of 1 MiB", gnu_long(b"n" * (1 << 20)) + file("x", b"x", magic=GNU) + END
    yield "a pax header of 1 MiB", pax({"comment": "n" * (1 << 20)}) + file("x", b"x") + END
    yield "says 1 TB", header(b"x", raw_size=b"\x80" + (1 << 40).to_bytes(11, "big")) + END
    yield "says 2^80", header(b"x", raw_size=b"\x80" + (1 << 80).to_bytes(11, "big")) + END
    yield "says 8 GB", header(b"x", 8**11 - 1) + END
    yield "nested tar", file("inner.tar", WHOLE) + END
    yield "nested tar among reads", PAIR[0] + file("inner", WHOLE) + PAIR[1] + END
    yield (
        "gzip inside, as one file",
        file("z.gz", gzip.compress(bytes(9999), mtime=0)) + END,
        {"z.gz": gzip.compress(bytes(9999), mtime=0)},
    )


def _odd() -> Iterator[tuple]:  # type: ignore[type-arg]
    for raw in (
        b"\xff" * 12,
        b"\xff" + b"\0" * 11,
        b"-0000000001\0",
        b"0000000008 \0",
        b"            ",
        b"\0" * 12,
        b"1 1        \0",
        b"0x10       \0",
        b"+0000000010\0",
    ):
        yield f"size {raw!r}", header(b"x", raw_size=raw) + PAIR[0] + END
    yield "1,500 deep", pax({"path": "a/" * 1500 + "x"}) + file("x", b"x") + END
    yield "33 deep", pax({"path": "a/" * 33 + "x"}) + file("x", b"x") + END
    yield "300-byte name", gnu_long(b"n" * 300) + file("x", b"x", magic=GNU) + END
    yield "256-byte name in pax", pax({"path": "n" * 256}) + file("x", b"x") + END
    yield "255-byte name", gnu_long(b"n" * 255) + file("n" * 100, b"x", magic=GNU) + END, {"n" * 255: b"x"}
    for name in (b"\xff\xfe", b"\xc7\xd1\xb1\xdb.fastq", b"a\x80b", b"\xed\xa0\x80"):
        yield f"non-UTF-8 {name!r}", file(name, b"x") + END
    for text in ("a\nb", "a\x1b[2Jb", "a\rb", "a\tb", "\x7f", "a\u202eb", "a\u2028b", "\x85"):
        yield f"control {text!r}", file(text, b"x") + END
    for text in ("-rf", "--checkpoint-action=exec=sh", "a/-x", "./-rf"):
        yield f"dash {text}", file(text, b"x") + END
    yield "nul in a pax name", pax({"path": b"a\0b"}) + file("x", b"x") + END
    yield "nul in a long name", gnu_long(b"a\0b") + file("x", b"x", magic=GNU) + END
    yield "file that ends with a slash", file("a/", b"x") + END
    yield "folder with contents", header(b"a/", 512, b"5") + bytes(BLOCK) + PAIR[0] + END
    yield "padding not zero", PAIR[0][:-1] + b"x" + PAIR[1] + END
    yield "old v7 magic", file("x", b"x", magic=bytes(8)) + END
    yield "strange magic", file("x", b"x", magic=b"ustar\x0001") + END
    yield "hdrcharset", pax({"hdrcharset": "BINARY"}) + PAIR[0] + END
    yield "linkpath", pax({"linkpath": "/etc"}) + PAIR[0] + END
    yield (
        "two long names that differ",
        gnu_long(b"a" * 101) + pax({"path": "b" * 101}) + file("x", b"x") + END,
    )
    yield "long name of another file", gnu_long(b"a" * 120) + file(b"b" * 100, b"x", magic=GNU) + END
    yield "global path", pax({"path": "evil"}, kind=b"g") + PAIR[0] + END


def _nothing() -> Iterator[tuple[str, bytes]]:
    yield "no bytes", b""
    yield "zeros", bytes(10240)
    yield "one block of zeros", bytes(BLOCK)
    yield "two blocks of zeros", END
    yield "a folder only", folder("s1/") + END
    yield "a global header only", pax({"comment": "x"}, kind=b"g") + END
    yield "2 MiB of zeros", bytes(2 << 20)


def _not_a_tar() -> Iterator[tuple[str, bytes]]:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("s1_R1.fastq", R1)
    yield "tar.gz", gzip.compress(WHOLE, mtime=0)
    yield "tar.gz cut short", gzip.compress(WHOLE, mtime=0)[:900]
    yield "gzip of 20 bytes", gzip.compress(WHOLE, mtime=0)[:20]
    yield "gzip, damaged", b"\x1f\x8b\x08\0" + b"\xff" * 2000
    yield "fastq.gz", gzip.compress(R1, mtime=0)
    yield "gzip of noise", gzip.compress(random.Random(4).randbytes(4000), mtime=0)
    yield "zip", zipped.getvalue()
    yield "fastq", R1
    yield "fasta", b">chr1\nACGT\n"
    yield "html", b"<!DOCTYPE html><html><body>403</body></html>"
    yield "json", b'{"error": "not found"}'
    yield "xz", b"\xfd7zXZ\x00" + bytes(range(200))
    yield "bzip2", b"BZh91AY&SY" + bytes(range(200))
    yield "zstd", b"\x28\xb5\x2f\xfd" + bytes(range(200))
    yield "text", b"hello " * 200
    yield "noise", random.Random(5).randbytes(10240)


def _whole() -> Iterator[tuple[str, bytes, Mapping[str, bytes]]]:
    many = {f"lane{n % 7}/f{n:04}.fastq": reads(n, n * 13 % 1500) for n in range(300)}
    long = {"s/" * 20 + "n" * 150 + ".fastq": R1, "한국/시료 1 +%.fastq": R2, "z" * 200: b""}
    for how, name in (
        (tarfile.USTAR_FORMAT, "ustar"),
        (tarfile.GNU_FORMAT, "gnu"),
        (tarfile.PAX_FORMAT, "pax"),
    ):
        yield f"{name}, a pair", by_tarfile(GOOD, how), GOOD
        yield f"{name}, 300 files", by_tarfile(many, how), many
        if how != tarfile.USTAR_FORMAT:
            yield f"{name}, long names", by_tarfile(long, how), long
        yield f"{name}, an empty file", by_tarfile({**GOOD, "empty": b""}, how), {**GOOD, "empty": b""}
        yield f"{name}, 6 MiB", by_tarfile({"big": reads(7, 6 << 20)}, how), {"big": reads(7, 6 << 20)}
    yield "by hand", WHOLE, GOOD
    yield "old regular type", file("x", b"x", kind=b"\0") + END, {"x": b"x"}
    yield "with the root folder", folder("./") + b"".join(PAIR) + END, GOOD
    yield "names with ./", file("./s1_R1.fastq", R1) + file("././s1_R2.fastq", R2) + END, GOOD
    yield "prefix", file(b"x.fastq", R1, prefix=b"a/b") + END, {"a/b/x.fastq": R1}
    yield (
        "gnu with times in the prefix's place",
        file(b"x", R1, magic=GNU, prefix=b"14720000000") + END,
        {"x": R1},
    )
    yield (
        "base-256 size",
        header(b"x", raw_size=b"\x80" + (3001).to_bytes(11, "big")) + padded(R1) + END,
        {"x": R1},
    )
    yield "sizes that agree", pax({"size": "3001"}) + PAIR[0] + END, {"s1_R1.fastq": R1}
    yield "a comment for all", pax({"comment": "by git"}, kind=b"g") + WHOLE, GOOD
    yield (
        "a Mac's notes",
        file("._s1_R1.fastq", b"\0\5\x16\7") + WHOLE,
        {**GOOD, "._s1_R1.fastq": b"\0\5\x16\7"},
    )
    yield "1 MiB of padding", WHOLE[: -len(END)] + bytes(1 << 20), GOOD


FAMILIES = {
    "traversal": _traversal,
    "absolute name": _absolute,
    "absolute symlink": _absolute_symlink,
    "symlink chain": _symlink_chain,
    "hard link to symlink": _hardlink_to_symlink,
    "hard link to deeper symlink": _hardlink_deeper,
    "empty name": _empty_names,
    "pipe or device": _special,
    "cut at a member boundary": _cut_at_boundary,
    "cut in a header": _cut_in_header,
    "damaged checksum": _damaged_checksum,
    "zero block in the middle": _zero_block,
    "trailing garbage": _trailing,
    "tars joined": _joined,
    "cut data": _cut_data,
    "sizes that disagree": _sizes,
    "duplicate and colliding names": _duplicates,
    "sparse": _sparse,
    "bomb": _bombs,
    "odd header": _odd,
    "nothing inside": _nothing,
    "not a tar": _not_a_tar,
    "whole": _whole,
}
