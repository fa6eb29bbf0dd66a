"""The variants' table in BIOM 1.0, which QIIME 2, phyloseq and others read.

Format: biom-format.org, version 1.0: JSON, a sparse matrix of [row, column, value], here of one sample.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from amplicon.denoising import Variant
from amplicon.taxonomy import Lineage


def biom(
    found: Sequence[Variant], names: Mapping[str, Lineage], sample: str, version: str, date: datetime
) -> dict[str, Any]:
    return {
        "id": None,
        "format": "Biological Observation Matrix 1.0.0",
        "format_url": "http://biom-format.org",
        "type": "OTU table",
        "generated_by": f"globalbi amplicon {version}",
        "date": date.isoformat(timespec="seconds"),
        "rows": [
            {
                "id": variant.name,
                "metadata": {
                    "taxonomy": [f"{name.letter}__{name.name}" for name in names.get(variant.name, ())]
                    or ["Unassigned"]
                },
            }
            for variant in found
        ],
        "columns": [{"id": sample, "metadata": None}],
        "matrix_type": "sparse",
        "matrix_element_type": "int",
        "shape": [len(found), 1],
        "data": [[row, 0, variant.reads] for row, variant in enumerate(found) if variant.reads],
    }


def biom_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
