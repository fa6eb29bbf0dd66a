"""Run while the image is built: real 16S reads through every tool, compared with what is known of them.

DADA2's package brings pairs of two faecal samples (MiSeq, V4), and PacBio reads of whole genes of the
ZymoBIOMICS community, of eight known bacteria. `known.tsv` holds what DADA2 1.26 finds in the pairs (cut
to 240 and 200 bases, two expected errors, chimeras removed): an independent program, by another method.
"""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

KNOWN = Path(__file__).with_name("known.tsv")
LEAST_IN_KNOWN = 0.8  # of the reads; UNOISE also finds rarer variants, of which DADA2 is not sure
MOST_APART = 0.05  # between both programs' shares of a variant
ZYMO_GENERA = {"Bacillus", "Enterococcus", "Lactobacillus", "Listeria", "Pseudomonas", "Staphylococcus"}
ZYMO_FAMILY = "Enterobacteriaceae"  # of Escherichia and Salmonella, which 16S genes hardly tell apart
FORWARD, REVERSE = "GTGCCAGCCGCCGCGGTAA", "GGACTACAAGGGTTTCTAAT"  # 515F and 806R, one of their variants

Record = list[str]


def run(source: Path, output: Path, references: Path, code: int = 0) -> str:
    command = ("python3", "-m", "runner", str(source), str(output))
    environ = os.environ | {"REFERENCES": str(references)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{source.name} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def summary(output: Path) -> dict[str, object]:
    told: dict[str, object] = json.loads((output / "summary.json").read_text())
    return told


def records(path: Path) -> Iterator[Record]:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    yield from (lines[at : at + 4] for at in range(0, len(lines), 4))


def write(path: Path, reads: list[Record]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for read in reads for line in read).encode()))


def place(examples: Path, folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, example in files.items():
        (folder / f"{name}.fastq.gz").write_bytes((examples / f"{example}.fastq.gz").read_bytes())
    return folder


def as_dada2_says(samples: tuple[str, ...], output: Path) -> str:
    known: Counter[str] = Counter()
    for row in table(KNOWN):
        if row["sample"] in samples:
            known[row["sequence"]] += int(row["reads"])
    found = {row["sequence"]: int(row["reads"]) for row in table(output / "asv_table.tsv")}
    named = " and ".join(samples)
    missing = set(known) - set(found)
    assert not missing, f"{named}: {len(missing)} variants that DADA2 finds are missing: {missing}"
    in_known = sum(found[sequence] for sequence in known)
    assert in_known >= LEAST_IN_KNOWN * sum(found.values()), f"{named}: {in_known} of {sum(found.values())}"
    apart = max(abs(found[s] / in_known - known[s] / known.total()) for s in known)
    assert apart <= MOST_APART, f"{named}: shares differ from DADA2's by up to {apart:.3f}"
    return f"{named}: all {len(known)} variants of DADA2, shares within {apart:.3f}"


def with_primers(examples: Path, folder: Path) -> Path:
    """sam1 with primers behind spacers of up to 3 bases, every other pair the other way round."""
    chance = random.Random(1)
    mates: tuple[list[Record], list[Record]] = [], []
    for number, pair in enumerate(
        zip(records(examples / "sam1F.fastq.gz"), records(examples / "sam1R.fastq.gz"), strict=True)
    ):
        made = []
        for (head, bases, plus, quality), primer in zip(pair, (FORWARD, REVERSE), strict=True):
            front = "".join(chance.choices("ACGT", k=chance.randrange(4))) + primer
            made.append([head.split()[0], front + bases, plus, "G" * len(front) + quality])
        for kept, read in zip(mates, made if number % 2 else reversed(made), strict=True):
            kept.append(read)
    for number, kept in enumerate(mates, 1):
        write(folder / f"sam1_R{number}.fastq.gz", kept)
    return folder


def shotgun(examples: Path, folder: Path) -> Path:
    genome = "".join((examples / "phix_genome.fa").read_text().splitlines()[1:])
    chance = random.Random(1)
    starts = [chance.randrange(len(genome) - 150) for _ in range(2000)]
    write(
        folder / "phix.fastq.gz",
        [[f"@{n}", genome[at : at + 150], "+", "I" * 150] for n, at in enumerate(starts)],
    )
    return folder


def main(examples: Path, reference: Path) -> None:
    with tempfile.TemporaryDirectory() as named:
        room = Path(named)
        references = room / "references"
        references.mkdir()
        (references / "taxonomy").symlink_to(reference)
        run(place(examples, room / "sam1", s_R1="sam1F", s_R2="sam1R"), room / "sam1-out", references)
        print(as_dada2_says(("sam1",), room / "sam1-out"))
        genera = {row["name"] for row in table(room / "sam1-out/abundance/genus.tsv")}
        assert genera == {"Bacteroides", "Parabacteroides"}, genera
        assert "<em>Bacteroides</em>" in (room / "sam1-out/report.html").read_text()

        lanes = {"s_L001_R1": "sam1F", "s_L001_R2": "sam1R", "s_L002_R1": "sam2F", "s_L002_R2": "sam2R"}
        run(place(examples, room / "lanes", **lanes), room / "lanes-out", references)
        assert summary(room / "lanes-out")["uploaded"] == 3000
        print(as_dada2_says(("sam1", "sam2"), room / "lanes-out"))

        run(with_primers(examples, room / "primers"), room / "primers-out", references)
        told = summary(room / "primers-out")
        primers = {"forward": "515F", "reverse": "806R", "region": "16S V4", "both_ways": True}
        assert told["primers"] == primers, told
        same = (room / "primers-out/asv_table.tsv").read_text() == (
            room / "sam1-out/asv_table.tsv"
        ).read_text()
        assert same, "primers, spacers and direction change the variants"

        run(place(examples, room / "whole", zymo="samPB"), room / "whole-out", references)
        genera = {row["name"] for row in table(room / "whole-out/abundance/genus.tsv")}
        families = {row["name"] for row in table(room / "whole-out/abundance/family.tsv")}
        assert genera == ZYMO_GENERA, genera
        assert ZYMO_FAMILY in families, families
        print(f"whole genes of the ZymoBIOMICS community: {', '.join(sorted(genera))}, and {ZYMO_FAMILY}")
        run(place(examples, room / "both", zymo="samPBprimers"), room / "both-out", references)
        told = summary(room / "both-out")
        assert told["with_primers"] == 49, told

        assert "shotgun" in run(shotgun(examples, room / "shotgun"), room / "none", references, code=65)
        uneven = place(examples, room / "uneven", s_R1="sam1F", s_R2="samPBprimers")
        assert "mates do not match" in run(uneven, room / "none", references, code=65)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
