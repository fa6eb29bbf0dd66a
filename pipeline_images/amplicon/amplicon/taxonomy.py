"""SINTAX: a name for each variant, down to the rank that it can be sure of.

A rank's confidence is the share of 100 random samples of a sequence's words in which the closest
reference has that name.
"""

import gzip
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from programs.chain import Program, run_program

from amplicon.denoising import Variant, bare

CUTOFF = 0.8
RANKS = {
    "d": "domain",
    "k": "kingdom",
    "p": "phylum",
    "c": "class",
    "o": "order",
    "f": "family",
    "g": "genus",
    "s": "species",
}
_NAME = re.compile(r"([dkpcofgs]):(.*?)\(([0-9.]+)\)(?:,|$)")


@dataclass(frozen=True, kw_only=True)
class Name:
    letter: str  # of the rank, one of RANKS
    name: str
    confidence: float  # 0 to 1

    @property
    def rank(self) -> str:
        return RANKS[self.letter]


Lineage = tuple[Name, ...]


def classify(found: Sequence[Variant], reference: Path, work: Path) -> dict[str, Lineage]:
    """By variant: the ranks whose confidence reaches the cutoff; none for what nothing is like."""
    query, told = work / "variants.fasta", work / "sintax.tsv"
    query.write_text("".join(f">{variant.name}\n{variant.sequence}\n" for variant in found))
    command: list[str | Path] = ["vsearch", "--sintax", query, "--db", unpacked(reference, work)]
    command += ["--tabbedout", told]
    # Else vsearch takes small letters for masked ones, and a reference in small letters knows nothing.
    command += ["--dbmask", "none"]
    # One thread and a seed: the same upload gives the same confidences.
    command += ["--strand", "both", "--threads", "1", "--randseed", "1"]
    run_program(Program(name="sintax", command=command), work)
    return dict(lineages(told.read_text().splitlines()))


def unpacked(reference: Path, work: Path) -> Path:
    """Debian's vsearch reads gzip only where zlib's development files are, too."""
    if reference.suffix != ".gz":
        return reference
    plain = work / "reference.fasta"
    with gzip.open(reference) as packed, plain.open("wb") as out:
        shutil.copyfileobj(packed, out, 1 << 20)
    return plain


def lineages(lines: Iterable[str]) -> Mapping[str, Lineage]:
    """From SINTAX's table: name, all ranks with confidences, strand."""
    found = {}
    for line in lines:
        variant, told = [*line.split("\t"), ""][:2]
        sure: list[Name] = []
        for letter, name, confidence in _NAME.findall(told):
            if float(confidence) < CUTOFF:
                break
            sure.append(Name(letter=letter, name=name, confidence=float(confidence)))
        found[bare(variant)] = tuple(sure)
    return found


def lineage_text(lineage: Lineage) -> str:
    """As QIIME 2 writes it: d__Bacteria; p__Bacillota."""
    return "; ".join(f"{name.letter}__{name.name}" for name in lineage) or "Unassigned"
