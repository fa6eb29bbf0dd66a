"""The species table as BIOM."""

from datetime import UTC, datetime

from metagenome.abundance import tables
from metagenome.biom import biom
from metagenome_samples import classification


def test_the_species_table_has_counts_and_lineages() -> None:
    """QIIME 2 and phyloseq would refuse the table, or give a species another's counts or genus."""
    found = classification()
    table = biom(found, tables(found)["species"], "gut-1", "0", datetime(2026, 1, 2, tzinfo=UTC))
    counts = {int(table["rows"][row]["id"]): value for row, column, value in table["data"] if column == 0}
    assert counts == {562: 600, 1280: 200, 564: 80}
    assert table["shape"] == [3, 1]
    assert [column["id"] for column in table["columns"]] == ["gut-1"]
    names = table["rows"][0]["metadata"]["taxonomy"]
    assert [name[:3] for name in names[-3:]] == ["p__", "g__", "s__"]
    assert names[-1] == f"s__{found.taxa[562].name}"
    assert names[-2] == f"g__{found.taxa[561].name}"


def test_a_sample_without_species_gives_an_empty_table() -> None:
    """A sample of the unknown alone would fail instead of telling so."""
    table = biom(classification(), [], "soil", "0", datetime(2026, 1, 2, tzinfo=UTC))
    assert table["shape"] == [0, 1]
    assert table["data"] == []
    assert table["rows"] == []
