"""Run while the image is built: real reads through every tool, with a host that must go and a species that
must stay.

E. coli reads of a sequencer (SPAdes' test data) are mixed with reads of phage lambda (Bowtie 2's example).
The database holds E. coli 536 and lambda, lambda is the host: if its reads came through, its species would
show. Long reads are Bowtie 2's of lambda, and some made here from E. coli's genome with a nanopore's errors.
Real 16S reads (dada2's) have to be refused.
"""

import csv
import gzip
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pysylph

NODES = ((1, 1, "no rank", "root"), (2, 1, "domain", "Bacteria"), (561, 2, "genus", "Escherichia"))
NODES += ((562, 561, "species", "Escherichia coli"), (10239, 1, "domain", "Viruses"))
NODES += ((10710, 10239, "species", "Lambda"),)
# Bowtie 2's reads of the host are short and full of errors and N: deacon leaves 36 of 10,000 pairs of them,
# and with its own default of two words three times as many.
MOST_HOST_LEFT, MOST_LONG_HOST_LEFT = 0.005, 0.001
ECOLI = "usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz"
DADA2 = "usr/lib/R/site-library/dada2/extdata"
LONG_READS, LONG_LENGTH, LONG_ERRORS, LONG_QUALITY = 300, 3_000, 0.08, "+"
SHORT_READS, SHORT_LENGTH, SHORT_ERRORS, SHORT_QUALITY = 20_000, 150, 0.002, "I"


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
        (562, ECOLI),
        (10710, "usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz"),
    ):
        lines = gzip.decompress((examples / genome).read_bytes()).decode().splitlines()
        labelled = folder / f"{taxid}.fa"
        labelled.write_text("\n".join([f">s|kraken:taxid|{taxid}", *lines[1:]]) + "\n")
        run(*build, "--add-to-library", str(labelled))
    run(*build, "--build")
    (folder / "10710.fa").rename(folder / "host" / "lambda.fa")
    (folder / "deacon").mkdir()
    index = str(folder / "deacon" / "lambda.idx")
    run("deacon", "index", "build", "--quiet", "--output", index, str(folder / "host" / "lambda.fa"))
    (folder / "sylph").mkdir()
    sequence = "".join(gzip.decompress((examples / ECOLI).read_bytes()).decode().split("\n")[1:])
    pysylph.Database([pysylph.Sketcher().sketch_genome("coli.fna", [sequence])]).dump(
        str(folder / "sylph" / "coli.syldb")
    )
    (folder / "sylph" / "taxa.tsv").write_text("genome\ttaxid\tspecies\ncoli.fna\t562\tEscherichia coli\n")


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


def made(examples: Path, count: int, length: int, errors: float, quality: str) -> bytes:
    """Reads from both strands of E. coli, with letters changed, lost and put in."""
    chance = random.Random(1)
    genome = "".join(gzip.decompress((examples / ECOLI).read_bytes()).decode().split("\n")[1:])
    reads = []
    for number in range(count):
        at = chance.randrange(len(genome) - length)
        exact = genome[at : at + length]
        if number % 2:
            exact = exact[::-1].translate(str.maketrans("ACGT", "TGCA"))
        bases = "".join(
            chance.choice(("", "A", "C", "G", "T", letter * 2)) if chance.random() < errors else letter
            for letter in exact
        )
        reads.append(f"@made{number} runid=1 ch={number}\n{bases}\n+\n{quality * len(bases)}\n")
    return "".join(reads).encode()


def species_of(output: Path) -> dict[str, int]:
    with (output / "abundance" / "species.tsv").open() as lines:
        return {row["taxid"]: int(row["reads"]) for row in csv.DictReader(lines, delimiter="\t")}


def check_complete(output: Path) -> None:
    """All that pipeline.yaml promises; a Krona chart that loads nothing."""
    described = Path(__file__).with_name("pipeline.yaml").read_text()
    promised = re.search(r"^produces: \[(.*?)\]", described, re.DOTALL | re.MULTILINE)
    assert promised, described
    missing = [name for name in re.split(r",\s+", promised[1]) if not (output / name).is_file()]
    assert not missing, missing
    chart = (output / "krona.html").read_text()
    loaded = re.findall(r"<(?:script|img|link)\b[^>]*?\b(?:src|href)=\"(?!data:)([^\"]*)", chart)
    assert [address for address in loaded if not address.startswith("' + ")] == [], (
        loaded
    )  # of its own images
    assert 'name="Escherichia coli"' in chart, chart[-3000:]


def long_reads(examples: Path, room: Path, references: Path) -> str:
    """Told from short ones by their length; the host goes; short and long together are refused."""
    source, output = room / "long", room / "long-output"
    source.mkdir()
    phage = gzip.decompress((examples / "usr/share/doc/bowtie2/examples/reads/longreads.fq.gz").read_bytes())
    (source / "coli.fastq").write_bytes(made(examples, LONG_READS, LONG_LENGTH, LONG_ERRORS, LONG_QUALITY))
    (source / "phage.fastq").write_bytes(phage)
    pipeline(source, output, references)
    check_complete(output)
    summary = json.loads((output / "summary.json").read_text())
    of_host = phage.count(b"\n") // 4
    assert (summary["reads"], summary["uploaded"]) == ("long", LONG_READS + of_host), summary
    assert summary["n50"] > summary["mean_length"] > 300, summary
    assert not (output / "qc" / "fastp.json").exists()
    species = species_of(output)
    assert species["562"] >= 0.95 * LONG_READS, species
    # Some reads of the host say N where others have bases: what is left must not be known as the host's.
    removed = summary["uploaded"] - summary["after_host_removal"]
    assert 0.98 * of_host <= removed <= of_host, (of_host, summary)
    left = sum(count for taxid, count in species.items() if taxid != "562")
    assert left <= MOST_LONG_HOST_LEFT * of_host, f"host reads are left: {species}"

    (source / "phage.fastq").write_bytes(
        gzip.decompress((examples / "usr/share/doc/bowtie2/examples/reads/reads_1.fq.gz").read_bytes())
    )
    words = pipeline(source, room / "no-output", references, code=65)
    assert "mixes short reads (phage.fastq) with long ones (coli.fastq)" in words, words
    return f"{species['562']} of {LONG_READS} long E. coli reads found, {removed} of {of_host} lambda removed"


def second_opinion(examples: Path, room: Path, references: Path) -> None:
    """Reads from all over a genome: sylph has to see it, and to agree with Kraken 2."""
    source, output = room / "second", room / "second-output"
    source.mkdir()
    (source / "coli.fastq").write_bytes(
        made(examples, SHORT_READS, SHORT_LENGTH, SHORT_ERRORS, SHORT_QUALITY)
    )
    pipeline(source, output, references)
    with (output / "abundance" / "second_opinion.tsv").open() as lines:
        (row,) = csv.DictReader(lines, delimiter="\t")
    assert (row["taxid"], row["sylph"], row["agree"]) == ("562", "1.000000", "yes"), row
    assert float(row["sylph_ani"]) > 99, row


def amplicons(examples: Path, room: Path, references: Path) -> None:
    source = room / "amplicons"
    source.mkdir()
    for mate, letter in ((1, "F"), (2, "R")):
        (source / f"s_R{mate}.fastq.gz").write_bytes(
            (examples / DADA2 / f"sam1{letter}.fastq.gz").read_bytes()
        )
    words = pipeline(source, room / "no-output", references, code=65)
    assert "upload amplicon reads to the amplicon pipeline" in words, words
    (source / "s_R1.fastq.gz").unlink()
    (source / "s_R2.fastq.gz").unlink()
    (source / "long.fastq.gz").write_bytes((examples / DADA2 / "samPB.fastq.gz").read_bytes())
    words = pipeline(source, room / "no-output", references, code=65)
    assert "upload amplicon reads to the amplicon pipeline" in words, words


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
        check_complete(output)
        species = species_of(output)
        left = sum(count for taxid, count in species.items() if taxid != "562")
        assert left <= MOST_HOST_LEFT * phage, f"host reads are left: {species}"
        # One in nine of SPAdes' pairs has a mate under 45 bases, and is filtered out.
        assert species["562"] >= 0.88 * coli, f"{species} of {coli} pairs of E. coli"
        assert "Escherichia coli" in (output / "report.html").read_text()

        single = Path(room, "single")
        single.mkdir()
        (single / "reads.fq").write_bytes(gzip.decompress((source / "sample_R1.fastq.gz").read_bytes()))
        pipeline(single, Path(room, "single-output"), references)
        assert json.loads(Path(room, "single-output/summary.json").read_text())["unit"] == "reads"
        told = long_reads(examples, Path(room), references)
        second_opinion(examples, Path(room), references)
        amplicons(examples, Path(room), references)

        damaged = source / "sample_R2.fastq.gz"
        damaged.write_bytes(damaged.read_bytes()[:-1000])
        words = pipeline(source, Path(room, "no-output"), references, code=65)
        assert "sample_R2.fastq.gz is cut off" in words, words
    print(
        f"metagenome: {species['562']} of {coli} E. coli pairs found, {phage - left} of {phage} lambda "
        f"removed; {told}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
