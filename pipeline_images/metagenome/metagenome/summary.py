"""A sample's result in a few numbers: what went in, what was taken out, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporting.diversity import Diversity
from sequencing.reads import Reads

from metagenome.abundance import Share
from metagenome.agreement import Agreement
from metagenome.cleaning import Cleaned
from metagenome.kraken_report import Classification
from metagenome.measured import Measured
from metagenome.read_kind import ReadKind


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counted in fragments (`unit`: pairs, or reads of single-end samples)."""

    kind: ReadKind
    unit: str
    files: tuple[str, ...]
    fragments: int  # uploaded
    without_bases: int
    filtered: int  # left after quality filtering
    host_removal: bool
    clean: int  # left after host removal: what was classified
    classified: int
    measured: Measured
    tables: Mapping[str, Sequence[Share]]
    diversity: tuple[Diversity, ...]
    agreement: Agreement | None  # None: nobody was asked for a second opinion

    @property
    def filter_share(self) -> float:
        """Of the uploaded fragments, those that the filter took out."""
        return 1 - self.filtered / self.fragments

    @property
    def host_share(self) -> float:
        """Of the fragments that passed the filter, those that are the host's."""
        return 1 - self.clean / self.filtered

    @property
    def unclassified_share(self) -> float:
        """Of the fragments that were classified or not, those that are nothing the database knows."""
        return 1 - self.classified / self.clean if self.clean else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "reads": self.kind.value,
            "unit": self.unit,
            "files": list(self.files),
            "uploaded": self.fragments,
            "without_bases": self.without_bases,
            "after_filtering": self.filtered,
            "host_removal": self.host_removal,
            "after_host_removal": self.clean,
            "classified": self.classified,
            "host_share": round(self.host_share, 6),
            "unclassified_share": round(self.unclassified_share, 6),
            "bases": self.measured.bases,
            "mean_length": self.measured.mean_length,
            "n50": self.measured.n50,
            "q30_share": _rounded(self.measured.q30_share),
            "duplication": _rounded(self.measured.duplication),
            "second_opinion": self.agreement
            and {
                "distance": round(self.agreement.distance, 4),
                "disputed": [each.name for each in self.agreement.disputed],
            },
            "taxa": {rank: len(rows) for rank, rows in self.tables.items()},
            "diversity": {
                row.rank: {
                    "observed": row.observed,
                    "shannon": round(row.shannon, 4),
                    "simpson": round(row.simpson, 4),
                }
                for row in self.diversity
            },
        }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def summarise(
    reads: Reads,
    kind: ReadKind,
    cleaned: Cleaned,
    classification: Classification,
    tables: Mapping[str, Sequence[Share]],
    diversity: Sequence[Diversity],
    agreement: Agreement | None,
    *,
    host_removal: bool,
) -> Summary:
    return Summary(
        kind=kind,
        unit=reads.unit,
        files=tuple(reads.names),
        fragments=cleaned.fed.fragments,
        without_bases=cleaned.fed.without_bases,
        filtered=cleaned.filtered,
        host_removal=host_removal,
        clean=classification.fragments,
        classified=classification.classified,
        measured=cleaned.measured,
        tables=tables,
        diversity=tuple(diversity),
        agreement=agreement,
    )
