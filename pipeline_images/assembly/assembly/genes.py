"""Genes: Prodigal on every contig, in as many processes as there are threads, for it has none of its own."""

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from programs.chain import Program, run_program

from assembly.contigs import Contig, write_fasta
from assembly.settings import Settings

# Prodigal numbers the sequences of each of its inputs: over several, only the contig's name is unique.
_ID = re.compile(r"\bID=\d+_(\d+)")


def find_genes(
    contigs: Sequence[Contig], settings: Settings, work: Path, gff: Path, proteins: Path
) -> Counter[str]:
    """Write both files; returns the number of genes by contig."""
    parts = list(enumerate(shares(contigs, settings.threads)))
    with ThreadPoolExecutor(settings.threads) as pool:
        folders = list(pool.map(lambda part: _prodigal(part[1], work / f"genes-{part[0]}"), parts))
    with gzip.open(gff, "wt", compresslevel=6) as out:
        out.write("##gff-version 3\n")
        for folder in folders:
            with (folder / "genes.gff").open() as lines:
                out.writelines(features(lines))
    genes: Counter[str] = Counter()
    with gzip.open(proteins, "wt", compresslevel=6) as out:
        for folder in folders:
            with (folder / "proteins.faa").open() as lines:
                out.writelines(headed(lines, genes))
    return genes


def shares(contigs: Sequence[Contig], number: int) -> list[list[Contig]]:
    """The contigs in at most `number` parts of about the same bases, none empty."""
    parts: list[list[Contig]] = [[] for _ in range(number)]
    loads = [0] * number
    for contig in contigs:  # the longest first: each goes where there is least
        least = loads.index(min(loads))
        parts[least].append(contig)
        loads[least] += len(contig.bases)
    return [part for part in parts if part]


def features(lines: Iterable[str]) -> Iterator[str]:
    """Prodigal's GFF without its comments; each ID is the protein's name."""
    for line in lines:
        if not line.startswith("#") and line.strip():
            yield _ID.sub(rf"ID={line.split(chr(9), 1)[0]}_\1", line, count=1)


def headed(lines: Iterable[str], genes: Counter[str]) -> Iterator[str]:
    """Prodigal's proteins with the same IDs; counts the genes of each contig."""
    for line in lines:
        if not line.startswith(">"):
            yield line
            continue
        contig = line[1:].split(" ", 1)[0].rpartition("_")[0]
        genes[contig] += 1
        yield _ID.sub(rf"ID={contig}_\1", line, count=1)


def _prodigal(contigs: Sequence[Contig], folder: Path) -> Path:
    folder.mkdir()
    write_fasta(contigs, folder / "contigs.fasta")
    # meta: a sample has many genomes, so none can be trained on.
    command: list[str | Path] = ["prodigal", "-p", "meta", "-q", "-i", folder / "contigs.fasta"]
    command += ["-f", "gff", "-o", folder / "genes.gff", "-a", folder / "proteins.faa"]
    run_program(Program(name="prodigal", command=command), folder)
    return folder
