"""Canary's report: a record as a table for a pull request, and as a chart beside it."""

from collections.abc import Sequence
from xml.etree.ElementTree import tostring

import pygal  # type: ignore[import-untyped]
from pygal.style import Style  # type: ignore[import-untyped]

from canary.comparison import Check, Species, species
from canary.record import Record
from fleet.text import plain
from rollout.comment import code

SVG = "{http://www.w3.org/2000/svg}"
# Colours that people who do not tell red from green tell apart (Okabe and Ito).
STYLE = Style(colors=("#999999", "#56b4e9", "#d55e00"), background="#ffffff", plot_background="#ffffff")


def markdown(record: Record, found: Sequence[Check]) -> str:
    """The checks, then the species. Names come from a result, so nothing of them is Markdown."""
    passed = all(each.passed for each in found)
    lines = [
        f"### Canary of {code(record.pipeline)}: {_word(passed=passed)}",
        "",
        f"{record.pairs:,} read pairs of known composition, {len(record.new.seconds)} times each. "
        f"Old: {code(record.old.image)}, new: {code(record.new.image)}.",
        "",
        "| | measured | tolerance | |",
        "|-|-|-|-|",
        *(
            f"| {each.name} | {code(each.measured)} | {each.limit} | {_word(passed=each.passed)} |"
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
        legend_at_bottom_columns=3, x_label_rotation=20, width=900, height=440, explicit_size=True,
        disable_xml_declaration=True,
    )  # fmt: skip
    drawn.uuid = record.seal[:16]  # not another one each time
    drawn.x_labels = [plain(each.name) for each in rows]
    for index, name in enumerate(("truth", "old release", "new release")):
        drawn.add(name, [_shares(each)[index] for each in rows])
    tree = drawn.render_tree()
    for element in list(tree.iter()):
        for script in [child for child in element if child.tag in ("script", f"{SVG}script")]:
            element.remove(script)
    return tostring(tree, encoding="unicode")


def _word(*, passed: bool) -> str:
    return "passed" if passed else "🔴 failed"


def _shares(row: Species) -> tuple[float | None, float | None, float | None]:
    return row.truth, row.old, row.new


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2%}"
