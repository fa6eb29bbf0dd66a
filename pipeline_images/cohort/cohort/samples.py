"""The samples: every folder of the input that holds the results of a metagenome or amplicon run.

Such a folder has `abundance/<rank>.tsv`; the sample is called as the folder is. All are compared at the
finest rank that each of them has a table of.
"""

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from programs.outcome import BadInput

Numbers = NDArray[np.float64]
RANKS = ("species", "genus", "family", "order", "class", "phylum", "kingdom", "domain")  # finest first
_LETTER = re.compile(r"^[a-z]__")
SINGLE = "sample"  # the name of the one sample whose tables lie at the top of the input


@dataclass(frozen=True, kw_only=True)
class Joined:
    """`reads`: one row a sample, one column a taxon; every sample and every taxon has at least one read."""

    rank: str
    samples: tuple[str, ...]
    taxa: tuple[str, ...]
    reads: Numbers

    @property
    def shares(self) -> Numbers:
        """Of each sample's reads with a name at this rank: rows sum to 1."""
        made: Numbers = self.reads / self.reads.sum(axis=1, keepdims=True)
        return made


def join(source: Path) -> Joined:
    """Raises `BadInput` when there is nothing that can be compared."""
    folders = _folders(source)
    rank = _common_rank(folders)
    counted: dict[str, dict[str, int]] = {}
    kinds: dict[bool, str] = {}
    for name, folder in folders.items():
        counted[name], with_lineage = _table(folder / "abundance" / f"{rank}.tsv", name)
        kinds.setdefault(with_lineage, name)
    if len(kinds) > 1:
        # The databases name things differently, and one counts genomes' reads, the other a gene's.
        raise BadInput(
            f"{kinds[True]} has results of amplicon and {kinds[False]} of metagenome; "
            "a cohort takes samples of one pipeline only"
        )
    totals: dict[str, int] = {}
    for table in counted.values():
        for taxon, reads in table.items():
            totals[taxon] = totals.get(taxon, 0) + reads
    taxa = sorted(totals, key=lambda taxon: (-totals[taxon], taxon))
    return Joined(
        rank=rank,
        samples=tuple(counted),
        taxa=tuple(taxa),
        reads=np.array([[table.get(taxon, 0) for taxon in taxa] for table in counted.values()], float),
    )


def _folders(source: Path) -> dict[str, Path]:
    """By sample's name, sorted."""
    found = sorted({path.parent.parent for path in source.rglob("abundance/*.tsv")})
    if not found:
        raise BadInput(
            "no sample here: a cohort takes a folder of results for each sample, with abundance/species.tsv "
            "or that of another rank in it"
        )
    uploads: dict[str, str] = {}
    named: dict[str, Path] = {}
    for folder in found:
        name = folder.relative_to(source).as_posix() if folder != source else SINGLE
        if upload := _upload(folder, name):
            if upload in uploads:
                raise BadInput(
                    f"{uploads[upload]} and {name} are results of one sample, {upload}; "
                    "a cohort takes the latest result of each sample only"
                )
            uploads[upload] = name
        named[name] = folder
    return named


def _upload(folder: Path, name: str) -> str | None:
    """The key of the upload that the results are of, where their manifest lies beside them."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        return None
    try:
        return str(json.loads(manifest.read_text())["upload"]["key"])
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"manifest.json of {name} is not the manifest of a run") from None


def _common_rank(folders: dict[str, Path]) -> str:
    for rank in RANKS:
        if all((folder / "abundance" / f"{rank}.tsv").is_file() for folder in folders.values()):
            return rank
    raise BadInput("the samples have no rank in common that each of them has an abundance table of")


def _table(file: Path, sample: str) -> tuple[dict[str, int], bool]:
    """Reads by taxon, and whether taxa are told by their lineage (amplicon) or their name (metagenome)."""
    where = f"abundance/{file.name} of {sample}"
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except (UnicodeDecodeError, csv.Error):
        raise BadInput(f"{where} is not a table of text") from None
    if rows and not {"name", "reads"} <= rows[0].keys():
        raise BadInput(f"{where} must have the columns name and reads")
    reads: dict[str, int] = {}
    with_lineage = bool(rows) and "lineage" in rows[0]
    for number, row in enumerate(rows, 2):
        taxon = row["lineage"] if with_lineage else row["name"]
        reads[_named(taxon, where, number)] = reads.get(taxon, 0) + _count(row["reads"], where, number)
    reads = {taxon: count for taxon, count in reads.items() if count}
    if not reads:
        raise BadInput(f"{where} counts no read: take this sample out of the cohort")
    return reads, with_lineage


def _named(taxon: str | None, where: str, number: int) -> str:
    if not taxon:
        raise BadInput(f"line {number} of {where} names no taxon")
    return taxon


def _count(value: str | None, where: str, number: int) -> int:
    if value is None or not (value.isascii() and value.isdigit()):
        raise BadInput(f"line {number} of {where} has {value!r} reads, which is no whole number")
    return int(value)


def short(taxon: str) -> str:
    """The last name of a lineage, `d__Bacteria; g__Bacillus`."""
    return _LETTER.sub("", taxon.split(";")[-1].strip()) or taxon
