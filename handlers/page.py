"""`status.html`: how all samples of a project stand, for people. One file, no script, nothing from elsewhere.

A pure function of what it shows. Names come from uploads: every one is escaped, in text, in addresses and in
the commands that people are to copy, and what could turn the direction of a line is shown by its code.
"""

import shlex
import unicodedata
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from handlers.run import FAILED, RECEIVED, REJECTED, RUNNING, SUBMITTED, SUCCEEDED

NAME = "status.html"
WORDS = {
    RECEIVED: "waiting",
    SUBMITTED: "waiting",
    RUNNING: "running",
    SUCCEEDED: "finished",
    FAILED: "failed",
    REJECTED: "rejected",
}
# What needs a person comes first.
_ORDER = {REJECTED: 0, FAILED: 1, RUNNING: 2, SUBMITTED: 3, RECEIVED: 3, SUCCEEDED: 4}
_STEERING = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample's newest run as its row shows it. `expected` and `updated` are ISO 8601."""

    name: str
    state: str
    message: str
    updated: str
    what_to_do: str | None = None
    position: int | None = None
    expected: str | None = None
    results_prefix: str | None = None  # of results that are there
    report: str | None = None
    recall: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the page shows. `left_out` counts samples beyond the most that a page has."""

    office: str
    pipeline: str
    project: str
    bucket: str  # of the results
    made: str  # ISO 8601
    samples: Sequence[Sample] = field(default_factory=tuple)
    history: int = 0  # finished runs that forecasts rest on
    least_history: int = 0
    left_out: int = 0
    # A cohort's page: its rows are the project's samples together, one for each of these pipelines.
    together: Sequence[str] = ()


def render(page: Page) -> str:
    """The page as HTML."""
    rows = sorted(page.samples, key=_order)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            # Even if something slipped through, a browser would run and fetch nothing.
            '<meta http-equiv="Content-Security-Policy"'
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(page.project)}: {_text(page.pipeline)}</title>",
            f"<style>{_STYLE}</style></head><body><main>",
            f"<h1>{_text(page.project)}</h1>",
            f"<p>{_text(page.pipeline)} at {_text(page.office)}: {_counts(rows)}."
            f" As of {_time(page.made)}; made anew within a minute or two of each change.</p>",
            _forecast_words(page, rows),
            "<table><thead><tr>",
            *(f'<th scope="col">{each}</th>' for each in ("Sample", "State", "What it means", "Results")),
            "</tr>",
            "</thead>",
            "<tbody>",
            *(_row(page, each) for each in rows),
            "</tbody></table>",
            f"<p>{page.left_out} samples that finished longer ago are not shown;"
            " their status.json and results are where they were.</p>"
            if page.left_out
            else "",
            _how_to(page),
            "</main></body></html>",
            "",
        ]
    )


def _order(sample: Sample) -> tuple[int, int, str, str]:
    needs_person = -1 if sample.recall else _ORDER.get(sample.state, 5)
    # The newest first, but a line in its order.
    return needs_person, sample.position or 0, _reversed(sample.updated), sample.name


def _reversed(text: str) -> str:
    return "".join(chr(0x10FFFF - ord(character)) for character in text)


def _counts(rows: Iterable[Sample]) -> str:
    counts = Counter("recalled" if row.recall else WORDS.get(row.state, row.state) for row in rows)
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "no sample"


def _forecast_words(page: Page, rows: Sequence[Sample]) -> str:
    if not any(row.state in (RECEIVED, SUBMITTED, RUNNING) for row in rows):
        return ""
    if page.history < page.least_history:
        return (
            f"<p>When a sample will be finished cannot be told yet: only {page.history} runs of"
            f" {_text(page.pipeline)} have finished here, and {page.least_history} are needed.</p>"
        )
    return (
        f"<p>Expected times are the median of the last {page.history} runs of {_text(page.pipeline)} that"
        " finished here, scaled by the size of the input. They are no promise.</p>"
    )


def _row(page: Page, sample: Sample) -> str:
    word = "recalled" if sample.recall else WORDS.get(sample.state, sample.state)
    if sample.recall:  # whatever the run says of itself
        meaning = [
            f"<p><b>Recalled</b>: {_text(sample.recall.get('what', ''))}."
            f" {_text(sample.recall.get('why', ''))}"
            f" <b>What happens now</b>: {_text(sample.recall.get('next', ''))}</p>"
        ]
    else:
        meaning = [f"<p>{_text(sample.message)}</p>"]
    if sample.position is not None:
        meaning.append(f"<p>Number {sample.position} in the office's line.</p>")
    if sample.expected:
        meaning.append(f"<p>Expected to be finished at about {_time(sample.expected)}.</p>")
    if sample.what_to_do and sample.state != SUCCEEDED and not sample.recall:
        meaning.append(f"<p><b>What to do</b>: {_text(sample.what_to_do)}</p>")
    return (
        f'<tr class="{escape(word)}"><th scope="row"><bdi>{_text(_name(page, sample))}</bdi></th>'
        f"<td>{escape(word)}<br><small>{_time(sample.updated)}</small></td>"
        f"<td>{''.join(meaning)}</td><td>{_results(page, sample)}</td></tr>"
    )


def _name(page: Page, sample: Sample) -> str:
    return f"all samples by {sample.name}" if sample.name in page.together else sample.name


def _results(page: Page, sample: Sample) -> str:
    if not sample.results_prefix:
        return ""
    # Beside the page, wherever the project's folder has been copied to.
    below = sample.results_prefix.removeprefix(f"{page.pipeline}/{page.project}/")
    link = (
        f'<a href="{_address(below + sample.report)}">{_text(sample.report)}</a><br>' if sample.report else ""
    )
    return f"{link}<code>{_text(f's3://{page.bucket}/{sample.results_prefix}')}</code>"


def _how_to(page: Page) -> str:
    project = f"s3://{page.bucket}/{page.pipeline}/{page.project}/"
    return (
        "<h2>How to fetch results</h2>"
        "<p>All of the project, after which the links above open from your copy:</p>"
        f"<pre>{_command('aws', 's3', 'sync', project, './' + page.project + '/')}</pre>"
        "<p>One sample: its address is in the table.</p>"
        f"<pre>{_command('aws', 's3', 'cp', '--recursive', project + 'SAMPLE/RUN/', './SAMPLE/')}</pre>"
        + (
            "<p>All of the project's samples are compared anew, by itself, when one of them has a new"
            " result and then no other for a while.</p>"
            if page.together
            else "<p>A rejected sample: upload a corrected <code>input.tar</code> at the same address as"
            " before. The newest upload counts.</p>"
        )
    )


def _command(*words: str) -> str:
    """To be copied into a shell: whatever a name holds, it stays one word."""
    return _text(" ".join(shlex.quote(word) for word in words))


def _address(path: str) -> str:
    # `./` keeps a name with a colon from being read as a scheme.
    return escape("./" + urllib.parse.quote(path), quote=True)


def _text(value: object) -> str:
    return escape(
        "".join(
            character.encode("unicode_escape", "backslashreplace").decode()
            if unicodedata.category(character) in _STEERING
            else character
            for character in str(value)
        ),
        quote=True,
    )


def _time(iso: str) -> str:
    return f"<time>{escape(iso[:16].replace('T', ' '))} UTC</time>"


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .5rem; text-align: left; vertical-align: top; }
td p { margin: 0 0 .25rem; } pre { overflow-x: auto; padding: .5rem; border: 1px solid #8886; }
code { overflow-wrap: anywhere; } th[scope=row] { overflow-wrap: anywhere; }
.rejected, .failed, .recalled { background: #d4351c1f; }
@media (max-width: 40rem) { thead { display: none; } tr, td, th[scope=row] { display: block; border: 0; }
tr { border-bottom: 1px solid #8886; padding: .5rem 0; } td, th[scope=row] { padding: .1rem .5rem; } }
"""
