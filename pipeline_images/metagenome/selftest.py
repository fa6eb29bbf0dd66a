"""Run while the image is built: real reads through every tool, with a host that must go and a species that
must stay.

E. coli reads of a sequencer (SPAdes' test data) are mixed with reads of phage lambda (Bowtie 2's example).
The database holds E. coli 536 and lambda, lambda is the host: if its reads came through, its species would
show.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

NODES = ((1, 1, "no rank", "root"), (2, 1, "domain", "Bacteria"), (561, 2, "genus", "Escherichia"))
NODES += ((562, 561, "species", "Escherichia coli"), (10239, 1, "domain", "Viruses"))
NODES += ((10710, 10239, "species", "Lambda"),)
MOST_HOST_LEFT = 0.001  # some of Bowtie 2's reads are short and full of errors


def build_references(examples: Path, folder: Path) -> None:
    taxonomy = folder / "kraken2" / "taxonomy"
    taxonomy.mkdir(parents=True)
    (folder / "host").mkdir()
    with (taxonomy / "nodes.dmp").open("w") as nodes, (taxonomy / "names.dmp").open("w") as names:
        for taxid, above, rank, name in NODES:
            nodes.write(f"{taxid}\t|\t{above}\t|\t{rank}\t|\t-\t|\n")
            names.write(f"{taxid}\t|\t{name}\t|\t\t|\tscientific name\t|\n")
    build = ("kraken2-build", "--db", str(folder / "kraken2"), "--no-masking")
    for taxid, genome in (
        (562, "usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz"),
        (10710, "usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz"),
    ):
        lines = gzip.decompress((examples / genome).read_bytes()).decode().splitlines()
        labelled = folder / f"{taxid}.fa"
        labelled.write_text("\n".join([f">s|kraken:taxid|{taxid}", *lines[1:]]) + "\n")
        run(*build, "--add-to-library", str(labelled))
    run(*build, "--build")
    (folder / "10710.fa").rename(folder / "host" / "lambda.fa")


def mix(examples: Path, source: Path) -> tuple[int, int]:
    """Both kinds of reads in the files of one sample; how many pairs of each."""
    counts = []
    source.mkdir()
    for mate in (1, 2):
        coli = (examples / f"usr/share/spades/test_dataset/ecoli_1K_{mate}.fq.gz").read_bytes()
        phage = (examples / f"usr/share/doc/bowtie2/examples/reads/reads_{mate}.fq.gz").read_bytes()
        (source / f"sample_R{mate}.fastq.gz").write_bytes(
            coli + phage
        )  # gzip files may be put together like this
        counts.append(tuple(gzip.decompress(part).count(b"\n") // 4 for part in (coli, phage)))
    assert counts[0] == counts[1]
    return counts[0]


def run(*command: str, code: int = 0, **environ: str) -> str:
    done = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr


def pipeline(source: Path, output: Path, references: Path, code: int = 0) -> str:
    command = ("python3", "-m", "runner", str(source), str(output))
    return run(*command, code=code, REFERENCES=str(references))


def main(examples: Path) -> None:
    with tempfile.TemporaryDirectory() as room:
        references, source, output = (Path(room, name) for name in ("references", "input", "output"))
        build_references(examples, references)
        coli, phage = mix(examples, source)
        pipeline(source, output, references)
        summary = json.loads((output / "summary.json").read_text())
        assert summary["uploaded"] == coli + phage, summary
        table = json.loads((output / "abundance" / "species.biom").read_text())
        assert table["shape"] == [len(table["rows"]), 1], table
        assert table["rows"], table
        with (output / "abundance" / "species.tsv").open() as lines:
            species = {row["taxid"]: int(row["reads"]) for row in csv.DictReader(lines, delimiter="\t")}
        left = sum(count for taxid, count in species.items() if taxid != "562")
        assert left <= MOST_HOST_LEFT * phage, f"host reads are left: {species}"
        assert species["562"] >= 0.9 * coli, f"{species} of {coli} pairs of E. coli"
        assert "Escherichia coli" in (output / "report.html").read_text()

        single = Path(room, "single")
        single.mkdir()
        (single / "reads.fq").write_bytes(gzip.decompress((source / "sample_R1.fastq.gz").read_bytes()))
        pipeline(single, Path(room, "single-output"), references)
        assert json.loads(Path(room, "single-output/summary.json").read_text())["unit"] == "reads"

        damaged = source / "sample_R2.fastq.gz"
        damaged.write_bytes(damaged.read_bytes()[:-1000])
        words = pipeline(source, Path(room, "no-output"), references, code=65)
        assert "sample_R2.fastq.gz is cut off" in words, words
    print(
        f"metagenome: {species['562']} of {coli} E. coli pairs found, {phage - left} of {phage} lambda "
        "removed"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
