"""`report.html`: what a person reads first. Everything from outside is escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from reporting.charts import Bar, bars, stack
from reporting.findings import percent
from reporting.page import NOT_A_DIAGNOSIS, finding_list, page, table

from amplicon.abundance import Share
from amplicon.findings import findings
from amplicon.merging import MOST_ERRORS
from amplicon.summary import Summary
from amplicon.taxonomy import CUTOFF, lineage_text

SHOWN_IN_CHART = 15
SHOWN_IN_TABLE = 25
_ITALIC = ("genus", "species")
_OF_SPECIES = "A species is the closest reference's; a part of one gene is no proof of it."


def report(summary: Summary, tools: Mapping[str, str]) -> str:
    """The whole page."""
    body = [
        "<h1>Amplicon report</h1>",
        f'<p class="small">{escape(", ".join(summary.files))}</p>',
        f'<p class="lead">{_lead(summary)}</p>',
        finding_list(findings(summary)),
        "<h2>Where the reads went</h2>",
        stack("Where the reads went", _way(summary), "way"),
        _way_table(summary),
        "<h2>Who is there</h2>",
        *_chart(summary),
        "<h2>Sequence variants</h2>",
        _variants(summary),
    ]
    if summary.tables:
        body += ["<h2>All ranks</h2>"]
        body += [_rank(rank, rows, summary.unit) for rank, rows in summary.tables.items()]
    body += [
        "<h2>Diversity</h2>",
        _diversity(summary),
        "<h2>How this was made</h2>",
        _methods(summary, tools),
    ]
    return page("Amplicon report", body)


def chart_rank(tables: Mapping[str, Sequence[Share]]) -> str | None:
    """Genera say most; where none has a name, the deepest rank that has."""
    ranks = [rank for rank in tables if rank != "species"]
    return "genus" if "genus" in tables else (ranks[-1] if ranks else None)


def _lead(s: Summary) -> str:
    count = len(s.variants.found)
    number = f"{count:,} sequence variants were found" if count != 1 else "One sequence variant was found"
    rank = chart_rank(s.tables)
    if rank is None:
        return f"{number} in {s.variants.reads:,} {s.unit}; the reference has a name for none."
    top = s.tables[rank][0]
    name = f"<em>{escape(top.name)}</em>" if rank in _ITALIC else escape(top.name)
    return (
        f"{number} in {s.variants.reads:,} {s.unit}. The most abundant {rank} is {name} with "
        f"{percent(top.relative_abundance)}."
    )


def _way(s: Summary) -> list[Bar]:
    parts = [
        ("in a variant", s.variants.reads),
        ("chimeras", s.variants.chimeric_reads),
        ("too rare, or errors", s.unexplained),
        ("too short or too poor", s.joined - s.filtered),
        ("mates do not merge", s.trimmed - s.joined),
        ("without primers", s.fragments - s.trimmed),
    ]
    return [Bar(label=label, share=count / s.fragments) for label, count in parts if count]


def _way_table(s: Summary) -> str:
    steps = [("uploaded", s.fragments)]
    steps += [("left with primers, cut off", s.trimmed)] if s.primers.any else []
    steps += [("merged", s.merged)] if s.merged is not None and not s.forward_only else []
    steps += [("left after quality filtering", s.filtered), ("in a variant", s.variants.reads)]
    rows = [[escape(label), f"{count:,}", percent(count / s.fragments)] for label, count in steps]
    dropped = f"<p class=small>{s.without_bases:,} {s.unit} without bases were left out.</p>"
    return table((f"{s.unit} at each step", "", "of the upload"), rows, numbers=(1, 2)) + (
        dropped if s.without_bases else ""
    )


def _chart(s: Summary) -> list[str]:
    rank = chart_rank(s.tables)
    if rank is None:
        return ["<p>The reference has a name for no variant.</p>"]
    rows = s.tables[rank]
    shown = f"{SHOWN_IN_CHART} of {len(rows):,}" if len(rows) > SHOWN_IN_CHART else f"all {len(rows)}"
    drawn = [
        Bar(label=row.name, share=row.relative_abundance, italic=rank in _ITALIC)
        for row in rows[:SHOWN_IN_CHART]
    ]
    return [
        f"<p>Shares of the {s.unit} that have a {rank} ({percent(s.named_share(rank))} of those in a "
        "variant). Organisms have one to fifteen copies of the gene, and primers like some better than "
        "others: compare a share with the same one of other samples, not with another one of this "
        "sample.</p>",
        bars(f"The most abundant at the rank of {rank} ({shown})", drawn, "chart"),
    ]


def _variants(s: Summary) -> str:
    rows = [
        [
            f'<code style="white-space: nowrap">{escape(variant.name[:8])}</code>',
            escape(lineage_text(s.names.get(variant.name, ()))),
            str(len(variant.sequence)),
            f"{variant.reads:,}",
            percent(variant.reads / (s.variants.reads or 1)),
        ]
        for variant in s.variants.found[:SHOWN_IN_TABLE]
    ]
    more = len(s.variants.found) - SHOWN_IN_TABLE
    rest = f"<p class=small>{more:,} more are in asv_table.tsv.</p>" if more > 0 else ""
    header = ("variant", "name", "bases", s.unit, "share")
    return (
        "<p>A variant (ASV) is a sequence that is told from its neighbours by as little as one base. Its "
        "full name is the MD5 of its sequence, so that the same organism has the same one in every sample "
        "of these primers.</p>" + table(header, rows, numbers=(2, 3, 4)) + rest
    )


def _rank(rank: str, rows: Sequence[Share], unit: str) -> str:
    cells = [
        [
            f"<em>{escape(row.name)}</em>" if rank in _ITALIC else escape(row.name),
            f"{row.reads:,}",
            percent(row.relative_abundance),
        ]
        for row in rows[:SHOWN_IN_TABLE]
    ]
    more = len(rows) - SHOWN_IN_TABLE
    rest = f"<p class=small>{more:,} more are in abundance/{escape(rank)}.tsv.</p>" if more > 0 else ""
    if rank == "species":
        rest += f"<p class=small>{_OF_SPECIES}</p>"
    listed = table((rank, unit, "relative abundance"), cells, numbers=(1, 2))
    opened = " open" if rank in ("phylum", "genus") else ""
    title = f"{escape(rank.capitalize())} ({len(rows):,})"
    return f"<details{opened}><summary>{title}</summary>{listed}{rest}</details>"


def _diversity(s: Summary) -> str:
    rows = [[escape(d.rank), f"{d.observed:,}", f"{d.shannon:.2f}", f"{d.simpson:.2f}"] for d in s.diversity]
    return (
        "<p>Shannon's index grows with the number of variants or names and with how evenly they share the "
        "sample; 0 is a single one. Simpson's index is the chance that two reads are of different ones. "
        "Compare only samples of like depth and of the same primers.</p>"
    ) + table(("rank", "seen", "Shannon (nats)", "Simpson"), rows, numbers=(1, 2, 3))


def _methods(s: Summary, tools: Mapping[str, str]) -> str:
    merging = "" if s.merged is None else " Pairs: merged by vsearch."
    steps = (
        f"<p>Primers: {escape(s.primers.told)}, cut off by cutadapt where found.{merging} Filter: at most "
        f"{MOST_ERRORS:g} expected error. Variants: vsearch's UNOISE, of sequences seen "
        f"{s.variants.rarest} times or more; chimeras by uchime3_denovo. Names: SINTAX, down to the rank "
        f"with a confidence of {CUTOFF:g}. <code>manifest.json</code> names the versions of the pipeline "
        "and of its reference.</p>"
    )
    rows = [[escape(name), escape(version)] for name, version in tools.items()]
    return steps + table(("tool", "version"), rows) + f"<p class=small>{NOT_A_DIAGNOSIS}</p>"
