"""`report.html`: what a person reads first of an assembly.

Names of files are the branch's: they are escaped. Names of contigs and bins are ours.
"""

from collections.abc import Mapping, Sequence
from html import escape

from reporting.charts import Bar, bars, stack
from reporting.findings import percent
from reporting.page import NOT_A_DIAGNOSIS, finding_list, page, table

from assembly.binning import SHORTEST_CONTIG, Bin
from assembly.findings import findings
from assembly.summary import Summary

SHOWN_IN_CHART = 15
SHOWN_IN_TABLE = 50


def report(summary: Summary, tools: Mapping[str, str]) -> str:
    """The whole page."""
    body = [
        "<h1>Assembly report</h1>",
        f'<p class="small">{escape(", ".join(summary.files))}</p>',
        f'<p class="lead">{_lead(summary)}</p>',
        finding_list(findings(summary)),
        "<h2>Where the reads went</h2>",
        stack("Where the reads went", _way(summary), "way"),
        _way_table(summary),
        "<h2>Contigs</h2>",
        _contigs(summary),
        bars("Assembled bases by length of contig", _length_bars(summary), "lengths"),
        _length_table(summary),
        "<h2>Bins</h2>",
        _bins(summary),
        "<h2>How this was made</h2>",
        _methods(summary, tools),
    ]
    return page("Assembly report", body)


def _lead(s: Summary) -> str:
    bins = "no bin" if not s.bins else "one bin" if len(s.bins) == 1 else f"{len(s.bins):,} bins"
    return (
        f"{s.shape.contigs:,} contigs with {s.shape.bases:,} bases were put together from {s.fragments:,} "
        f"{s.unit}. Half of the bases are in contigs of {s.shape.n50:,} or more (N50); the longest has "
        f"{s.shape.longest:,}. There are {s.genes:,} genes and {bins}."
    )


def _way(s: Summary) -> list[Bar]:
    used = s.fragments / s.uploaded
    left_out = "filtered out, or the host's" if s.cleaned else "without bases"
    return [
        Bar(label="found again in contigs", share=used * s.mapped_share),
        Bar(label="not assembled", share=used * (1 - s.mapped_share)),
        Bar(label=left_out, share=1 - used),
    ]


def _way_table(s: Summary) -> str:
    rows = [
        ["uploaded", f"{s.uploaded:,}", percent(1.0)],
        ["to assemble", f"{s.fragments:,}", percent(s.fragments / s.uploaded)],
    ]
    return table((f"{s.unit} at each step", "", "of the upload"), rows, numbers=(1, 2)) + (
        f"<p class=small>{s.bases / 1e6:,.1f} million bases were assembled; {percent(s.mapped_share)} of the "
        "reads map to the contigs.</p>"
    )


def _contigs(s: Summary) -> str:
    shape = s.shape
    rows = [
        ["contigs", f"{shape.contigs:,}"],
        ["bases", f"{shape.bases:,}"],
        ["longest contig", f"{shape.longest:,}"],
        ["N50: half of the bases are in contigs of this length or longer", f"{shape.n50:,}"],
        ["L50: so many contigs hold half of the bases", f"{shape.l50:,}"],
        ["G and C", percent(shape.gc)],
        ["genes", f"{s.genes:,}"],
    ]
    return table(("the assembly", ""), rows, numbers=(1,))


def _length_bars(s: Summary) -> list[Bar]:
    return [Bar(label=name, share=bases / s.shape.bases) for name, _, bases in s.lengths]


def _length_table(s: Summary) -> str:
    rows = [
        [escape(name), f"{count:,}", f"{bases:,}", percent(bases / s.shape.bases)]
        for name, count, bases in s.lengths
    ]
    return table(("length of contig", "contigs", "bases", "of all bases"), rows, numbers=(1, 2, 3))


def _bins(s: Summary) -> str:
    if not s.bins:
        return "<p>There are no bins; the contigs and their genes are in the tables all the same.</p>"
    shown = s.bins[:SHOWN_IN_CHART]
    title = f"The largest bins ({len(shown)} of {len(s.bins):,})" if len(s.bins) > len(shown) else "Bins"
    more = len(s.bins) - SHOWN_IN_TABLE
    rest = f"<p class=small>{more:,} more are in bins.tsv.</p>" if more > 0 else ""
    return (
        "<p>A bin is a set of contigs that are likely of one genome: they are alike in composition, and the "
        "reads cover them alike. How complete a bin is, and whether contigs of another genome got into it, "
        "is not measured here. Coverage is how often a base is read on average.</p>"
        + bars(f"{title}: share of the assembled bases", _bin_bars(shown, s.shape.bases), "bins")
        + table(
            ("bin", "contigs", "bases", "N50", "G and C", "coverage", "genes"),
            [_bin_row(each, s.bin_genes) for each in s.bins[:SHOWN_IN_TABLE]],
            numbers=(1, 2, 3, 4, 5, 6),
        )
        + rest
    )


def _bin_bars(bins: Sequence[Bin], bases: int) -> list[Bar]:
    return [Bar(label=each.name, share=each.shape.bases / bases) for each in bins]


def _bin_row(each: Bin, genes: Mapping[str, int]) -> list[str]:
    return [
        escape(each.name),
        f"{each.shape.contigs:,}",
        f"{each.shape.bases:,}",
        f"{each.shape.n50:,}",
        percent(each.shape.gc),
        f"{each.coverage:,.1f}",
        f"{genes.get(each.name, 0):,}",
    ]


def _methods(s: Summary, tools: Mapping[str, str]) -> str:
    before = "as the metagenome run cleaned them" if s.cleaned else "as they were uploaded"
    rows = [[escape(name), escape(version)] for name, version in tools.items()]
    return (
        f"<p>Reads: {before}. Assembly: MEGAHIT. Coverage: minimap2. Bins: MetaBAT 2, contigs of "
        f"{SHORTEST_CONTIG:,} bases or more. Genes: Prodigal, without training. <code>contigs.tsv</code> and "
        "<code>bins.tsv</code> hold every contig and every bin; <code>manifest.json</code> names the version "
        "of the pipeline and the run whose results it took.</p>"
        + table(("tool", "version"), rows)
        + f"<p class=small>{NOT_A_DIAGNOSIS}</p>"
    )
