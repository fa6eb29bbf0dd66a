"""The species table in BIOM 1.0, which QIIME 2, phyloseq and others read.

Format: biom-format.org, version 1.0: JSON, a sparse matrix of [row, column, value], here of one sample.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from metagenome.abundance import Share
from metagenome.kraken_report import RANKS, Classification, Taxon

_LETTERS = {"domain": "d"} | {rank: rank[0] for rank in RANKS}


def biom(
    classification: Classification, rows: Sequence[Share], sample: str, version: str, date: datetime
) -> dict[str, Any]:
    return {
        "id": None,
        "format": "Biological Observation Matrix 1.0.0",
        "format_url": "http://biom-format.org",
        "type": "Taxon table",
        "generated_by": f"globalbi metagenome {version}",
        "date": date.isoformat(timespec="seconds"),
        "rows": [
            {"id": str(row.taxon.taxid), "metadata": {"taxonomy": lineage(classification, row.taxon)}}
            for row in rows
        ],
        "columns": [{"id": sample, "metadata": None}],
        "matrix_type": "sparse",
        "matrix_element_type": "int",
        "shape": [len(rows), 1],
        "data": [[number, 0, row.taxon.fragments] for number, row in enumerate(rows)],
    }


def lineage(classification: Classification, taxon: Taxon) -> list[str]:
    """From the domain down; ranks that the taxonomy does not name are left out."""
    names: list[str] = []
    at: Taxon | None = taxon
    while at is not None:
        if at.rank in _LETTERS:
            names.append(f"{_LETTERS[at.rank]}__{at.name}")
        at = classification.taxa[at.parent] if at.parent is not None else None
    return names[::-1]
