"""Report: a record as a table for a pull request, and as a chart beside it."""

from collections.abc import Sequence

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from canary.comparison import Check, Species, species
from canary.record import Record
from rollout.comment import code

# Colours that people who do not tell red from green tell apart (Okabe and Ito).
STYLE = Style(colors=("#999999", "#56b4e9", "#d55e00"), background="#ffffff", plot_background="#ffffff")


def markdown(record: Record, found: Sequence[Check]) -> str:
    """The checks, then the species. Names come from a result, so nothing of them is Markdown."""
    passed = all(each.passed for each in found)
    lines = [
        f"### Canary of {code(record.pipeline)}: {'passed' if passed else '🔴 failed'}",
        "",
        f"{record.pairs:,} read pairs of known composition, analysed by {code(record.old.release.digest[:19])} "
        f"(old) and {code(record.new.release.digest[:19])} (new), {len(record.new.seconds)} times each.",
        "",
        "| | measured | tolerance | |",
        "|-|-|-|-|",
        *(
            f"| {each.name} | {code(each.measured)} | {each.limit} | {'passed' if each.passed else '🔴 failed'} |"
            for each in found
        ),
        "",
        "| species | truth | old | new |",
        "|-|-:|-:|-:|",
        *(f"| {code(each.name)} | {' | '.join(map(_share, _shares(each)))} |" for each in species(record)),
        "",
        f"Measured {record.made:%Y-%m-%d %H:%M} UTC by {code(record.by)}; seal {code(record.seal[:16])}.",
    ]
    return "\n".join(lines) + "\n"


def chart(record: Record) -> str:
    """SVG that stands by itself: no script, loads nothing."""
    rows = species(record)
    drawn = pygal.Bar(
        title=f"{record.pipeline}: share of reads by species", style=STYLE, js=[], legend_at_bottom=True,
        x_label_rotation=20, width=900, height=440, explicit_size=True, disable_xml_declaration=True,
    )  # fmt: skip
    drawn.x_labels = [each.name for each in rows]
    for index, name in enumerate(("truth", "old release", "new release")):
        drawn.add(name, [_shares(each)[index] for each in rows])
    text: str = drawn.render(is_unicode=True)
    return text


def _shares(row: Species) -> tuple[float | None, float | None, float | None]:
    return row.truth, row.old, row.new


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
