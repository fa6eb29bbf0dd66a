"""Folders of results as metagenome and amplicon runs publish them."""

import json
from collections.abc import Mapping
from pathlib import Path


def write_sample(
    folder: Path, reads: Mapping[str, object], rank: str = "species", *, amplicon: bool = False
) -> None:
    (folder / "abundance").mkdir(parents=True, exist_ok=True)
    header = ("name", "rank", "lineage", "reads") if amplicon else ("taxid", "name", "rank", "reads")
    lines = ["\t".join(header)]
    for number, (name, count) in enumerate(reads.items()):
        row = (name.split(";")[-1], rank, name, count) if amplicon else (number, name, rank, count)
        lines.append("\t".join(map(str, row)))
    (folder / "abundance" / f"{rank}.tsv").write_text("\n".join(lines) + "\n")


def write_manifest(folder: Path, key: str) -> None:
    (folder / "manifest.json").write_text(json.dumps({"upload": {"key": key}}))
