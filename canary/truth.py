"""How far a result is from the truth: a mock community's composition is known, so it can be checked.

Abundances are compared at species level, each brought to a sum of one, by their Bray-Curtis distance: 0 is
the same composition, 1 has nothing in common. Reads of the host and of genomes that no database holds are
not in the comparison, since the pipeline removes the first and cannot name the second.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

NOT_COMPARED = {0, 9606}  # unknown to every database; the human host


def true_shares(truth: Path) -> dict[int, float]:
    """Share of reads by species taxid, from the mock community's truth.tsv."""
    with truth.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return _to_one({int(r["taxid"]): float(r["pairs"]) for r in rows if int(r["taxid"]) not in NOT_COMPARED})


def true_names(truth: Path) -> dict[int, str]:
    with truth.open(newline="") as lines:
        return {int(row["taxid"]): row["name"] for row in csv.DictReader(lines, delimiter="\t")}


def measured_shares(species: Path) -> tuple[dict[int, float], dict[int, str]]:
    """Relative abundance and name by taxid, from a run's abundance/species.tsv."""
    with species.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    shares = _to_one({int(row["taxid"]): float(row["relative_abundance"]) for row in rows})
    return shares, {int(row["taxid"]): row["name"] for row in rows}


def bray_curtis(one: Mapping[int, float], other: Mapping[int, float]) -> float:
    """Bray-Curtis distance of two compositions that each sum to one."""
    return 1 - sum(min(one.get(taxid, 0.0), other.get(taxid, 0.0)) for taxid in one.keys() | other.keys())


def _to_one(values: Mapping[int, float]) -> dict[int, float]:
    total = sum(values.values())
    if total <= 0:
        raise ValueError("a composition needs at least one abundance above zero")
    return {taxid: value / total for taxid, value in values.items()}
