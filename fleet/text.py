"""Values as people read them.

Names, reasons and log lines come from uploads and from tools: whatever could steer a terminal is shown by its
code instead, and nothing of it is ever taken for rich's markup.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.text import Text

# Controls (ESC among them), formats (which turn the direction of a line), surrogates, what has no meaning
# or a private one; line and paragraph separators.
_STEERING = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")
_SPAN = re.compile(r"(\d+)\s*(s|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

_COLOURS = {
    "succeeded": "green", "failed": "red", "rejected": "magenta", "superseded": "bright_black",
    "received": "yellow", "submitted": "yellow", "running": "cyan",
}  # fmt: skip


def plain(value: object) -> str:
    """`value` as one harmless line: `\\x1b[31m` for a colour's escape sequence, `\\n` for a new line."""
    return "".join(
        character.encode("unicode_escape", "backslashreplace").decode()
        if unicodedata.category(character) in _STEERING
        else character
        for character in str(value)
    )


def cell(value: object, style: str = "") -> Text:
    """For a table: never parsed as markup."""
    return Text("" if value is None else plain(value), style=style)


def state_cell(state: str) -> Text:
    return cell(state, _COLOURS.get(state, ""))


def moment(text: str | None) -> datetime | None:
    """A time of the ledger or of the table; None for what is no time."""
    try:
        read = datetime.fromisoformat(text) if text else None
    except (ValueError, TypeError):
        return None
    return read if read is None or read.tzinfo else read.replace(tzinfo=UTC)


def span(seconds: float) -> str:
    """`3 s`, `4 min`, `5 h 10 min`, `6 d`."""
    whole = max(0, round(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 100 * 60:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d"


def ago(text: str | None, now: datetime) -> str:
    """How long before `now`; empty for no time."""
    then = moment(text)
    return span((now - then).total_seconds()) + " ago" if then else ""


def between(begin: str | None, end: str | None) -> str:
    """From one time to the other; empty if one is missing."""
    first, last = moment(begin), moment(end)
    return span((last - first).total_seconds()) if first and last else ""


def local(text: str | None) -> str:
    """`2026-11-25 03:12:07` in UTC."""
    then = moment(text)
    return then.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if then else ""


def size(count: Any) -> str:
    """Bytes in MiB or GiB."""
    try:
        number = float(count)
    except (TypeError, ValueError):
        return ""
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.1f} MiB"


def taken(row: Mapping[str, Any]) -> str:
    """What a run is made of: an upload's size, or how many samples of its project a cohort compares."""
    members = row.get("members")
    if not members:
        return size(row.get("size"))
    count = members["count"]
    samples = f"{count} sample{'' if count == 1 else 's'}"
    return f"the newest results of {samples} of the project by {members['pipeline']}, {size(row.get('size'))}"


def since(text: str, now: datetime) -> str:
    """The time that `7d`, `12h`, `2026-11-01` or a full ISO time means, as the table writes times.

    `ValueError` says what is allowed.
    """
    if found := _SPAN.fullmatch(text.strip()):
        then = now - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    elif read := moment(text.strip()):
        then = read
    else:
        raise ValueError(
            f"a time must be a span such as 30m, 12h, 7d, or a date such as 2026-11-01, not {plain(text)!r}"
        )
    return then.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def where(row: Mapping[str, Any]) -> str:
    """`pipeline/project/sample` of a row."""
    return f"{row.get('pipeline')}/{row.get('project')}/{row.get('sample')}"
