"""The reference: one that cannot be used is refused, and the demo one is named right."""

import gzip
import hashlib
from pathlib import Path

import pytest
from amplicon.demo_reference import make, sintax_head
from amplicon.settings import settings_from
from programs.outcome import Failed

STRAIN = (
    ">S000368760 {} litorea (T); TF-22; AY428573 x"
    "\tBacteria; Proteobacteria; Gamma; Altero les; Alteromonadaceae; {}"
)


def references(folder: Path, **files: bytes) -> dict[str, str]:
    (folder / "taxonomy").mkdir()
    for name, content in files.items():
        (folder / "taxonomy" / name.replace("__", ".")).write_bytes(content)
    return {"REFERENCES": str(folder), "THREADS": "2"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("silva__fasta", b">a;tax=d:Bacteria;\nACGT\n"),
        ("silva__fa__gz", gzip.compress(b">a;tax=d:Bacteria;\nACGT\n", mtime=0)),
        ("silva__udb", b"\x00"),
    ],
)
def test_a_fasta_or_an_index_can_be_the_reference(tmp_path: Path, name: str, content: bytes) -> None:
    """Branches would have to change a file that their other tools take."""
    assert settings_from(references(tmp_path, **{name: content})).taxonomy.name == name.replace("__", ".")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is none"),
        ({"a__fa": b">a;tax=d:B;\nA\n", "b__fa": b">a;tax=d:B;\nA\n"}, "there is a.fa, b.fa"),
        ({"dada2__fa": b">Bacteria;Firmicutes;\nA\n"}, "dada2.fa is no SINTAX reference"),
    ],
)
def test_a_reference_that_cannot_be_used_is_the_offices_fault(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    """The branch would be told to upload other reads, or get a table without names."""
    with pytest.raises(Failed, match=words) as error:
        settings_from(references(tmp_path, **files))
    assert error.value.code == 78


def test_a_type_strain_has_its_lineage_and_its_species() -> None:
    """SINTAX would know no ranks."""
    assert sintax_head(STRAIN.format("Alteromonas", "Alteromonas")) == (
        ">S000368760;tax=d:Bacteria,p:Proteobacteria,c:Gamma,o:Altero_les,f:Alteromonadaceae,g:Alteromonas,"
        "s:Alteromonas_litorea;"
    )
    assert "g:Bacillus,s:Bacillus_litorea" in (sintax_head(STRAIN.format("Bacillus", "Bacillus a")) or "")


@pytest.mark.parametrize(
    "line",
    [
        STRAIN.format("Anabaena", "Megamonas"),
        ">7000004128189528\tAcidothermus 11B \tx\tBacteria; A; A; A; A; Acidothermus",
        STRAIN.format("Alteromonas", "").replace("Altero les; ", ""),
    ],
)
def test_a_record_whose_names_disagree_is_left_out(line: str) -> None:
    """An organism would be found that is not there."""
    assert sintax_head(line) is None


def test_the_demo_reference_lies_as_the_bucket_holds_it(tmp_path: Path) -> None:
    """No job could use it: its checksums are compared before."""
    source = tmp_path / "gold.fasta"
    good, bad = STRAIN.format("Alteromonas", "Alteromonas"), STRAIN.format("Anabaena", "Megamonas")
    source.write_text(f"{bad}\nacgt\n{good}\nacgt\naaaa\n{bad}\ncccc\n")
    make(source, tmp_path / "out")
    (made,) = (tmp_path / "out").glob("demo-16s/*")
    data = (made / "16s.fasta.gz").read_bytes()
    assert gzip.decompress(data).decode().splitlines()[1:] == ["ACGTAAAA"]
    assert (made / "SHA256SUMS").read_text() == f"{hashlib.sha256(data).hexdigest()}  16s.fasta.gz\n"
