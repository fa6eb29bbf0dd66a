"""The references that go with the community: databases of Kraken 2 and sylph, and the host for deacon and
minimap2. Run while the image is built.

python3 -m mock_community.references GENOMES TARGET: from the unpacked packages, writes below TARGET
references/<name>/<version>/ as the references bucket holds them, and strains/*.fa, the genomes to be
sequenced.
"""

import csv
import hashlib
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import pysylph

from mock_community.community import (
    COMMUNITY,
    HUMAN,
    HUMAN_FASTA,
    HUMAN_FROM,
    HUMAN_TO,
    RANKS,
    UNKNOWN,
    UNKNOWN_LENGTH,
)
from mock_community.fasta import read_fasta, write_fasta
from mock_community.programs import run

VERSION = "2026.1"
KRAKEN2, HOST, DEACON, SYLPH = "demo-kraken2", "demo-host", "demo-deacon", "demo-sylph"
UNKNOWN_SEED = 20261
SHORTEST = 600  # bases: shorter contigs give no fragments


def write_taxonomy(folder: Path) -> None:
    """A taxonomy of the community's lineages, in the form of NCBI's dump."""
    folder.mkdir(parents=True)
    nodes, names = {1: (1, "no rank")}, {1: "root"}
    for species in COMMUNITY:
        above = 1
        for rank, (taxid, name) in zip(RANKS, species.lineage, strict=True):
            nodes[taxid], names[taxid] = (above, rank), name
            above = taxid
    with (folder / "nodes.dmp").open("w") as out:
        out.writelines(f"{taxid}\t|\t{above}\t|\t{rank}\t|\t-\t|\n" for taxid, (above, rank) in nodes.items())
    with (folder / "names.dmp").open("w") as out:
        out.writelines(f"{taxid}\t|\t{name}\t|\t\t|\tscientific name\t|\n" for taxid, name in names.items())


def build_kraken2(genomes: Path, target: Path) -> None:
    """A database of the strains that are not sequenced, with what classification and ranks need."""
    with tempfile.TemporaryDirectory() as room:
        database = Path(room, "database")
        write_taxonomy(database / "taxonomy")
        for species in COMMUNITY:
            for number, fasta in enumerate(species.database):
                labelled = Path(room, f"{species.strain}_{number}.fa")
                sequences = (sequence for _, sequence in read_fasta(genomes / fasta))
                label = f"s{number}_{{}}|kraken:taxid|{species.taxid}"
                write_fasta(labelled, ((label.format(i), s) for i, s in enumerate(sequences)))
                run(["kraken2-build", "--db", database, "--add-to-library", labelled, "--no-masking"])
        threads = str(len(os.sched_getaffinity(0)))
        run(["kraken2-build", "--db", database, "--build", "--no-masking", "--threads", threads])
        (target / "taxonomy").mkdir(parents=True)
        for name in ("hash.k2d", "opts.k2d", "taxo.k2d", "taxonomy/nodes.dmp", "taxonomy/names.dmp"):
            shutil.copyfile(database / name, target / name)


def build_host(human: Path, target: Path) -> None:
    """minimap2's index for short reads of the part of chromosome X."""
    target.mkdir(parents=True)
    run(["minimap2", "-x", "sr", "-d", target / "host.mmi", human])


def build_deacon(human: Path, target: Path) -> None:
    """deacon's index of the same part of chromosome X."""
    target.mkdir(parents=True)
    run(["deacon", "index", "build", "--quiet", "--output", target / "host.idx", human])


def build_sylph(genomes: Path, target: Path) -> None:
    """A database of the same strains as Kraken 2's, and which species each is of."""
    target.mkdir(parents=True)
    sketcher, sketches = pysylph.Sketcher(), []
    with (target / "taxa.tsv").open("w", newline="") as out:
        taxa = csv.writer(out, delimiter="\t", lineterminator="\n")
        taxa.writerow(("genome", "taxid", "species"))
        for species in COMMUNITY:
            for fasta in species.database:
                name = Path(fasta).name
                contigs = [sequence for _, sequence in read_fasta(genomes / fasta)]
                sketches.append(sketcher.sketch_genome(name, contigs))
                taxa.writerow((name, species.taxid, species.name))
    pysylph.Database(sketches).dump(str(target / "genomes.syldb"))


def write_strains(genomes: Path, target: Path) -> None:
    """The genomes to be sequenced; names of sequences, and so of reads, begin with the strain."""
    target.mkdir(parents=True)
    for species in COMMUNITY:
        sequences = (s for _, s in read_fasta(genomes / species.sequenced))
        _write_strain(target, species.strain, [s for s in sequences if len(s) >= SHORTEST])
    ((_, chromosome),) = read_fasta(genomes / HUMAN_FASTA)
    _write_strain(
        target, HUMAN, [part for part in chromosome[HUMAN_FROM:HUMAN_TO].split("N") if len(part) >= SHORTEST]
    )
    unknown = "".join(random.Random(UNKNOWN_SEED).choices("ACGT", k=UNKNOWN_LENGTH))
    _write_strain(target, UNKNOWN, [unknown])  # a genome that no database holds


def _write_strain(target: Path, strain: str, sequences: list[str]) -> None:
    write_fasta(target / f"{strain}.fa", ((f"{strain}__{i}", s) for i, s in enumerate(sequences)))


def write_checksums(folder: Path) -> None:
    """SHA256SUMS of every other file, in the form of sha256sum."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in paths
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


def main(genomes: Path, target: Path) -> None:
    write_strains(genomes, target / "strains")
    human = target / "strains" / f"{HUMAN}.fa"
    folders = {name: target / "references" / name / VERSION for name in (KRAKEN2, HOST, DEACON, SYLPH)}
    build_kraken2(genomes, folders[KRAKEN2])
    build_host(human, folders[HOST])
    build_deacon(human, folders[DEACON])
    build_sylph(genomes, folders[SYLPH])
    for folder in folders.values():
        write_checksums(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
