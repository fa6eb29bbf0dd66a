"""What a cohort takes as its samples, and what it refuses in one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from amplicon.abundance import Share, rank_text
from amplicon.taxonomy import Name
from cohort.__main__ import main
from cohort.samples import join, short
from metagenome import abundance
from metagenome.abundance import table_text
from metagenome.kraken_report import Taxon

from tests.pipeline_images.cohort.cohort_samples import write_manifest, write_sample


def test_samples_are_joined_by_taxon(tmp_path: Path) -> None:
    """A taxon that one sample has not is none there, not another sample's number."""
    write_sample(tmp_path / "b", {"E. coli": 30, "B. subtilis": 10})
    write_sample(tmp_path / "a", {"L. monocytogenes": 5, "E. coli": 15})
    joined = join(tmp_path)
    assert joined.samples == ("a", "b")
    assert joined.taxa == ("E. coli", "B. subtilis", "L. monocytogenes")
    assert joined.reads.tolist() == [[15, 0, 5], [30, 10, 0]]
    assert joined.shares.tolist() == [[0.75, 0, 0.25], [0.75, 0.25, 0]]


def test_the_finest_common_rank_is_compared(tmp_path: Path) -> None:
    """A sample without species is compared by genus, not left out."""
    write_sample(tmp_path / "a", {"E. coli": 30})
    write_sample(tmp_path / "a", {"Escherichia": 40}, rank="genus")
    write_sample(tmp_path / "b", {"Bacillus": 7}, rank="genus")
    joined = join(tmp_path)
    assert (joined.rank, joined.taxa) == ("genus", ("Escherichia", "Bacillus"))


def test_names_alike_in_two_families_stay_two_taxa(tmp_path: Path) -> None:
    """Counting them as one would make unlike samples alike."""
    write_sample(tmp_path / "a", {"F1;Incertae": 3, "F2;Incertae": 4}, rank="genus", amplicon=True)
    assert join(tmp_path).taxa == ("F2;Incertae", "F1;Incertae")


def test_the_tables_of_one_sample_may_lie_at_the_top(tmp_path: Path) -> None:
    """Whoever points at one result folder gets its report."""
    write_sample(tmp_path, {"E. coli": 3})
    assert join(tmp_path).samples == ("sample",)


def _nothing(_source: Path) -> None:
    pass


def _two_results_of_one(source: Path) -> None:
    for name in ("s/r1", "s/r2"):
        write_sample(source / name, {"E. coli": 3})
        write_manifest(source / name, "metagenome/p/s/input.tar")


def _two_pipelines(source: Path) -> None:
    write_sample(source / "a", {"Escherichia": 3}, rank="genus")
    write_sample(source / "b", {"x;Escherichia": 3}, rank="genus", amplicon=True)


def _no_rank(source: Path) -> None:
    write_sample(source / "a", {"Escherichia": 3}, rank="genus")
    write_sample(source / "b", {"E. coli": 3})


def _no_reads(source: Path) -> None:
    write_sample(source / "a", {"E. coli": 0})


def _no_number(source: Path) -> None:
    write_sample(source / "a", {"E. coli": -1})


def _no_name(source: Path) -> None:
    write_sample(source / "a", {"": 1})


def _no_columns(source: Path) -> None:
    write_sample(source / "a", {})
    (source / "a/abundance/species.tsv").write_text("taxon\tcount\nE. coli\t3\n")


def _no_text(source: Path) -> None:
    write_sample(source / "a", {})
    (source / "a/abundance/species.tsv").write_bytes(b"\xff\xfe\x00")


def _no_manifest(source: Path) -> None:
    write_sample(source / "a", {"E. coli": 3})
    (source / "a/manifest.json").write_text("[]")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (_nothing, "no sample here"),
        (_two_results_of_one, "s/r1 and s/r2 are results of one sample, metagenome/p/s/input.tar"),
        (_two_pipelines, "b has results of amplicon and a of metagenome"),
        (_no_rank, "no rank in common"),
        (_no_reads, "abundance/species.tsv of a counts no read"),
        (_no_number, "line 2 of abundance/species.tsv of a has '-1' reads"),
        (_no_name, "line 2 of abundance/species.tsv of a names no taxon"),
        (_no_columns, "must have the columns name and reads"),
        (_no_text, "is not a table of text"),
        (_no_manifest, "manifest.json of a is not the manifest of a run"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    made: Callable[[Path], None], words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A branch reads one sentence that names the sample at fault; nothing is published."""
    source = tmp_path / "in"
    source.mkdir()
    made(source)
    assert main([str(source), str(tmp_path / "out")], {}) == 65
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert words in said[0]
    assert not (tmp_path / "out").exists()


def test_the_tables_are_those_that_the_pipelines_write(tmp_path: Path) -> None:
    """A column renamed in metagenome or amplicon would leave every project without its cohort."""
    lineage = (
        Name(letter="d", name="Bacteria", confidence=1.0),
        Name(letter="g", name="X", confidence=0.9),
    )
    text = rank_text("genus", [Share(lineage=lineage, reads=7, relative_abundance=1.0)])
    taxon = Taxon(taxid=562, name="Escherichia coli", rank="species", fragments=5, parent=561)
    shotgun = table_text([abundance.Share(taxon=taxon, relative_abundance=1.0)])
    for pipeline, rank, table in (("amplicon", "genus", text), ("metagenome", "species", shotgun)):
        folder = tmp_path / pipeline / "s" / "abundance"
        folder.mkdir(parents=True)
        (folder / f"{rank}.tsv").write_text(table)
    amplicon, metagenome = join(tmp_path / "amplicon"), join(tmp_path / "metagenome")
    assert ([short(taxon) for taxon in amplicon.taxa], amplicon.reads.tolist()) == (["X"], [[7]])
    assert (metagenome.taxa, metagenome.reads.tolist()) == (("Escherichia coli",), [[5]])
