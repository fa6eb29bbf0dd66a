"""The tables and the plots of docs/scale.md."""

from collections.abc import Sequence
from xml.etree.ElementTree import tostring

import pygal  # type: ignore[import-untyped]

from rollout.canary_report import STYLE, SVG
from simulation.quotas import ALL
from simulation.scenarios import Result, Use

BEGIN, END = "<!-- begin of what `make simulate` writes -->", "<!-- end of what `make simulate` writes -->"
SHOWN = 0.05  # of a limit: less than that is no news


def written(page: str, lines: Sequence[str]) -> str:
    """The page with these tables between its marks; ValueError if they are missing."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page must have {BEGIN} and {END}")
    return "\n".join([f"{head}{BEGIN}", *lines, f"{END}{tail}"])


def tables(found: Sequence[Result]) -> list[str]:
    return [
        "",
        "| samples a day | done within two days | open at midnight | wait until it runs: median, 95%, 99%"
        " | upload to result: median, 99% | reclaimed | USD a sample |",
        "|-|-|-|-|-|-|-|",
        *(_day(each) for each in found),
        "",
        "| the most of each limit | holds | used up by so many samples, evenly over a day |"
        f" {' | '.join(each.scenario.name for each in found)} |",
        f"|-|-|-|{'-|' * len(found)}",
        *(_limit(uses) for uses in zip(*(each.uses for each in found), strict=True)),
        "",
        "| USD a sample | " + " | ".join(each.scenario.name for each in found) + " |",
        f"|-|{'-|' * len(found)}",
        *(
            f"| {part} | {' | '.join(f'{each.usd_parts[part]:.6f}' for each in found)} |"
            for part in found[0].usd_parts
        ),
        "",
        "| until reconcile has looked at every upload of 30 days | "
        + " | ".join(each.scenario.name for each in found)
        + " |",
        f"|-|{'-|' * len(found)}",
        f"| hours | {' | '.join(_hours(each) for each in found)} |",
        "",
        "| limit | from | where it bites |",
        "|-|-|-|",
        *(f"| {each.name} | {each.source} | {each.remedy} |" for each in ALL),
        "",
    ]


def _day(each: Result) -> str:
    low, middle, high = each.waits
    took, _, longest = each.took
    return (
        f"| **{each.scenario.name}** | {each.finished:,} | {each.backlog:,} | {_span(low)}, {_span(middle)},"
        f" {_span(high)} | {_span(took)}, {_span(longest)} | {each.reclaimed:,} | {each.usd:.4f} |"
    )


def _limit(uses: Sequence[Use]) -> str:
    first = uses[0]
    quota = first.quota
    whose = " (ours)" if quota.ours else ""
    day = f"{first.samples_a_day:,.0f}" if first.samples_a_day < 1e9 else ""
    return (
        f"| {quota.name}{whose} | {first.limit:,.0f} {quota.unit} | {day} | {' | '.join(map(_use, uses))} |"
    )


def _use(use: Use) -> str:
    if use.share < SHOWN:
        return "–"
    full = f", all of it for {use.at_limit:.0%} of the day" if use.at_limit >= 0.005 else ""
    words = f"{use.share:.0%}{full}"
    return f"**{words}**" if use.share >= 0.995 else words


def _hours(each: Result) -> str:
    hours = each.uploads_seen_after_h
    return "**never**" if hours is None else f"{hours:,.1f}"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def plots(found: Sequence[Result]) -> dict[str, str]:
    """SVG by file name: the day of the largest volume that is done, and the use of each limit."""
    done = [each for each in found if each.finished == each.scenario.samples]
    largest = max(done, key=lambda each: (each.scenario.samples, -each.scenario.submissions_a_s))
    day = pygal.XY(
        style=STYLE, title=f"{largest.scenario.name}: runs over the day", x_title="hour", show_dots=False,
        width=900, height=380, js=[], legend_at_bottom=True, explicit_size=True, disable_xml_declaration=True,
    )  # fmt: skip
    for name, series in (("open", largest.open_runs), ("running", largest.running)):
        day.add(name, [(number / 6, value) for number, value in enumerate(series)])
    bars = pygal.HorizontalBar(
        style=STYLE, title="The most of each limit, %", width=900, height=620, js=[], legend_at_bottom=True,
        explicit_size=True, disable_xml_declaration=True, legend_at_bottom_columns=1,
    )  # fmt: skip
    day.uuid, bars.uuid = "scale-day", "scale-limits"  # not others each time
    bars.x_labels = [use.quota.name for use in largest.uses]
    for each in done:
        if each.scenario.samples in (100, 10_000, 1_000_000) and each.scenario.jobs != 256:
            bars.add(each.scenario.name, [min(100.0, 100 * use.share) for use in each.uses])
    return {"scale-day.svg": _svg(day), "scale-limits.svg": _svg(bars)}


def _svg(made: object) -> str:
    """As `rollout.canary_report.chart`: what a viewer does not need only makes it larger."""
    tree = made.render_tree()  # type: ignore[attr-defined]
    for parent in tree.iter():
        for child in list(parent):
            if child.tag in (f"{SVG}script", "script", f"{SVG}desc", "desc"):
                parent.remove(child)
    return tostring(tree, encoding="unicode") + "\n"
