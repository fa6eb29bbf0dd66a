"""`report.html`: what a person reads first."""

from collections.abc import Mapping
from html import escape

import numpy as np
from reporting.findings import Finding, percent
from reporting.page import NOT_A_DIAGNOSIS, finding_list, page, table

from cohort.comparison import LEAST_FOR_OUTLIERS, LEAST_FOR_PCOA
from cohort.plots import heat_map, scatter
from cohort.samples import short
from cohort.summary import Summary

SHOWN_TAXA = 25


def findings(summary: Summary) -> list[Finding]:
    count, names = len(summary.joined.samples), summary.joined.samples
    found = []
    if count == 1:
        found.append(_mind("One sample only", "There is nothing to compare it with yet."))
    elif count < LEAST_FOR_PCOA:
        words = f"Their Bray-Curtis distance is {summary.distances[0, 1]:.3f}; a plane takes three samples."
        found.append(_mind("Two samples only", words))
    if count > 1 and not summary.distances.any():
        found.append(
            _mind(
                "All samples are the same", "Every taxon has the same share in each. Was one uploaded twice?"
            )
        )
    elif pairs := _twins(summary):
        found.append(_mind("The same sample under two names?", f"No difference between {'; '.join(pairs)}."))
    if count > 1 and (summary.distances[~np.eye(count, dtype=bool)] == 1).all():
        found.append(_mind("Nothing in common", f"No {summary.joined.rank} was found in two samples."))
    for number in summary.outliers:
        words = (
            f"Its median distance to the others is {summary.medians[number]:.2f}, where "
            f"{float(np.median(summary.medians)):.2f} is usual here. Look at how it was taken and sequenced "
            "before you trust a difference that rests on it."
        )
        found.append(_mind(f"{names[number]} is unlike the others", words))
    if count >= LEAST_FOR_OUTLIERS and not summary.outliers:
        found.append(Finding(mind=False, title="No outlier", words="No sample is far from all others."))
    elif 1 < count < LEAST_FOR_OUTLIERS:
        words = f"Which sample is unlike the others is told from {LEAST_FOR_OUTLIERS} samples on."
        found.append(Finding(mind=False, title="Outliers were not looked for", words=words))
    return found


def _mind(title: str, words: str) -> Finding:
    return Finding(mind=True, title=title, words=words)


def _twins(summary: Summary) -> list[str]:
    names, (rows, columns) = summary.joined.samples, np.nonzero(np.triu(summary.distances == 0, k=1))
    pairs = [f"{names[row]} and {names[column]}" for row, column in zip(rows, columns, strict=True)]
    return pairs[:5]


def report(summary: Summary, tools: Mapping[str, str]) -> str:
    joined = summary.joined
    count = len(joined.samples)
    body = [
        f"<h1>{count} {'sample' if count == 1 else 'samples'} side by side</h1>",
        f'<p class="lead">{len(joined.taxa):,} different {joined.rank} names, '
        f"{int(joined.reads.sum()):,} reads with one.</p>",
        finding_list(findings(summary)),
    ]
    if summary.plane is not None:
        body += [
            "<h2>How far the samples are apart</h2>",
            "<p>Samples that lie close have similar shares of the same organisms. The axes have no unit; in "
            "brackets is how much of the variation an axis shows. Principal coordinates of Bray-Curtis "
            "distances; diamonds are outliers. Names that would cover another one are left out.</p>",
            scatter(joined.samples, summary.plane, summary.outliers),
        ]
    order = summary.order
    body += [
        f"<h2>The most abundant {joined.rank} names</h2>",
        "<p>The darker, the larger the share of a sample's reads. Samples that are alike stand together.</p>",
        heat_map(
            [joined.samples[number] for number in order],
            [short(taxon) for taxon in joined.taxa[:SHOWN_TAXA]],
            joined.shares[list(order)][:, :SHOWN_TAXA],
        ),
        "<h2>Samples</h2>",
        table(
            ("sample", "reads", joined.rank, "Shannon", "distance to the others", ""),
            [
                (
                    escape(name),
                    f"{int(joined.reads[number].sum()):,}",
                    str(summary.diversity[number].observed),
                    f"{summary.diversity[number].shannon:.2f}",
                    f"{summary.medians[number]:.3f}" if count > 1 else "",
                    "outlier" if number in summary.outliers else "",
                )
                for number, name in enumerate(joined.samples)
            ],
            numbers=(1, 2, 3, 4),
        ),
        '<p class="small">All numbers: abundance.tsv, reads.tsv, distances.tsv, pcoa.tsv, samples.tsv. '
        f"Largest share of one {joined.rank}: {percent(float(joined.shares.max()))}. "
        f"{escape(', '.join(f'{name} {version}' for name, version in tools.items()))}. {NOT_A_DIAGNOSIS}</p>",
    ]
    return page("Cohort", body)
