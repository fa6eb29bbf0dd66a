"""Tables, BIOM and the report: right, safe and complete in themselves."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from amplicon.__main__ import write
from amplicon.abundance import diversities, tables
from amplicon.biom import biom, biom_text
from amplicon.denoising import Variant
from amplicon.findings import findings
from amplicon.primers import Primers
from amplicon.report import report
from amplicon.taxonomy import Name, lineages
from amplicon_samples import SINTAX, VARIANTS, summary

TOOLS = {"vsearch": "2.22.1"}
ATTACK = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
PIPELINE = Path(__file__).parents[3] / "pipeline_images" / "amplicon" / "pipeline.yaml"


def test_shares_of_a_rank_are_of_the_reads_that_have_a_name_there() -> None:
    """Samples with a larger unknown part would seem to have less of everything."""
    found = tables(VARIANTS, lineages(SINTAX.splitlines()))
    assert [(row.name, row.reads) for row in found["phylum"]] == [("Bacteroidetes", 600), ("Firmicutes", 300)]
    for rows in found.values():
        assert sum(row.relative_abundance for row in rows) == pytest.approx(1)
    assert "species" not in found


def test_equal_names_in_different_families_stay_apart() -> None:
    """Two organisms would be counted as one."""
    names = lineages(["a1\td:Bacteria(1),f:One(1),g:Same(1)\t+", "b2\td:Bacteria(1),f:Other(1),g:Same(1)\t+"])
    assert [row.reads for row in tables(VARIANTS, names)["genus"]] == [600, 300]


def test_diversity_counts_variants_first_and_none_without_reads() -> None:
    """Richness would grow by sequences that no read belongs to."""
    unread = (*VARIANTS, Variant(name="d4", sequence="A", reads=0))
    rows = diversities(unread, {})
    assert (rows[0].rank, rows[0].observed) == ("asv", 3)
    assert rows[0].simpson == pytest.approx(1 - 0.36 - 0.09 - 0.01)


def test_biom_says_what_the_table_says() -> None:
    """Programs that read BIOM would give other results than the report."""
    table = biom(VARIANTS, lineages(SINTAX.splitlines()), "s1", "1", datetime(2026, 1, 2, tzinfo=UTC))
    read = json.loads(biom_text(table))
    assert read["shape"] == [len(read["rows"]), len(read["columns"])] == [3, 1]
    assert {read["rows"][row]["id"]: value for row, _, value in read["data"]} == {
        "a1": 600,
        "b2": 300,
        "c3": 100,
    }
    assert [row["metadata"]["taxonomy"][-1] for row in read["rows"]] == [
        "g__Bacteroides",
        "f__Lachnospiraceae",
        "Unassigned",
    ]
    assert read["columns"][0]["id"] == "s1"
    assert (read["matrix_type"], read["format"]) == ("sparse", "Biological Observation Matrix 1.0.0")


def test_every_promised_file_is_there_even_when_nothing_has_a_name(tmp_path: Path) -> None:
    """Who reads the promised files by program would fail on the odd sample."""
    write(summary(names={}), TOOLS, "s1", tmp_path)
    promised = yaml.safe_load(PIPELINE.read_text())["produces"]
    assert [name for name in promised if not (tmp_path / name).is_file()] == []


def test_names_from_outside_cannot_become_markup() -> None:
    """A file's or organism's name would run as script in the browser of whoever opens the report."""
    hostile = {
        "a1": (Name(letter="d", name=ATTACK, confidence=1), Name(letter="g", name=ATTACK, confidence=1))
    }
    text = report(summary(names=hostile, files=[ATTACK]), {ATTACK: ATTACK})
    assert not re.search(r"<(script|img)", text)
    assert "&lt;script&gt;" in text


def test_the_page_loads_nothing() -> None:
    """A report opened offline would be empty; opened online, it would tell strangers that it was opened."""
    text = report(summary(), TOOLS)
    assert set(re.findall(r"https?://[^\"' ]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text


def test_the_first_sentence_tells_the_result() -> None:
    """The reader would have to search for the answer."""
    assert (
        "3 sequence variants were found in 1,000 pairs. The most abundant genus is <em>Bacteroides</em>"
        in report(summary(), TOOLS)
    )


def test_a_sample_of_the_unknown_still_has_a_report() -> None:
    """A gene that the reference does not know would fail instead of saying so."""
    text = report(summary(names={}), TOOLS)
    assert "the reference has a name for none" in text
    assert "Partly nameless" in text


def test_no_read_is_lost_between_the_steps() -> None:
    """The chart of where the reads went would not add up."""
    for changed in ({}, {"forward_only": True, "merged": 100}, {"merged": None, "unit": "reads"}):
        text = report(summary(**changed), TOOLS)
        (told,) = re.findall(r'<desc id="way-desc">([^<]*)</desc>', text)
        shares = [float(share) for share in re.findall(r"([0-9.]+)%", told)]
        assert sum(shares) == pytest.approx(100, abs=0.3), told


CHLOROPLAST = {
    "a1": (
        Name(letter="d", name="Bacteria", confidence=1),
        Name(letter="o", name="Chloroplast", confidence=1),
    )
}


@pytest.mark.parametrize(
    ("changed", "title"),
    [
        ({}, "Few reads"),
        ({"trimmed": 1000, "merged": 950, "filtered": 940}, "Many reads without primers"),
        ({"merged": 700, "filtered": 690}, "Many pairs not merged"),
        ({"merged": 100, "forward_only": True}, "Forward reads alone"),
        ({"filtered": 700}, "Many reads filtered out"),
        ({"chimeric_reads": 300}, "Many chimeras"),
        ({"filtered": 1300, "chimeric_reads": 0}, "Much is too rare"),
        ({"names": {}}, "Partly nameless"),
        ({"names": CHLOROPLAST}, "Chloroplasts or mitochondria"),
    ],
)
def test_what_to_mind_is_said_in_words_and_comes_first(changed: dict[str, object], title: str) -> None:
    """A weak sample would look as good as any other."""
    found = findings(summary(**changed))  # type: ignore[arg-type]
    assert title in [finding.title for finding in found if finding.mind]
    assert [finding.mind for finding in found] == sorted((f.mind for f in found), reverse=True)


def test_reads_without_primers_are_told_of() -> None:
    """Unknown primers that are still there would go unnoticed."""
    found = findings(summary(primers=Primers(), trimmed=1500))
    assert "No primers found" in [finding.title for finding in found]


def test_a_good_sample_has_nothing_to_mind() -> None:
    """Warnings on every sample are read by nobody."""
    many = [Variant(name=v.name, sequence=v.sequence, reads=v.reads * 10) for v in VARIANTS]
    good = summary(found=many, fragments=13_000, trimmed=12_500, merged=12_000, filtered=11_000)
    assert [finding.title for finding in findings(good) if finding.mind] == []
