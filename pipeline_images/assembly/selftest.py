"""Run while the image is built: real reads become contigs, and what the run before left out does not.

Reads of phage lambda as a sequencer made them (Bowtie 2's example), and reads cut from the genome of E. coli
536 (Bowtie's example), enough of it for a bin.
"""

import csv
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PIECE, PAIRS = 300_000, 15_000  # bases of E. coli, enough for a bin, and pairs of reads of them
LEFT_OUT, LEFT_OUT_PAIRS = 6_000, 600  # another piece, whose reads the run before left out
LENGTH, INSERT = 100, 300
LAMBDA = 48_502  # bases
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def cut_reads(genome: str, number: int) -> list[tuple[str, str]]:
    """Pairs without errors; lambda's are the ones with errors."""
    chance, pairs = random.Random(1), []
    for _ in range(number):
        start = chance.randrange(len(genome) - INSERT)
        piece = genome[start : start + INSERT]
        pairs.append((piece[:LENGTH], piece[::-1].translate(COMPLEMENT)[:LENGTH]))
    return pairs


def write_sample(examples: Path, source: Path, after: Path) -> str:
    """A sample, and the table of kept reads that the run before would leave; the piece that is left out."""
    source.mkdir()
    packed = examples / "usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz"
    genome = "".join(gzip.decompress(packed.read_bytes()).decode().upper().splitlines()[1:])
    left_out = genome[3_000_000 : 3_000_000 + LEFT_OUT]
    made = cut_reads(genome[1_000_000 : 1_000_000 + PIECE], PAIRS) + cut_reads(left_out, LEFT_OUT_PAIRS)
    lengths = []
    for mate in (1, 2):
        packed = examples / f"usr/share/doc/bowtie2/examples/reads/reads_{mate}.fq.gz"
        phage = gzip.decompress(packed.read_bytes()).decode()
        lengths.append([len(line) for line in phage.splitlines()[1::4]])
        coli = "".join(f"@c{n}\n{pair[mate - 1]}\n+\n{'I' * LENGTH}\n" for n, pair in enumerate(made))
        with gzip.open(source / f"sample_R{mate}.fastq.gz", "wt", compresslevel=1) as out:
            out.write(phage + coli)
    rows = [f"{one}\t{two}" for one, two in zip(*lengths, strict=True)]
    rows += [f"{LENGTH}\t{LENGTH}"] * PAIRS + ["0\t0"] * LEFT_OUT_PAIRS
    (after / "reads").mkdir(parents=True)
    (after / "reads" / "kept.tsv.gz").write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return left_out


def pipeline(source: Path, output: Path, after: Path | None, code: int = 0) -> str:
    environ = os.environ | ({"AFTER": str(after)} if after else {})
    done = subprocess.run(
        ("python3", "-m", "runner", str(source), str(output)),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def main(examples: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        left_out = write_sample(examples, room / "sample", room / "after")
        pipeline(room / "sample", room / "out", room / "after")
        contigs = table(room / "out" / "contigs.tsv")
        summary = json.loads((room / "out" / "summary.json").read_text())
        assert summary["cleaned_by_the_run_before"] is True
        assert summary["uploaded"] - summary["assembled"] == LEFT_OUT_PAIRS, summary
        bases = "".join(
            gzip.decompress((room / "out" / "contigs.fasta.gz").read_bytes()).decode().split("\n")
        )
        words = {left_out[start : start + 60] for start in range(0, LEFT_OUT - 60, 60)}
        words |= {word[::-1].translate(COMPLEMENT) for word in words}
        assert not [word for word in words if word in bases], "reads that were left out were assembled"
        assert summary["contigs"]["n50"] > 10_000, summary
        # Lambda's reads cover it more than three times as often.
        phage = sum(int(each["bases"]) for each in contigs if float(each["coverage"]) > 20)
        assert 0.8 * LAMBDA < phage < 1.2 * LAMBDA, contigs[:20]
        page = (room / "out" / "report.html").read_text()
        assert "unknown" not in page, "a tool does not tell its version"
        assert "2.6.3" in page, "Prodigal's version is wrong"
        [only] = table(room / "out" / "bins.tsv")
        assert 0.85 * PIECE < int(only["bases"]) < 1.02 * PIECE, only
        assert 0.8 < summary["genes"] / ((PIECE + LAMBDA) / 1_000) < 1.5, summary

        few = room / "few"
        few.mkdir()
        (few / "reads.fastq").write_text("@r\nACGTACGTAC\n+\nIIIIIIIIII\n")
        words = pipeline(few, room / "out-few", None, code=65)
        assert "the reads do not come together" in words, words
    print(
        f"assembly: {summary['contigs']['contigs']} contigs, N50 {summary['contigs']['n50']}, "
        f"{summary['genes']} genes, {only['bases']} bases in a bin, {phage} of lambda's {LAMBDA}"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
