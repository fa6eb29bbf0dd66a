"""How diverse a sample is, at each level that it was counted at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reporting.tables import tsv


@dataclass(frozen=True, kw_only=True)
class Diversity:
    rank: str
    observed: int  # taxa with at least one fragment
    shannon: float  # nats
    simpson: float  # 1 - the chance that two fragments are of one taxon


def diversity_of(rank: str, shares: Sequence[float]) -> Diversity:
    """`shares` are of 1."""
    return Diversity(
        rank=rank,
        observed=len(shares),
        shannon=-sum(p * math.log(p) for p in shares) + 0.0,
        simpson=1 - sum(p * p for p in shares),
    )


def diversity_text(rows: Sequence[Diversity]) -> str:
    return tsv(
        ("rank", "observed", "shannon", "simpson"),
        [(row.rank, row.observed, f"{row.shannon:.4f}", f"{row.simpson:.4f}") for row in rows],
    )
