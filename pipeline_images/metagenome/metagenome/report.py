"""`report.html`: one page that a person reads first. No script, nothing loaded from elsewhere, made to be
printed.

Everything that comes from the sample, the database or a tool is escaped: names of files and taxa are not
ours.
"""

from collections.abc import Mapping, Sequence
from html import escape

from metagenome.abundance import Share
from metagenome.charts import Bar, bars, stack
from metagenome.findings import SOME_UNCLASSIFIED, findings, percent
from metagenome.summary import Summary

SHOWN_IN_CHART = 15
SHOWN_IN_TABLE = 25
_ITALIC = ("genus", "species")
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
_NOT_A_DIAGNOSIS = "This report describes DNA found in a sample; by itself it is no diagnosis."


def report(summary: Summary, tools: Mapping[str, str]) -> str:
    """The whole page."""
    species = summary.tables.get("species", [])
    body = [
        "<h1>Metagenome report</h1>",
        f'<p class="small">{escape(", ".join(summary.files))}</p>',
        f'<p class="lead">{_lead(summary, species)}</p>',
        _findings(summary),
        "<h2>Where the reads went</h2>",
        stack("Where the reads went", _way(summary), "way"),
        _way_table(summary),
    ]
    if species:
        body += [
            "<h2>Species</h2>",
            _explanation(summary),
            bars(f"The most abundant species ({_shown(species)})", _bars(species, italic=True), "species"),
        ]
    else:
        body += ["<h2>Species</h2>", "<p>No read belongs to a species that the database knows.</p>"]
    body += [
        "<h2>All ranks</h2>",
        *(_rank(rank, rows, summary.unit) for rank, rows in summary.tables.items()),
    ]
    body += [
        "<h2>Diversity</h2>",
        _diversity(summary),
        "<h2>How this was made</h2>",
        _methods(summary, tools),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src '
        "'unsafe-inline'\">"
        f"<title>Metagenome report</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _lead(s: Summary, species: Sequence[Share]) -> str:
    if not species:
        return f"Of {s.fragments:,} {s.unit}, none could be assigned to a species."
    top = species[0]
    number = f"{len(species):,} species were found" if len(species) > 1 else "One species was found"
    return (
        f"{number} among {s.classified:,} classified {s.unit}. The most abundant is "
        f"<em>{escape(top.taxon.name)}</em> with {percent(top.relative_abundance)}."
    )


def _findings(s: Summary) -> str:
    items = (
        f'<li class="{"mind" if f.mind else "fine"}">'
        f"<strong>{'Mind: ' if f.mind else ''}{escape(f.title)}.</strong> {escape(f.words)}</li>"
        for f in findings(s)
    )
    return f'<ul class="findings">{"".join(items)}</ul>'


def _way(s: Summary) -> list[Bar]:
    return [
        Bar(label="classified", share=s.classified / s.fragments),
        Bar(label="unknown to the database", share=(s.clean - s.classified) / s.fragments),
        Bar(label="host, removed", share=(s.filtered - s.clean) / s.fragments),
        Bar(label="too short or too poor", share=(s.fragments - s.filtered) / s.fragments),
    ]


def _way_table(s: Summary) -> str:
    steps = [
        ("uploaded", s.fragments),
        ("left after quality filtering", s.filtered),
        ("left after host removal", s.clean),
        ("classified", s.classified),
    ]
    rows = [[escape(label), f"{count:,}", percent(count / s.fragments)] for label, count in steps]
    dropped = f" {s.without_bases:,} {s.unit} without bases were left out." if s.without_bases else ""
    return _table((f"{s.unit} at each step", "", "of the upload"), rows, numbers=(1, 2)) + (
        f"<p class=small>{s.bases / 1e6:,.1f} million bases; reads are {s.mean_length} bases long on "
        f"average.{dropped}</p>"
    )


def _explanation(s: Summary) -> str:
    known = "" if s.unclassified_share < SOME_UNCLASSIFIED else " Mind the large unknown part above."
    return (
        f"<p>Relative abundance is a species' share of the {s.unit} that could be assigned to a species. It "
        "is a "
        "share of DNA, not of cells: a species with a larger genome gives more reads. Very small shares may "
        "be "
        f"chance hits.{known}</p>"
    )


def _shown(rows: Sequence[Share]) -> str:
    return f"{SHOWN_IN_CHART} of {len(rows):,}" if len(rows) > SHOWN_IN_CHART else f"all {len(rows)}"


def _bars(rows: Sequence[Share], *, italic: bool) -> list[Bar]:
    return [
        Bar(label=row.taxon.name, share=row.relative_abundance, italic=italic)
        for row in rows[:SHOWN_IN_CHART]
    ]


def _rank(rank: str, rows: Sequence[Share], unit: str) -> str:
    italic = rank in _ITALIC
    cells = [
        [
            f"<em>{escape(row.taxon.name)}</em>" if italic else escape(row.taxon.name),
            str(row.taxon.taxid),
            f"{row.taxon.fragments:,}",
            percent(row.relative_abundance),
        ]
        for row in rows[:SHOWN_IN_TABLE]
    ]
    more = len(rows) - SHOWN_IN_TABLE
    rest = f"<p class=small>{more:,} more are in abundance/{escape(rank)}.tsv.</p>" if more > 0 else ""
    table = _table((rank, "taxid", unit, "relative abundance"), cells, numbers=(1, 2, 3))
    opened = " open" if rank in ("phylum", "species") else ""
    title = f"{escape(rank.capitalize())} ({len(rows):,})"
    return f"<details{opened}><summary>{title}</summary>{table}{rest}</details>"


def _diversity(s: Summary) -> str:
    if not s.diversity:
        return "<p>Nothing was classified, so there is no diversity to tell.</p>"
    rows = [[escape(d.rank), f"{d.observed:,}", f"{d.shannon:.2f}", f"{d.simpson:.2f}"] for d in s.diversity]
    return (
        "<p>Shannon's index grows with the number of taxa and with how evenly they share the sample; 0 is a "
        "single one. "
        "Simpson's index is the chance that two reads are of different taxa. Compare only samples of like "
        "depth that "
        "were analysed with the same database.</p>"
    ) + _table(("rank", "taxa seen", "Shannon (nats)", "Simpson"), rows, numbers=(1, 2, 3))


def _methods(s: Summary, tools: Mapping[str, str]) -> str:
    host = "minimap2 (a pair is kept only if neither mate maps to the host)" if s.host_removal else "left out"
    steps = (
        f"<p>Quality filtering: fastp. Host removal: {host}. Classification: Kraken 2. Duplication is "
        "fastp's "
        "estimate. The tables in <code>abundance/</code> hold every taxon; <code>manifest.json</code> names "
        "the "
        "versions of the pipeline and of its references.</p>"
    )
    rows = [[escape(name), escape(version)] for name, version in tools.items()]
    return steps + _table(("tool", "version"), rows) + f"<p class=small>{_NOT_A_DIAGNOSIS}</p>"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """`rows` are HTML already."""

    def cell(kind: str, column: int, content: str) -> str:
        scope = ' scope="col"' if kind == "th" else ""
        return f"<{kind}{' class=n' if column in numbers else ''}{scope}>{content}</{kind}>"

    head = "".join(cell("th", column, escape(name)) for column, name in enumerate(header))
    body = "".join(
        f"<tr>{''.join(cell('td', c, content) for c, content in enumerate(row))}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
