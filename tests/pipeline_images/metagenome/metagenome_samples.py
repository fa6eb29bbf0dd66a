"""Small uploads and results for the tests of the metagenome pipeline."""

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from metagenome.abundance import diversity, tables
from metagenome.agreement import Agreement, agreement_of
from metagenome.kraken_report import Classification, read_report
from metagenome.measured import Measured
from metagenome.read_kind import ReadKind
from metagenome.summary import Summary
from metagenome.sylph import Found

# As Kraken 2.1.2 wrote it: rank codes of the higher taxa are empty, indentation tells the tree.
REPORT = """\
 10.00\t100\t100\tU\t0\tunclassified
 90.00\t900\t0\t\t1\troot
 90.00\t900\t0\t\t2\t  Bacteria
 70.00\t700\t0\t\t1224\t    Pseudomonadota
 70.00\t700\t20\t\t561\t      Escherichia
 60.00\t600\t600\tS\t562\t        Escherichia coli
  8.00\t80\t80\tS\t564\t        Escherichia fergusonii
 20.00\t200\t0\tP\t1239\t    Bacillota
 20.00\t200\t0\tG\t1279\t      Staphylococcus
 20.00\t200\t150\tS\t1280\t        Staphylococcus aureus
  5.00\t50\t50\tS1\t93061\t          Staphylococcus aureus NCTC 8325
"""
RANKS = {1: "no rank", 2: "domain", 1224: "phylum", 561: "genus"}
MEASURED = Measured(bases=360_000, mean_length=150, q30_share=0.9, duplication=0.01)
LONG = {
    "kind": ReadKind.LONG,
    "unit": "reads",
    "filtered": 1200,
    "measured": Measured(bases=3_600_000, mean_length=3_000, n50=5_400),
}


def fastq(count: int = 3, *, mate: int = 1, quality: str = "IIIIFFFF#A", start: int = 0) -> str:
    return "".join(f"@run:{n} {mate}:N:0\nACGTACGTNN\n+\n{quality}\n" for n in range(start, start + count))


def upload(folder: Path, **files: str | bytes) -> Path:
    """Files by name (`__` stands for a dot); text in names that end with gz is packed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" and isinstance(content, str) else data)
    return folder


def classification(text: str = REPORT) -> Classification:
    return read_report(text, RANKS)


def summary(
    found: Classification | None = None, *, files: Sequence[str] = ("s_R1.fastq.gz",), **changed: Any
) -> Summary:
    found = found or classification()
    by_rank = tables(found)
    numbers: dict[str, Any] = {
        "kind": ReadKind.SHORT,
        "unit": "pairs",
        "files": tuple(files),
        "fragments": 1200,
        "without_bases": 0,
        "filtered": 1100,
        "host_removal": True,
        "clean": found.fragments,
        "classified": found.classified,
        "measured": MEASURED,
        "tables": by_rank,
        "diversity": tuple(diversity(rank, rows) for rank, rows in by_rank.items()),
        "agreement": None,
    }
    return Summary(**(numbers | changed))


def records(sequences: Iterable[str]) -> str:
    return "".join(f"@r{n}\n{bases}\n+\n{'I' * len(bases)}\n" for n, bases in enumerate(sequences))


def second_opinion(**shares: float) -> Agreement:
    """What sylph says of the sample of `classification()`: shares by name, `_` for a space."""
    taxids = {"Escherichia_coli": 562, "Escherichia_fergusonii": 564, "Staphylococcus_aureus": 1280}
    found = [
        Found(
            taxid=taxids.get(name, 10_000 + number),
            name=name.replace("_", " "),
            share=share,
            ani=98.7,
            coverage=1.25,
        )
        for number, (name, share) in enumerate(shares.items())
    ]
    return agreement_of(tables(classification())["species"], found)
