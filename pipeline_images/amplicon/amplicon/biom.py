"""The variants' table in BIOM."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reporting.biom import Row
from reporting.biom import biom as table

from amplicon.denoising import Variant
from amplicon.taxonomy import Lineage


def biom(
    found: Sequence[Variant], names: Mapping[str, Lineage], sample: str, version: str, date: datetime
) -> dict[str, Any]:
    rows = [
        Row(
            id=variant.name,
            count=variant.reads,
            taxonomy=[f"{name.letter}__{name.name}" for name in names.get(variant.name, ())]
            or ["Unassigned"],
        )
        for variant in found
    ]
    made_by = f"globalbi amplicon {version}"
    return table(rows, kind="OTU table", sample=sample, made_by=made_by, date=date)


def biom_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
