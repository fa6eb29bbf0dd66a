"""A sample's result in a few numbers: what went in, what was left at each step, what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporting.diversity import Diversity

from amplicon.abundance import Share, diversities, tables
from amplicon.denoising import Variants
from amplicon.merging import Uniques
from amplicon.primers import Primers
from amplicon.taxonomy import Lineage
from amplicon.trimming import Trimmed


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counted in fragments (`unit`: pairs, or reads of single-end samples)."""

    unit: str
    files: tuple[str, ...]
    fragments: int  # uploaded
    without_bases: int
    primers: Primers
    trimmed: int  # left after primers
    merged: int | None  # pairs that became one sequence; None: single reads
    forward_only: bool
    filtered: int
    different: int  # sequences
    variants: Variants
    names: Mapping[str, Lineage]
    tables: Mapping[str, Sequence[Share]]
    diversity: tuple[Diversity, ...]

    @property
    def unexplained(self) -> int:
        """Reads that are near no variant, nor a chimera: rare organisms and errors."""
        return self.filtered - self.variants.reads - self.variants.chimeric_reads

    @property
    def joined(self) -> int:
        """What went into the filter."""
        return self.trimmed if self.merged is None or self.forward_only else self.merged

    def named_share(self, rank: str) -> float:
        """Of the reads of variants, those that have a name at a rank."""
        return sum(row.reads for row in self.tables.get(rank, ())) / (self.variants.reads or 1)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": 1,
            "unit": self.unit,
            "files": list(self.files),
            "uploaded": self.fragments,
            "without_bases": self.without_bases,
            "primers": {
                "forward": self.primers.forward.name if self.primers.forward else None,
                "reverse": self.primers.reverse.name if self.primers.reverse else None,
                "region": self.primers.region,
                "both_ways": self.primers.mixed,
            },
            "with_primers": self.trimmed if self.primers.any else None,
            "merged": self.merged,
            "forward_only": self.forward_only,
            "after_filtering": self.filtered,
            "different_sequences": self.different,
            "copies_needed": self.variants.rarest,
            "asvs": len(self.variants.found),
            "in_asvs": self.variants.reads,
            "chimeras": self.variants.chimeras,
            "in_chimeras": self.variants.chimeric_reads,
            "taxa": {rank: len(rows) for rank, rows in self.tables.items()},
            "named_share": {rank: round(self.named_share(rank), 6) for rank in self.tables},
            "diversity": {
                row.rank: {
                    "observed": row.observed,
                    "shannon": round(row.shannon, 4),
                    "simpson": round(row.simpson, 4),
                }
                for row in self.diversity
            },
        }


def summarise(
    unit: str,
    files: Sequence[str],
    primers: Primers,
    trimmed: Trimmed,
    uniques: Uniques,
    variants: Variants,
    names: Mapping[str, Lineage],
) -> Summary:
    by_rank = tables(variants.found, names)
    return Summary(
        unit=unit,
        files=tuple(files),
        fragments=trimmed.fed.fragments,
        without_bases=trimmed.fed.without_bases,
        primers=primers,
        trimmed=trimmed.left,
        merged=uniques.merged,
        forward_only=uniques.forward_only,
        filtered=uniques.filtered,
        different=uniques.different,
        variants=variants,
        names=names,
        tables=by_rank,
        diversity=tuple(diversities(variants.found, by_rank)),
    )
