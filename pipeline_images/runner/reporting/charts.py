"""Bar charts as SVG: drawn here, so that they have text a screen reader can read, print sharply and need
no script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from reporting.findings import percent

WIDTH = 760
LABEL_WIDTH, VALUE_WIDTH, ROW, BAR = 240, 80, 26, 18
_LABEL_CHARACTERS = 34
# Okabe and Ito's colours: told apart by colour-blind readers too; each part is labelled all the same.
COLOURS = ("#0072b2", "#e69f00", "#cc79a7", "#999999")


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    share: float  # of 1
    italic: bool = False  # species and genera are set in italics


def bars(title: str, rows: Sequence[Bar], ident: str) -> str:
    """One horizontal bar for each row, on a scale that ends at the longest."""
    longest = max((row.share for row in rows), default=0.0) or 1.0
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    parts = []
    for number, row in enumerate(rows):
        y = number * ROW
        length = max(1.0, room * row.share / longest)
        style = ' font-style="italic"' if row.italic else ""
        parts.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{y + BAR - 3}" '
            f'text-anchor="end"{style}>{_short(row.label)}</text>'
            f'<rect x="{LABEL_WIDTH}" y="{y + 2}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[0]}"/>'
            f'<text x="{LABEL_WIDTH + length + 6:.1f}" y="{y + BAR - 3}">{percent(row.share)}</text>'
        )
    told = "; ".join(f"{row.label} {percent(row.share)}" for row in rows)
    return _svg(title, told, ident, "".join(parts), max(1, len(rows)) * ROW + 4)


def stack(title: str, rows: Sequence[Bar], ident: str) -> str:
    """One bar cut into parts, with a key below."""
    parts, x = [], 0.0
    for number, row in enumerate(rows):
        colour, length = COLOURS[number % len(COLOURS)], WIDTH * row.share
        parts.append(f'<rect x="{x:.1f}" y="2" width="{length:.1f}" height="34" fill="{colour}"/>')
        key_x, key_y = (number % 2) * WIDTH / 2, 50 + (number // 2) * ROW
        parts.append(
            f'<rect x="{key_x:.0f}" y="{key_y}" width="14" height="14" fill="{colour}"/>'
            f'<text x="{key_x + 22:.0f}" y="{key_y + 12}">{escape(row.label)}: {percent(row.share)}</text>'
        )
        x += length
    told = "; ".join(f"{row.label} {percent(row.share)}" for row in rows)
    return _svg(title, told, ident, "".join(parts), 50 + ((len(rows) + 1) // 2) * ROW)


def _svg(title: str, told: str, ident: str, inside: str, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{ident}-title {ident}-desc" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{ident}-title">{escape(title)}</title>'
        f'<desc id="{ident}-desc">{escape(told)}</desc>{inside}</svg>'
    )


def _short(label: str) -> str:
    cut = label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1]}…"
    return escape(cut)
