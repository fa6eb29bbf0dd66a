"""A sample's table in BIOM 1.0, which QIIME 2, phyloseq and others read.

Format: biom-format.org, version 1.0: JSON, a sparse matrix of [row, column, value], here of one column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was counted, and how often. `taxonomy` is from the domain down, as in `d__Bacteria`."""

    id: str
    count: int
    taxonomy: Sequence[str]


def biom(rows: Sequence[Row], *, kind: str, sample: str, made_by: str, date: datetime) -> dict[str, Any]:
    """`kind` is one of the format's types of table."""
    return {
        "id": None,
        "format": "Biological Observation Matrix 1.0.0",
        "format_url": "http://biom-format.org",
        "type": kind,
        "generated_by": made_by,
        "date": date.isoformat(timespec="seconds"),
        "rows": [{"id": row.id, "metadata": {"taxonomy": list(row.taxonomy)}} for row in rows],
        "columns": [{"id": sample, "metadata": None}],
        "matrix_type": "sparse",
        "matrix_element_type": "int",
        "shape": [len(rows), 1],
        "data": [[number, 0, row.count] for number, row in enumerate(rows) if row.count],
    }
