"""A cohort in numbers, and the tables it is told in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from reporting.diversity import Diversity, diversity_of
from reporting.tables import tsv

from cohort.comparison import Plane, bray_curtis, outliers, principal_coordinates, to_others
from cohort.samples import Joined, Numbers


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Rows and numbers of samples are in the order of `joined.samples`."""

    joined: Joined
    distances: Numbers
    plane: Plane | None
    medians: Numbers  # of each sample's distances to the others
    outliers: tuple[int, ...]
    diversity: tuple[Diversity, ...]

    @property
    def order(self) -> tuple[int, ...]:
        """Samples along the first axis, so that those that are alike stand together."""
        if self.plane is None:
            return tuple(range(len(self.joined.samples)))
        return tuple(int(number) for number in np.argsort(self.plane.points[:, 0], kind="stable"))

    def as_json(self) -> dict[str, Any]:
        names = self.joined.samples
        return {
            "samples": len(names),
            "rank": self.joined.rank,
            "taxa": len(self.joined.taxa),
            "outliers": [names[number] for number in self.outliers],
            "explained": list(self.plane.explained) if self.plane else None,
        }


def summarise(joined: Joined) -> Summary:
    distances = bray_curtis(joined.shares)
    return Summary(
        joined=joined,
        distances=distances,
        plane=principal_coordinates(distances),
        medians=to_others(distances),
        outliers=outliers(distances),
        diversity=tuple(
            diversity_of(joined.rank, [float(share) for share in row if share]) for row in joined.shares
        ),
    )


def tables(summary: Summary) -> dict[str, str]:
    """By file name."""
    joined, plane = summary.joined, summary.plane
    made = {
        "abundance.tsv": _by_taxon(joined, joined.shares, ".6f"),
        "reads.tsv": _by_taxon(joined, joined.reads, ".0f"),
        "distances.tsv": tsv(
            ("sample", *joined.samples),
            [
                (name, *(f"{value:.6f}" for value in row))
                for name, row in zip(joined.samples, summary.distances, strict=True)
            ],
        ),
        "samples.tsv": tsv(
            ("sample", "reads", "observed", "shannon", "simpson", "distance_to_others", "outlier"),
            [_sample(summary, number) for number in range(len(joined.samples))],
        ),
    }
    if plane is not None:
        made["pcoa.tsv"] = tsv(
            ("sample", "axis1", "axis2"),
            [
                (name, f"{point[0]:.6f}", f"{point[1]:.6f}")
                for name, point in zip(joined.samples, plane.points, strict=True)
            ],
        )
    return made


def _by_taxon(joined: Joined, values: Numbers, form: str) -> str:
    return tsv(
        (joined.rank, *joined.samples),
        [
            (taxon, *(format(value, form) for value in values[:, column]))
            for column, taxon in enumerate(joined.taxa)
        ],
    )


def _sample(summary: Summary, number: int) -> Sequence[object]:
    diversity = summary.diversity[number]
    return (
        summary.joined.samples[number],
        int(summary.joined.reads[number].sum()),
        diversity.observed,
        f"{diversity.shannon:.4f}",
        f"{diversity.simpson:.4f}",
        f"{summary.medians[number]:.6f}",
        "yes" if number in summary.outliers else "no",
    )
