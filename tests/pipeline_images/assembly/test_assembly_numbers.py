"""The numbers that describe an assembly: contigs, coverage, bins, genes, tables."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from assembly.binning import bins_of, mean_coverage
from assembly.contigs import Contig, fasta, named_by_length, read_fasta, shape_of, write_fasta
from assembly.coverage import read_depths
from assembly.genes import features, headed, shares
from assembly.summary import bin_table, contig_table, lengths_of

from tests.pipeline_images.assembly.assembly_samples import contigs


@pytest.mark.parametrize(
    ("lengths", "n50", "l50"),
    [
        ((80, 70, 50, 40, 30, 20), 70, 2),  # the usual example: 150 of 290 are in 80 and 70
        ((100,), 100, 1),
        ((50, 50), 50, 1),  # half is reached with the first
        ((10, 10, 10, 10), 10, 2),
        ((), 0, 0),
    ],
)
def test_n50_and_l50_are_what_everybody_means(lengths: tuple[int, ...], n50: int, l50: int) -> None:
    """Two laboratories compare their assemblies by these two numbers."""
    shape = shape_of(contigs(*lengths))
    assert (shape.n50, shape.l50) == (n50, l50)
    assert shape.bases == sum(lengths)


def test_contigs_are_named_by_length_whatever_the_assembler_s_order() -> None:
    """The assembler's order changes with its threads: names must not."""
    made = [Contig(name=f"k141_{n}", bases=bases) for n, bases in enumerate(("ACG", "TTTTT", "CCCCC"))]
    expected = [("contig_1", "CCCCC"), ("contig_2", "TTTTT"), ("contig_3", "ACG")]
    assert [(c.name, c.bases) for c in named_by_length(made)] == expected
    assert [(c.name, c.bases) for c in named_by_length(made[::-1])] == expected


@pytest.mark.parametrize("name", ["contigs.fasta", "contigs.fasta.gz"])
def test_contigs_come_back_from_their_file(tmp_path: Path, name: str) -> None:
    """A lost base in the published FASTA is a wrong result."""
    made = contigs(1, 79, 80, 81, 500)
    write_fasta(made, tmp_path / name)
    assert list(read_fasta(tmp_path / name)) == made
    assert max(len(line) for line in fasta(made)) == 81


def test_the_assembler_s_notes_are_no_part_of_a_name(tmp_path: Path) -> None:
    """MEGAHIT writes `flag=1 multi=2.0 len=5` behind the name."""
    path = tmp_path / "final.contigs.fa"
    path.write_text(">k141_0 flag=1 multi=2.0 len=5\nacg\ntt\n>k141_1 flag=0\nGG\n")
    assert [(c.name, c.bases) for c in read_fasta(path)] == [("k141_0", "ACGTT"), ("k141_1", "GG")]


def test_coverage_of_a_bin_is_over_its_bases() -> None:
    """A short contig of a repeat must not make a genome look abundant."""
    long, short = contigs(900, 100)
    assert mean_coverage([long, short], {long.name: 10.0, short.name: 110.0}) == pytest.approx(20.0)


def test_bins_are_ordered_by_size_not_by_file(tmp_path: Path) -> None:
    """The same sample must give the same names of bins."""
    one, two, three = contigs(500, 300, 250)
    found = bins_of([[one], [two, three]], {})
    assert [(each.name, each.shape.bases) for each in found] == [("bin_1", 550), ("bin_2", 500)]
    assert bins_of([[two, three], [one]], {}) == found


def test_depths_are_read_from_metabat_s_table(tmp_path: Path) -> None:
    """Coverage of another column would be the variance."""
    path = tmp_path / "depths.tsv"
    path.write_text(
        "contigName\tcontigLen\ttotalAvgDepth\treads.bam\treads.bam-var\ncontig_1\t500\t7.5\t7.5\t99\n"
    )
    assert read_depths(path) == {"contig_1": 7.5}


@pytest.mark.parametrize("threads", [1, 2, 5, 50])
def test_every_contig_gets_its_genes_looked_for_once(threads: int) -> None:
    """Cut into parts for several processes, none may be lost or counted twice."""
    made = contigs(*range(10, 30))
    parts = shares(made, threads)
    assert sorted(c.name for part in parts for c in part) == sorted(c.name for c in made)
    assert all(parts)
    assert len(parts) == min(threads, len(made))
    loads = [sum(len(c.bases) for c in part) for part in parts]
    assert max(loads) - min(loads) <= max(len(c.bases) for c in made)


def test_ids_of_genes_are_unique_over_all_parts() -> None:
    """Prodigal starts anew with ID=1_1 in each of its processes: in one file two genes would be one."""
    gff = [
        "##gff-version  3\n",
        "# Sequence Data: seqnum=1;seqlen=500\n",
        "contig_7\tProdigal_v2.6.3\tCDS\t2\t181\t20.0\t+\t0\tID=1_1;partial=10;start_type=Edge\n",
        "contig_7\tProdigal_v2.6.3\tCDS\t200\t500\t20.0\t+\t0\tID=1_2;partial=01\n",
    ]
    assert [line.split("\t")[8].split(";")[0] for line in features(gff)] == ["ID=contig_7_1", "ID=contig_7_2"]
    genes: Counter[str] = Counter()
    faa = [
        ">contig_7_1 # 2 # 181 # 1 # ID=1_1;partial=10\n",
        "MKV*\n",
        ">contig_7_2 # 200 # 500 # 1 # ID=1_2\n",
    ]
    written = list(headed(faa, genes))
    assert written[0] == ">contig_7_1 # 2 # 181 # 1 # ID=contig_7_1;partial=10\n"
    assert written[1] == "MKV*\n"
    assert genes == {"contig_7": 2}


def rows(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def test_the_tables_hold_every_contig_and_bin() -> None:
    """They are what a bioinformatician goes on with."""
    made = contigs(3_000, 2_000, 600)
    bins = bins_of([made[:2]], {made[0].name: 4.0, made[1].name: 9.0})
    genes = {made[0].name: 3, made[1].name: 1}
    table = rows(contig_table(made, {made[0].name: 4.0}, bins, genes))
    assert [(row["contig"], row["bases"], row["bin"]) for row in table] == [
        ("contig_1", "3000", "bin_1"),
        ("contig_2", "2000", "bin_1"),
        ("contig_3", "600", ""),
    ]
    assert [row["genes"] for row in table] == ["3", "1", "0"]
    [row] = rows(bin_table(bins, {"bin_1": 4}))
    assert (row["bases"], row["n50"], row["l50"]) == ("5000", "3000", "1")
    assert (row["coverage"], row["genes"]) == ("6.00", "4")


def test_classes_of_length_leave_no_contig_out() -> None:
    """The chart of lengths must add up to the assembly."""
    made = contigs(500, 999, 1_000, 2_499, 2_500, 10_000, 49_999, 50_000)
    found = lengths_of(made)
    assert [count for _, count, _ in found] == [2, 2, 1, 2, 1, 0]
    assert sum(bases for _, _, bases in found) == sum(len(c.bases) for c in made)
