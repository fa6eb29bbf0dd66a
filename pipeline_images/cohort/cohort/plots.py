"""The scatter and the heat map as SVG, with text a screen reader can read; nothing is loaded, no script."""

from collections.abc import Sequence
from html import escape

import numpy as np
from reporting.charts import COLOURS
from reporting.findings import percent

from cohort.comparison import Plane
from cohort.samples import Numbers

WIDTH, HEIGHT, MARGIN = 760, 480, 56
LABELLED_POINTS = 40  # more labels than this hide the points
LABEL_ROOM, LABEL_HEIGHT = 110, 13  # a label nearer to another one than this is left out
LABEL_WIDTH, ROW, NAMES = 220, 20, 120
_TOLD = 12  # samples or cells that the description reads out; the tables have all
_CHARACTERS = 30


def scatter(samples: Sequence[str], plane: Plane, odd: Sequence[int]) -> str:
    """One point a sample, outliers as diamonds in another colour, on axes of one scale."""
    low, high = plane.points.min(axis=0), plane.points.max(axis=0)
    # One scale for both axes, or distances on the page would not be distances.
    scale = min(
        (WIDTH - 2 * MARGIN - LABEL_ROOM) / max(float(high[0] - low[0]), 1e-9),
        (HEIGHT - 2 * MARGIN) / max(float(high[1] - low[1]), 1e-9),
    )
    parts = [
        f'<rect x="{MARGIN}" y="10" width="{WIDTH - MARGIN - 10}" height="{HEIGHT - MARGIN - 10}" '
        'fill="none" stroke="#999999"/>'
    ]
    left = MARGIN + (WIDTH - MARGIN - 10 - LABEL_ROOM - (high[0] - low[0]) * scale) / 2
    foot = HEIGHT - MARGIN - (HEIGHT - MARGIN - 10 - (high[1] - low[1]) * scale) / 2
    labels: list[tuple[float, float]] = []
    # Outliers come first: theirs is the label that must be there.
    for number in sorted(range(len(samples)), key=lambda number: number not in odd):
        x = left + float(plane.points[number, 0] - low[0]) * scale
        y = foot - float(plane.points[number, 1] - low[1]) * scale
        if number in odd:
            shape = f"M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z"
            parts.append(f'<path d="{shape}" fill="{COLOURS[1]}" stroke="#1a1a1a"/>')
        else:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{COLOURS[0]}" fill-opacity="0.8"/>')
        free = all(abs(x - there) > LABEL_ROOM or abs(y - height) > LABEL_HEIGHT for there, height in labels)
        if free and (len(samples) <= LABELLED_POINTS or number in odd):
            labels.append((x, y))
            parts.append(
                f'<text x="{x + 10:.1f}" y="{y + 5:.1f}" font-size="12">{_short(samples[number], 18)}</text>'
            )
    first, second = (percent(share) for share in plane.explained)
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 20}" text-anchor="middle">axis 1 ({first})</text>')
    parts.append(
        f'<text transform="translate(24 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">'
        f"axis 2 ({second})</text>"
    )
    told = f"{len(samples)} samples; axis 1 shows {first} of the variation, axis 2 {second}. " + (
        f"Far from the others: {', '.join(samples[number] for number in odd)}."
        if len(odd)
        else "No sample is marked as an outlier."
    )
    return _svg("How far the samples are apart", told, "pcoa", "".join(parts), HEIGHT)


def heat_map(samples: Sequence[str], taxa: Sequence[str], shares: Numbers) -> str:
    """`shares`: one row a sample, one column a taxon. Taxa go down, samples go right."""
    named = len(samples) <= LABELLED_POINTS
    top = NAMES if named else 24
    cell = (WIDTH - LABEL_WIDTH) / len(samples)
    largest = float(shares.max()) or 1.0
    parts = []
    for column, name in enumerate(samples):
        x = LABEL_WIDTH + column * cell
        if named:
            parts.append(
                f'<text transform="translate({x + cell / 2 + 4:.1f} {top - 6}) rotate(-60)" font-size="12">'
                f"{_short(name, 18)}</text>"
            )
    for row, taxon in enumerate(taxa):
        y = top + row * ROW
        parts.append(
            f'<text x="{LABEL_WIDTH - 8}" y="{y + 15}" text-anchor="end" font-size="13">'
            f"{_short(taxon)}</text>"
        )
        for column in range(len(samples)):
            share = float(shares[column, row])
            # Shares differ by orders of magnitude; the square root lets small ones be seen.
            depth = (share / largest) ** 0.5
            x = LABEL_WIDTH + column * cell
            parts.append(
                f'<rect x="{x:.2f}" y="{y}" width="{cell:.2f}" height="{ROW}" fill="{_colour(depth)}"/>'
            )
    base = top + len(taxa) * ROW + 12
    for number in range(5):
        share = largest * (number / 4) ** 2
        x = LABEL_WIDTH + number * 104
        parts.append(
            f'<rect x="{x}" y="{base}" width="16" height="14" stroke="#999999" fill="{_colour(number / 4)}"/>'
            f'<text x="{x + 22}" y="{base + 12}" font-size="13">{percent(share)}</text>'
        )
    told = [
        f"{taxon}: {percent(float(shares[:, row].mean()))} on average, most in "
        f"{samples[int(np.argmax(shares[:, row]))]} ({percent(float(shares[:, row].max()))})"
        for row, taxon in enumerate(taxa[:_TOLD])
    ]
    return _svg(
        "The most abundant taxa in each sample", "; ".join(told) + ".", "heat", "".join(parts), base + 22
    )


def _colour(depth: float) -> str:
    """From white to a dark blue: the order is seen without telling colours apart, and in grey print."""
    ends = ((255, 8), (255, 48), (255, 107))
    return "#" + "".join(f"{round(light + (dark - light) * depth):02x}" for light, dark in ends)


def _svg(title: str, told: str, ident: str, inside: str, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{ident}-title {ident}-desc" '
        f'xmlns="http://www.w3.org/2000/svg"><title id="{ident}-title">{escape(title)}</title>'
        f'<desc id="{ident}-desc">{escape(told)}</desc>{inside}</svg>'
    )


def _short(label: str, room: int = _CHARACTERS) -> str:
    return escape(label if len(label) <= room else f"{label[: room - 1]}…")
