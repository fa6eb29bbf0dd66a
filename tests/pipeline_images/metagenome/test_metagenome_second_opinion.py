"""sylph's opinion of a sample, and what is told of it beside Kraken 2's."""

import random
from collections.abc import Iterator
from pathlib import Path

import pysylph
import pytest
from metagenome import sylph
from metagenome.abundance import Share, tables
from metagenome.agreement import agreement_of, agreement_text
from metagenome.findings import findings
from metagenome.report import report
from metagenome.sylph import found_text, profile, read_found, sketch
from metagenome_samples import classification, second_opinion, summary
from programs.outcome import Failed

BASES = 60_000
SPECIES = {
    "one.fna": (11, "Unus"),
    "two.fna": (22, "Duo"),
    "other.fna": (22, "Duo"),
    "none.fna": (33, "Nemo"),
}


@pytest.fixture(scope="module")
def genomes() -> dict[str, str]:
    chance = random.Random(3)
    made = {name: "".join(chance.choices("ACGT", k=BASES)) for name in ("one.fna", "two.fna", "none.fna")}
    changed = list(made["two.fna"])
    for at in chance.sample(range(BASES), BASES // 25):  # another strain of the second species
        changed[at] = chance.choice("ACGT")
    return made | {"other.fna": "".join(changed)}


@pytest.fixture
def reference(tmp_path: Path, genomes: dict[str, str]) -> Path:
    sketcher = pysylph.Sketcher()
    sketches = [sketcher.sketch_genome(f"/made/at/{name}", [genomes[name]]) for name in SPECIES]
    pysylph.Database(sketches).dump(str(tmp_path / "genomes.syldb"))
    rows = [f"genomes/{name}\t{taxid}\t{species}\n" for name, (taxid, species) in SPECIES.items()]
    (tmp_path / "taxa.tsv").write_text("genome\ttaxid\tspecies\n" + "".join(rows))
    return tmp_path


def reads_of(genomes: dict[str, str], **wanted: int) -> Iterator[list[bytes]]:
    """Blocks of pairs, so many of each genome."""
    chance = random.Random(4)
    turned = str.maketrans("ACGT", "TGCA")
    for name, pairs in wanted.items():
        block = []
        for _ in range(pairs):
            at = chance.randrange(BASES - 400)
            fragment = genomes[f"{name}.fna"][at : at + 400]
            block += [fragment[:150].encode(), fragment[-150:].translate(turned)[::-1].encode()]
        yield block


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("at_once", [1, 1_000])
def test_species_come_with_their_share_of_the_reads(
    reference: Path, genomes: dict[str, str], paired: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second opinion would be of another sample, or of the part of the database that was read last."""
    monkeypatch.setattr(sylph, "GENOMES_AT_ONCE", at_once)
    found = profile(sketch(reads_of(genomes, one=3_000, two=1_000), paired=paired), reference)
    assert [(each.taxid, each.name) for each in found] == [(11, "Unus"), (22, "Duo")]
    assert sum(each.share for each in found) == pytest.approx(1)
    assert found[0].share == pytest.approx(0.75, abs=0.06)
    assert found[0].ani > 99
    assert read_found(found_text(found))[0].share == pytest.approx(found[0].share, abs=1e-6)


def test_strains_of_one_species_are_one_species(reference: Path, genomes: dict[str, str]) -> None:
    """Kraken 2's share of a species would be compared with that of one of its strains."""
    found = profile(sketch(reads_of(genomes, one=2_000, two=1_000, other=1_000), paired=True), reference)
    assert [each.taxid for each in found] in ([11, 22], [22, 11])
    assert next(each.share for each in found if each.taxid == 22) == pytest.approx(0.5, abs=0.08)


def test_nothing_known_is_nothing_found(reference: Path) -> None:
    """A sample of the unknown would fail instead of saying so."""
    chance = random.Random(5)
    strange = {"x.fna": "".join(chance.choices("ACGT", k=BASES))}
    assert profile(sketch(reads_of(strange, x=500), paired=True), reference) == []
    assert profile(sketch([], paired=True), reference) == []
    assert read_found(found_text([])) == []


def test_a_genome_of_no_species_is_a_fault_of_the_reference(reference: Path, genomes: dict[str, str]) -> None:
    """Its reads would silently be missing from the shares."""
    (reference / "taxa.tsv").write_text("genome\ttaxid\tspecies\none.fna\t11\tUnus\n")
    with pytest.raises(Failed, match=r"does not say which species two\.fna is of") as failed:
        profile(sketch(reads_of(genomes, two=1_000), paired=True), reference)
    assert failed.value.code == 78


@pytest.mark.parametrize(
    "text", ["genome\ttaxid\none.fna\t11\n", "genome\ttaxid\tspecies\none.fna\tx\tUnus\n"]
)
def test_a_table_that_cannot_be_read_is_named(reference: Path, text: str) -> None:
    """An engineer would search in the database for what is wrong in the table."""
    (reference / "taxa.tsv").write_text(text)
    with pytest.raises(Failed, match=r"line 2 of .*taxa\.tsv must have a genome, a taxid"):
        profile(sketch([], paired=True), reference)


def test_both_shares_stand_side_by_side_and_what_is_disputed_first() -> None:
    """The reader would have to find the difference in two tables."""
    agreement = second_opinion(Escherichia_coli=0.55, Staphylococcus_aureus=0.25, Nemo_captain=0.2)
    lines = [line.split("\t") for line in agreement_text(agreement).splitlines()]
    assert [(line[1], line[-1]) for line in lines[1:]] == [
        ("Nemo captain", "no"),
        ("Escherichia coli", "no"),
        ("Escherichia fergusonii", "no"),
        ("Staphylococcus aureus", "yes"),
    ]
    # Of Kraken 2's 880 reads with a species, 600 are E. coli's.
    assert [float(value) for value in lines[2][2:7]] == pytest.approx([0.681818, 0.55, -0.131818, 98.7, 1.25])
    assert lines[3][5:7] == ["", ""]
    assert agreement.distance == pytest.approx((0.2 + 0.131818 + 0.090909 + 0.022727) / 2, abs=1e-5)


def test_chance_hits_are_no_dispute() -> None:
    """Kraken 2 finds a read or two of many species in every sample: each would be called disputed."""
    shares = tables(classification())["species"]
    agreement = agreement_of(shares, [])
    assert [each.agree for each in agreement.species] == [False, False, False]
    assert agreement_of([Share(taxon=shares[0].taxon, relative_abundance=0.009)], []).disputed == []


def test_a_dispute_is_said_in_words_and_agreement_too() -> None:
    """Who reads only the first lines would rely on a species that one of two methods does not see."""
    disputed = second_opinion(Escherichia_coli=0.9, Staphylococcus_aureus=0.1)
    told = {finding.title: finding for finding in findings(summary(agreement=disputed))}
    words = told["Two methods disagree"].words
    assert told["Two methods disagree"].mind
    assert "Escherichia coli (68.2% and 90.0%)" in words
    assert "Escherichia fergusonii (9.1% and 0.0%)" in words
    text = report(summary(agreement=disputed), {})
    assert "<h2>Second opinion</h2>" in text
    assert text.count("disputed</strong>") == 3
    agreed = second_opinion(Escherichia_coli=0.68, Escherichia_fergusonii=0.09, Staphylococcus_aureus=0.23)
    (finding,) = [f for f in findings(summary(agreement=agreed)) if f.title == "Two methods agree"]
    assert not finding.mind
    assert "disputed" not in report(summary(agreement=agreed), {})


def test_a_silent_second_opinion_is_not_called_a_dispute() -> None:
    """A shallow sample would look like a wrong one."""
    silent = summary(agreement=second_opinion())
    assert [f.title for f in findings(silent) if "opinion" in f.title or "methods" in f.title] == [
        "No second opinion"
    ]
    assert "sylph saw no species in this sample" in report(silent, {})


def test_without_a_reference_nobody_is_asked() -> None:
    """The page would tell of an opinion that was never given."""
    text = report(summary(), {})
    assert "<h2>Second opinion</h2>" not in text
    assert "Second opinion: none, there is no reference for it" in text
    assert summary().as_json()["second_opinion"] is None
    told = summary(agreement=second_opinion(Escherichia_coli=1.0)).as_json()["second_opinion"]
    assert told == {
        "distance": 0.3182,
        "disputed": ["Escherichia coli", "Staphylococcus aureus", "Escherichia fergusonii"],
    }


def test_a_name_from_the_database_cannot_become_markup() -> None:
    """A species' name would run as script in the reader's browser."""
    text = report(summary(agreement=second_opinion(**{"<img/src=x>": 1.0})), {})
    assert "<img" not in text
