"""The page of `report.html`: one file that a person reads first.

No script, nothing loaded from elsewhere, made to be printed. Whoever makes HTML for it escapes what comes
from the sample, a database or a tool: names of files and taxa are not ours.
"""

from collections.abc import Sequence
from html import escape

from reporting.findings import Finding

NOT_A_DIAGNOSIS = "This report describes DNA found in a sample; by itself it is no diagnosis."
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 50rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0.2rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
.lead { font-size: 1.1rem; } svg { width: 100%; height: auto; font: 14px system-ui, sans-serif; }
ul.findings { list-style: none; padding: 0; }
ul.findings li { border-left: 0.35rem solid #2e7d32; padding: 0.3rem 0.8rem; margin: 0.5rem 0;
  background: #f6f6f6; }
ul.findings li.mind { border-color: #c75000; background: #fff4ea; }
table { border-collapse: collapse; width: 100%; margin: 0.6rem 0; font-size: 0.92rem; }
caption { text-align: left; color: #555; padding-bottom: 0.3rem; }
th, td { text-align: left; padding: 0.25rem 0.6rem; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; } .small { color: #555; font-size: 0.9rem; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } h2, svg, tr, li { break-inside: avoid; }
  h2 { break-after: avoid; } }
"""


def page(title: str, body: Sequence[str]) -> str:
    """The whole file. `body` is HTML already, `title` is not."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src '
        "'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def finding_list(found: Sequence[Finding]) -> str:
    items = (
        f'<li class="{"mind" if f.mind else "fine"}">'
        f"<strong>{'Mind: ' if f.mind else ''}{escape(f.title)}.</strong> {escape(f.words)}</li>"
        for f in found
    )
    return f'<ul class="findings">{"".join(items)}</ul>'


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """`rows` are HTML already."""

    def cell(kind: str, column: int, content: str) -> str:
        scope = ' scope="col"' if kind == "th" else ""
        return f"<{kind}{' class=n' if column in numbers else ''}{scope}>{content}</{kind}>"

    head = "".join(cell("th", column, escape(name)) for column, name in enumerate(header))
    body = "".join(
        f"<tr>{''.join(cell('td', c, content) for c, content in enumerate(row))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
