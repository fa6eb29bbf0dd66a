"""Names inside an archive: which may be written to a disk, and which would be one file on some machines."""

import re
import unicodedata

from runner.archive_kind import REPACK
from runner.limits import Limits
from runner.outcome import Refused

# C0 and C1 controls; line, paragraph and direction marks, which make a name read as another in a terminal or
# a report.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

RENAME = "rename it with plain letters, digits, dots and dashes, pack the tar again and upload that"


def clean_path(raw: bytes, limits: Limits) -> tuple[str, ...]:
    """Split a name into components that can only lead downwards; empty for the archive's own root folder."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"the file name {shown(raw)} in the tar is not UTF-8", RENAME) from None
    if not name:
        raise Refused("a file in the tar has no name", REPACK)
    if len(raw) > limits.path_bytes:
        raise Refused(f"the file name {shown(raw)} is longer than {limits.path_bytes} bytes", RENAME)
    if name.startswith("/"):
        raise Refused(f"the file name {shown(raw)} is absolute (it starts with /)", REPACK)
    if _CONTROLS.search(name):
        raise Refused(f"the file name {shown(raw)} holds control characters", RENAME)
    parts = name.removesuffix("/").split("/")
    while parts and parts[0] == ".":
        parts.pop(0)
    for part in parts:
        if part in ("", ".", ".."):
            raise Refused(f"the file name {shown(raw)} has an empty, . or .. part", REPACK)
        if len(part.encode()) > limits.name_bytes:
            raise Refused(
                f"the file name {shown(raw)} has a part longer than {limits.name_bytes} bytes", RENAME
            )
        if part.startswith("-"):  # a tool would take it for an option
            raise Refused(f"the file name {shown(raw)} has a part that starts with a dash", RENAME)
    if len(parts) > limits.depth:
        raise Refused(f"the file name {shown(raw)} is more than {limits.depth} folders deep", REPACK)
    return tuple(parts)


def shown(raw: bytes) -> str:
    """A name as a message may show it: printable, and short."""
    text = raw.decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{text}'" if len(text) <= 80 else f"'{text[:79]}…'"


class Spellings:
    """Refuses names that differ only by case or by how accents are composed: one file on a Mac or Windows."""

    def __init__(self) -> None:
        self._spelling: dict[str, str] = {}

    def admit(self, path: tuple[str, ...]) -> None:
        for depth in range(1, len(path) + 1):
            name = "/".join(path[:depth])
            # Casefold and compose once more after it: folding can take a letter apart.
            folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
            known = self._spelling.setdefault(folded, name)
            if known != name:
                raise Refused(
                    f"the names {shown(known.encode())} and {shown(name.encode())}"
                    " differ only by case or accents",
                    "rename one of them, pack the tar again and upload that",
                )
