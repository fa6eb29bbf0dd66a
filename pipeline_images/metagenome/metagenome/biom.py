"""The species table in BIOM."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from reporting.biom import Row
from reporting.biom import biom as table

from metagenome.abundance import Share
from metagenome.kraken_report import RANKS, Classification, Taxon

_LETTERS = {"domain": "d"} | {rank: rank[0] for rank in RANKS}


def biom(
    classification: Classification, found: Sequence[Share], sample: str, version: str, date: datetime
) -> dict[str, Any]:
    rows = [
        Row(
            id=str(each.taxon.taxid),
            count=each.taxon.fragments,
            taxonomy=lineage(classification, each.taxon),
        )
        for each in found
    ]
    made_by = f"globalbi metagenome {version}"
    return table(rows, kind="Taxon table", sample=sample, made_by=made_by, date=date)


def lineage(classification: Classification, taxon: Taxon) -> list[str]:
    """From the domain down; ranks that the taxonomy does not name are left out."""
    names: list[str] = []
    at: Taxon | None = taxon
    while at is not None:
        if at.rank in _LETTERS:
            names.append(f"{_LETTERS[at.rank]}__{at.name}")
        at = classification.taxa[at.parent] if at.parent is not None else None
    return names[::-1]
