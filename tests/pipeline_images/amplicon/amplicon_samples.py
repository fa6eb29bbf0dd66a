"""Small uploads, tools that only pretend, and results for the tests of the amplicon pipeline."""

import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from amplicon.abundance import diversities, tables
from amplicon.denoising import Variant, Variants
from amplicon.primers import FORWARD, REVERSE, Mates, Primers, reverse_complement
from amplicon.summary import Summary
from amplicon.taxonomy import Lineage, lineages

BY_NAME = {primer.name: primer for primer in (*FORWARD, *REVERSE)}
_ANY = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT"}
_ANY |= {"V": "ACG", "N": "ACGT"}

VARIANTS = (
    Variant(name="a1", sequence="ACGTACGTAA", reads=600),
    Variant(name="b2", sequence="ACGTACGTCC", reads=300),
    Variant(name="c3", sequence="ACGTACGTGG", reads=100),
)
SINTAX = """\
a1;size=5\td:Bacteria(1.00),p:Bacteroidetes(1.00),f:Bacteroidaceae(1.00),g:Bacteroides(0.95)\t+
b2\td:Bacteria(1.00),p:Firmicutes(0.90),f:Lachnospiraceae(0.80),g:Blautia(0.79)\t+
c3\t\t
"""


def synthesised(name: str, chance: random.Random) -> str:
    """One of the molecules that a primer's letters stand for."""
    return "".join(chance.choice(_ANY.get(letter, letter)) for letter in BY_NAME[name].sequence)


def insert(chance: random.Random, length: int = 120) -> str:
    return "".join(chance.choices("ACGT", k=length))


def pairs(
    forward: str | None, reverse: str | None, *, count: int = 50, spacer: int = 0, flipped: float = 0
) -> list[Mates]:
    """What a sequencer reads from both ends of one amplicon."""
    chance = random.Random(1)
    gene = insert(chance)
    made = []
    for _ in range(count):
        near, far = (
            insert(chance, chance.randrange(spacer + 1)) + (synthesised(name, chance) if name else "")
            for name in (forward, reverse)
        )
        mates = (near + gene).encode(), far.encode() + reverse_complement(gene.encode())
        made.append(mates if chance.random() >= flipped else (mates[1], mates[0]))
    return made


def singles(forward: str, reverse: str | None, *, count: int = 50, flipped: float = 0) -> list[Mates]:
    chance = random.Random(1)
    gene = insert(chance)
    made = []
    for _ in range(count):
        end = reverse_complement(synthesised(reverse, chance).encode()) if reverse else b""
        read = (synthesised(forward, chance) + gene).encode() + end
        turned = reverse_complement(read)
        made.append((read, turned) if chance.random() >= flipped else (turned, read))
    return made


def pretend(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> None:
    """A tool of this name on the PATH, written in Python."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport sys\nwords = sys.argv[1:]\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def summary(
    *,
    found: Sequence[Variant] = VARIANTS,
    names: Mapping[str, Lineage] | None = None,
    files: Sequence[str] = ("s_R1.fastq.gz", "s_R2.fastq.gz"),
    chimeras: int = 1,
    chimeric_reads: int = 50,
    **changed: Any,
) -> Summary:
    names = lineages(SINTAX.splitlines()) if names is None else names
    by_rank = tables(found, names)
    numbers: dict[str, Any] = {
        "unit": "pairs",
        "files": tuple(files),
        "fragments": 1500,
        "without_bases": 0,
        "primers": Primers(forward=BY_NAME["515F"], reverse=BY_NAME["806R"]),
        "trimmed": 1400,
        "merged": 1300,
        "forward_only": False,
        "filtered": 1200,
        "different": 300,
        "variants": Variants(found=tuple(found), chimeras=chimeras, chimeric_reads=chimeric_reads, rarest=8),
        "names": names,
        "tables": by_rank,
        "diversity": tuple(diversities(found, by_rank)),
    }
    return Summary(**(numbers | changed))
