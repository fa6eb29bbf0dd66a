"""Reads a tar strictly: every byte of the archive is a checked header, a file's contents, or a zero.

Readers made for people skip what they do not understand, and so lose the files after a damaged header without
a word (Python's tarfile turned three FASTQ files into one). Here the chain of headers is walked to a proven
end: two zero blocks and only zeros after them. Regular files and folders pass; links, devices and sparse
files do not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from runner.archive_kind import REPACK, UPLOAD_AGAIN, refuse_what_is_not_tar
from runner.limits import MIB, Limits
from runner.member_names import Spellings, clean_path, shown
from runner.outcome import Refused
from runner.window import Window

BLOCK = 512  # tar's unit: headers are one block, contents are padded to a block
_ZEROS_AT_END = 16
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a named pipe",
    b"S": "a sparse file",
}


@dataclass(frozen=True)
class Member:
    """A regular file or a folder of the archive; `offset` is where the contents begin, `size` is in bytes."""

    path: tuple[str, ...]
    offset: int
    size: int
    is_folder: bool = False

    @property
    def name(self) -> str:
        return "/".join(self.path)


def walk(window: Window, limits: Limits) -> Iterator[Member]:
    """Yield the files and folders; raise `Refused` at the first thing that is not a plain, whole archive."""
    archive_bytes = window.size
    refuse_what_is_not_tar(window.read(0, min(64 << 10, archive_bytes)), archive_bytes)
    if archive_bytes % BLOCK:
        _damaged(f"its {archive_bytes} bytes are not a whole number of {BLOCK}-byte blocks")
    spellings = Spellings()
    offset, headers, total = 0, 0, 0
    last: Member | None = None
    extensions = Extensions(limits)
    while any(block := window.read(offset, BLOCK)):
        _check_header(block, offset)
        kind, size = block[156:157], _number(block[124:136], f"size at byte {offset}")
        body_at = offset + BLOCK
        if kind in (b"L", b"K", b"x", b"g"):
            if size > limits.extension_bytes:
                _damaged(f"the extension header at byte {offset} has {size} bytes")
            extensions.take(kind, window.read(body_at, size), offset)
            headers += kind == b"g"
        else:
            name, size = extensions.settle(_header_name(block), size, offset)
            member = _plain_member(kind, name, body_at, size, limits)
            headers, total, last = headers + 1, total + size, last if member.is_folder else member
            if total > limits.total_bytes:
                raise Refused(f"the tar holds more than {limits.total_bytes} bytes", "upload fewer reads")
            if body_at + size > archive_bytes:
                _damaged(f"{shown(name)} should have {size} bytes, the tar ends before them")
            spellings.admit(member.path)
            yield member
        if headers > limits.members:
            raise Refused(f"the tar holds more than {limits.members} files and folders", REPACK)
        offset = body_at + size
        _check_padding(window, offset, -size % BLOCK)
        offset += -size % BLOCK
    extensions.none_left()
    if last is None:
        raise Refused("the tar is empty: there is no file in it", REPACK)
    _check_end(window, offset, limits)
    _check_last(window, last)


class Extensions:
    """The headers before a member's own that give it a long name or, of 8 GiB and more, its size."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._long_name: bytes | None = None
        self._pax: dict[str, bytes] | None = None

    def take(self, kind: bytes, body: bytes, offset: int) -> None:
        if kind == b"L" and self._long_name is None:
            self._long_name = body.removesuffix(b"\0")
        elif kind == b"x" and self._pax is None:
            self._pax = _pax_records(body)
        elif kind == b"g" and not {"path", "size"} & _pax_records(body).keys():
            pass  # comments and times for the whole archive: of no use here
        elif kind == b"K":
            raise Refused("the tar holds a link", REPACK)
        else:
            _damaged(f"the extension header at byte {offset} stands where it may not")

    def settle(self, header_name: bytes, header_size: int, offset: int) -> tuple[bytes, int]:
        """The member's name and size, once all that is said of them agrees."""
        pax = self._pax or {}
        if self._long_name is not None and not self._long_name.startswith(header_name):
            # GNU's header repeats the long name's first 100 bytes: this name belongs to a file that was lost.
            _damaged(f"the long name before byte {offset} is not that of the file behind it")
        names = {name for name in (self._long_name, pax.get("path")) if name is not None} or {header_name}
        if len(names) > 1:
            _damaged(f"the file at byte {offset} has two names")
        self._long_name = self._pax = None
        return names.pop(), _agreed_size(header_size, pax.get("size"))

    def none_left(self) -> None:
        if self._long_name is not None or self._pax is not None:
            _damaged("a file's name stands at its end without the file")


def _damaged(what: str) -> NoReturn:
    raise Refused(f"the tar is damaged or cut short: {what}", UPLOAD_AGAIN)


def _number(raw: bytes, what: str) -> int:
    """Read a header's number: octal digits, or base-256 as GNU tar writes sizes of 8 GiB and more."""
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    if not re.fullmatch(rb" *[0-7]+[ \0]*", raw):
        _damaged(f"the {what} is not a number")
    return int(raw.strip(b" \0"), 8)


def _check_header(block: bytes, offset: int) -> None:
    stored = _number(block[148:156], f"checksum at byte {offset}")
    if stored != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        _damaged(f"wrong checksum of the header at byte {offset}")
    if block[257:265] not in (b"ustar\x0000", b"ustar  \0"):
        _damaged(f"the header at byte {offset} is neither ustar nor GNU")


def _header_name(block: bytes) -> bytes:
    name, prefix = block[:100].split(b"\0")[0], block[345:500].split(b"\0")[0]
    has_prefix = prefix and block[257:263] == b"ustar\0"  # GNU headers keep times in that place
    return prefix + b"/" + name if has_prefix else name


_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,8}) ([^=\n\0]+)=")


def _pax_records(body: bytes) -> dict[str, bytes]:
    """Read the records `<length> <key>=<value>\\n` of a PAX header."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(body):
        match = _PAX_RECORD.match(body, at)
        if not match:
            _damaged("a PAX record cannot be read")
        end = at + int(match[1])
        if end > len(body) or end <= match.end() or body[end - 1 : end] != b"\n":
            _damaged("a PAX record's length is wrong")
        key = match[2].decode("utf-8", "replace")
        if key in records:
            _damaged(f"the PAX record {shown(match[2])} stands twice")
        if key.startswith("GNU.sparse"):
            raise Refused("the tar holds a sparse file", REPACK)
        if key in ("linkpath", "hdrcharset"):
            raise Refused(f"the tar uses {key}, which is not supported", REPACK)
        records[key] = body[match.end() : end - 1]
        at = end
    return records


def _agreed_size(in_header: int, in_pax: bytes | None) -> int:
    """A file's size. Two answers are an attack, unless the header's field is too small for the size."""
    if in_pax is None:
        return in_header
    if not re.fullmatch(rb"[0-9]{1,18}", in_pax):
        _damaged("a PAX size is not a number")
    size = int(in_pax)
    if size != in_header and size < 8**11:
        _damaged(f"a file has two sizes, {in_header} and {size} bytes")
    return size


def _plain_member(kind: bytes, name: bytes, offset: int, size: int, limits: Limits) -> Member:
    if kind not in (b"0", b"\0", b"5"):
        what = _KINDS.get(kind, f"of the unknown type {shown(kind)}")
        raise Refused(f"{shown(name)} in the tar is {what}; only files and folders are taken", REPACK)
    is_folder = kind == b"5"
    path = clean_path(name, limits)
    if is_folder and size:
        _damaged(f"the folder {shown(name)} has contents")
    if not is_folder and (not path or name.endswith(b"/")):
        _damaged(f"the file {shown(name)} has a folder's name")
    return Member(path, offset, size, is_folder)


def _check_padding(window: Window, offset: int, length: int) -> None:
    """Zeros fill a file's last block. Without this rule a tar that lost a header passed, a file short."""
    if any(window.read(offset, length)):
        _damaged(f"bytes are missing or too many before byte {offset}")


def _check_end(window: Window, offset: int, limits: Limits) -> None:
    """Two zero blocks and then only zeros: else a member was lost, or another tar was appended."""
    rest = window.size - offset
    if rest < 2 * BLOCK:
        _damaged("its end is missing, and files may be missing with it")
    if rest > limits.padding_bytes:
        _damaged(f"{rest} bytes follow the last file")
    for at in range(offset, window.size, MIB):
        if any(window.read(at, min(MIB, window.size - at))):
            _damaged(f"something other than zeros follows its end at byte {offset}")


def _check_last(window: Window, last: Member) -> None:
    """A copy that was cut and filled up with zeros ends like a whole one, but its last file in zeros."""
    if last.size < _ZEROS_AT_END or last.path[-1].startswith("._") or last.path[-1] == ".DS_Store":
        return  # a Mac's notes end in any number of zeros
    if not any(window.read(last.offset + last.size - _ZEROS_AT_END, _ZEROS_AT_END)):
        _damaged(f"{shown(last.name.encode())}, its last file, ends in zeros, as if a copy had been cut")
