"""What a file is that is not a tar, so that the branch hears what to upload instead."""

import zlib

from runner.outcome import Refused

REPACK = "pack the FASTQ files as a plain tar (tar -cf input.tar *.fastq.gz) and upload that as input.tar"
UPLOAD_AGAIN = "upload input.tar again from the original, and compare the size in S3 with the file's"
UNPACK_FIRST = "upload the plain .tar as input.tar; the FASTQ files in it may stay .gz"

_BY_FIRST_BYTES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"@", "a FASTQ file, not an archive"),
    (b">", "a FASTA file, not an archive"),
    (b"<", "an HTML or XML page"),
    (b"{", "a JSON document"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF"),
)


def is_tar(block: bytes) -> bool:
    """Whether a first block carries the mark of a ustar or GNU archive."""
    return block[257:262] == b"ustar"


def refuse_what_is_not_tar(head: bytes, size: int) -> None:
    """Raise `Refused` unless the first bytes may be those of a tar of this size in bytes."""
    if not size:
        raise Refused("the file is empty (0 bytes)", UPLOAD_AGAIN)
    if is_tar(head) or (
        len(head) >= 512 and not any(head[:512])
    ):  # zeros: an archive of nothing, told apart later
        return
    if head.startswith(b"\x1f\x8b"):
        raise Refused(*_gzip(head))
    for first_bytes, kind in _BY_FIRST_BYTES:
        if head.startswith(first_bytes):
            raise Refused(f"the file is {kind}", REPACK)
    raise Refused("the file is not a tar archive", REPACK)


def _gzip(head: bytes) -> tuple[str, str]:
    try:
        inside = zlib.decompressobj(wbits=31).decompress(head, 512)
    except zlib.error:
        return "the file is a damaged gzip file", UNPACK_FIRST
    if is_tar(inside):
        return "the file is a tar compressed with gzip (.tar.gz)", UNPACK_FIRST
    if inside.startswith(b"@"):
        return "the file is one gzip-compressed FASTQ file, not an archive", REPACK
    if len(inside) < 512:
        return "the file is a gzip file that is cut short or holds next to nothing", UNPACK_FIRST
    return "the file is compressed with gzip", UNPACK_FIRST
