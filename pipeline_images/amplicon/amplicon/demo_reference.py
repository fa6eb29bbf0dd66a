"""Makes the small demo reference: the 16S genes of type strains, from Debian's microbiomeutil-data.

`python3 -m amplicon.demo_reference rRNA16S.gold.fasta FOLDER`, while the image is built. Its records of
type strains (`(T)`, from RDP) have a name and a lineage; those where the two disagree are left out, and
so are those of genomes, many of which have another organism's lineage.
"""

import gzip
import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

NAME, VERSION = "demo-16s", "2026.1"
_STRAIN = re.compile(r">(?P<id>S\d+) (?P<genus>[A-Z][a-z]+) (?P<species>[a-z-]+) .*\(T\)")
_LETTERS = "dpcofg"


def records(lines: Iterable[str]) -> Iterator[str]:
    """SINTAX's FASTA, a record at a time."""
    head, sequence = None, ""
    for line in lines:
        if line.startswith(">"):
            if head:
                yield f"{head}\n{sequence}\n"
            head, sequence = sintax_head(line), ""
        else:
            sequence += line.strip().upper()
    if head:
        yield f"{head}\n{sequence}\n"


def sintax_head(line: str) -> str | None:
    """The header with `;tax=`; None for a record to leave out."""
    told, _, lineage = line.rstrip().rpartition("\t")
    strain = _STRAIN.match(told)
    names = [name.strip() for name in lineage.split(";")]
    if not strain or len(names) != len(_LETTERS):
        return None
    # RDP numbers the parts of genera that are none: "Bacillus a", "Clostridium XI".
    if names[-1].split()[0] != strain["genus"]:
        return None
    names[-1] = strain["genus"]
    ranks = [
        f"{letter}:{re.sub('[^A-Za-z0-9.-]+', '_', name)}"
        for letter, name in zip(_LETTERS, names, strict=True)
    ]
    return f">{strain['id']};tax={','.join(ranks)},s:{strain['genus']}_{strain['species']};"


def make(source: Path, folder: Path) -> None:
    """Write `FOLDER/<name>/<version>/` as the references bucket holds it."""
    with source.open(errors="replace") as lines:
        data = gzip.compress("".join(records(lines)).encode(), mtime=0)
    made = folder / NAME / VERSION
    made.mkdir(parents=True)
    (made / "16s.fasta.gz").write_bytes(data)
    (made / "SHA256SUMS").write_text(f"{hashlib.sha256(data).hexdigest()}  16s.fasta.gz\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
