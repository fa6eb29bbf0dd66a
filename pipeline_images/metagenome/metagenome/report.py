"""`report.html`: one page that a person reads first. No script, nothing loaded from elsewhere, made to be
printed.

Everything that comes from the sample, the database or a tool is escaped: names of files and taxa are not
ours.
"""

from collections.abc import Mapping, Sequence
from html import escape

from reporting.charts import Bar, bars, stack
from reporting.findings import percent
from reporting.page import NOT_A_DIAGNOSIS, finding_list, page, table

from metagenome.abundance import Share
from metagenome.agreement import Agreement, Species
from metagenome.cleaning import SHORTEST, SHORTEST_OF_LONG
from metagenome.findings import SOME_UNCLASSIFIED, findings
from metagenome.measured import Measured
from metagenome.read_kind import ReadKind
from metagenome.summary import Summary

SHOWN_IN_CHART = 15
SHOWN_IN_TABLE = 25
_ITALIC = ("genus", "species")


def report(summary: Summary, tools: Mapping[str, str]) -> str:
    """The whole page."""
    species = summary.tables.get("species", [])
    body = [
        "<h1>Metagenome report</h1>",
        f'<p class="small">{escape(", ".join(summary.files))}</p>',
        f'<p class="lead">{_lead(summary, species)}</p>',
        finding_list(findings(summary)),
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
    if summary.agreement is not None:
        body += ["<h2>Second opinion</h2>", *_second_opinion(summary.agreement)]
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
    return page("Metagenome report", body)


def _lead(s: Summary, species: Sequence[Share]) -> str:
    if not species:
        return f"Of {s.fragments:,} {s.unit}, none could be assigned to a species."
    top = species[0]
    number = f"{len(species):,} species were found" if len(species) > 1 else "One species was found"
    return (
        f"{number} among {s.classified:,} classified {s.unit}. The most abundant is "
        f"<em>{escape(top.taxon.name)}</em> with {percent(top.relative_abundance)}."
    )


def _way(s: Summary) -> list[Bar]:
    left_out = "too short or too poor" if s.kind is ReadKind.SHORT else "too short"
    return [
        Bar(label="classified", share=s.classified / s.fragments),
        Bar(label="unknown to the database", share=(s.clean - s.classified) / s.fragments),
        Bar(label="host, removed", share=(s.filtered - s.clean) / s.fragments),
        Bar(label=left_out, share=(s.fragments - s.filtered) / s.fragments),
    ]


def _way_table(s: Summary) -> str:
    steps = [
        ("uploaded", s.fragments),
        ("left after quality filtering" if s.kind is ReadKind.SHORT else "long enough", s.filtered),
        ("left after host removal", s.clean),
        ("classified", s.classified),
    ]
    rows = [[escape(label), f"{count:,}", percent(count / s.fragments)] for label, count in steps]
    dropped = f" {s.without_bases:,} {s.unit} without bases were left out." if s.without_bases else ""
    return table((f"{s.unit} at each step", "", "of the upload"), rows, numbers=(1, 2)) + (
        f"<p class=small>{s.measured.bases / 1e6:,.1f} million bases; {_lengths(s.measured)}.{dropped}</p>"
    )


def _lengths(measured: Measured) -> str:
    told = f"reads are {measured.mean_length:,} bases long on average"
    if measured.n50 is None:
        return told
    return f"{told}, and half of the bases are in reads of {measured.n50:,} bases or more (N50)"


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


def _second_opinion(agreement: Agreement) -> list[str]:
    """Both methods' shares side by side, what they disagree on first."""
    if agreement.nothing:
        return ["<p>sylph saw no species in this sample.</p>"]
    rows = agreement.species[:SHOWN_IN_CHART]
    more = len(agreement.species) - len(rows)
    rest = f"<p class=small>{more:,} more are in abundance/second_opinion.tsv.</p>" if more > 0 else ""
    return [
        "<p>Kraken 2 looks at each read by itself and also sees what is rare, but takes a read for a species "
        "that is only similar. sylph believes in a genome when parts from all over it are there. "
        f"Bray–Curtis distance between the two: {agreement.distance:.3f} (0 is the same, 1 has nothing in "
        "common).</p>",
        table(
            ("species", "Kraken 2", "sylph", "identity to the known genome", "depth", ""),
            [_opinions(each) for each in rows],
            numbers=(1, 2, 3, 4),
        ),
        rest,
    ]


def _opinions(species: Species) -> list[str]:
    return [
        f"<em>{escape(species.name)}</em>",
        percent(species.kraken2),
        percent(species.sylphs),
        f"{species.sylph.ani:.1f}%" if species.sylph else "–",
        f"{species.sylph.coverage:.2f}×" if species.sylph else "–",
        "" if species.agree else "<strong>disputed</strong>",
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
    listed = table((rank, "taxid", unit, "relative abundance"), cells, numbers=(1, 2, 3))
    opened = " open" if rank in ("phylum", "species") else ""
    title = f"{escape(rank.capitalize())} ({len(rows):,})"
    return f"<details{opened}><summary>{title}</summary>{listed}{rest}</details>"


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
    ) + table(("rank", "taxa seen", "Shannon (nats)", "Simpson"), rows, numbers=(1, 2, 3))


def _methods(s: Summary, tools: Mapping[str, str]) -> str:
    steps = (
        f"<p>Filtering: {_filtering(s)}. Host removal: {_host_removal(s)}. Classification: Kraken 2. "
        f"Second opinion: {'sylph' if s.agreement is not None else 'none, there is no reference for it'}. "
        "The tables in <code>abundance/</code> hold every taxon; <code>manifest.json</code> names the "
        "versions of the pipeline and of its references.</p>"
    )
    rows = [[escape(name), escape(version)] for name, version in tools.items()]
    return steps + table(("tool", "version"), rows) + f"<p class=small>{NOT_A_DIAGNOSIS}</p>"


def _filtering(s: Summary) -> str:
    if s.kind is ReadKind.SHORT:
        return f"fastp (reads of {SHORTEST} bases or more), which also estimates duplication"
    return (
        f"long reads under {SHORTEST_OF_LONG} bases are left out, because it cannot be told well enough "
        "whether they are the host's"
    )


def _host_removal(s: Summary) -> str:
    if not s.host_removal:
        return "left out"
    if s.kind is ReadKind.LONG:
        return "minimap2 (a read is kept only if it does not map to the host)"
    if s.unit == "pairs":
        return "deacon (a pair is kept only if neither mate holds a word of the host's DNA)"
    return "deacon (a read is kept only if it holds no word of the host's DNA)"
