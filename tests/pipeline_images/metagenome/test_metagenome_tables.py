"""Kraken 2's report becomes tables, whatever its rank codes say."""

import csv
import math
from pathlib import Path

import pytest
from metagenome.abundance import diversity, table_text, tables
from metagenome.kraken_report import database_ranks, read_report
from metagenome_samples import REPORT, classification
from programs.outcome import Failed
from reporting.diversity import diversity_text


def test_ranks_come_from_the_database_where_the_report_has_none() -> None:
    """Genus and phylum tables would miss their most abundant taxa."""
    found = tables(classification())
    assert [(row.taxon.taxid, row.taxon.fragments) for row in found["phylum"]] == [(1224, 700), (1239, 200)]
    assert [row.taxon.taxid for row in found["genus"]] == [561, 1279]
    assert list(found) == ["phylum", "genus", "species"]  # no table of ranks that were not found


def test_strains_count_for_their_species_once() -> None:
    """A species would be counted twice, or without its strains."""
    species = {row.taxon.taxid: row.taxon.fragments for row in tables(classification())["species"]}
    assert species == {562: 600, 1280: 200, 564: 80}


def test_relative_abundances_are_of_what_is_classified_at_the_rank() -> None:
    """Shares of samples with different unknown parts could not be compared."""
    rows = tables(classification())["species"]
    assert math.isclose(sum(row.relative_abundance for row in rows), 1)
    assert math.isclose(rows[0].relative_abundance, 600 / 880)


def test_counts_of_all_fragments_add_up() -> None:
    """The report would tell a wrong unclassified share."""
    found = classification()
    assert (found.classified, found.unclassified, found.fragments) == (900, 100, 1000)


def test_the_tree_is_kept() -> None:
    """A taxon without a rank code could not be placed."""
    taxa = classification().taxa
    assert [taxa[taxid].parent for taxid in (0, 1, 2, 561, 562, 1239, 93061)] == [
        None,
        None,
        1,
        1224,
        561,
        2,
        1280,
    ]


def test_a_sample_without_any_known_read_gives_no_table() -> None:
    """The pipeline would divide by nothing on a sample of the unknown."""
    found = read_report("100.00\t50\t50\tU\t0\tunclassified\n")
    assert tables(found) == {}
    assert (found.classified, found.fragments) == (0, 50)


def test_a_report_that_is_none_is_a_failure_with_its_line() -> None:
    """A broken report would give empty tables instead of a failure."""
    with pytest.raises(Failed, match="line 2 of Kraken 2's report"):
        read_report(REPORT.splitlines()[0] + "\nterminate called\n")


@pytest.mark.parametrize("place", ["taxonomy/nodes.dmp", "nodes.dmp"])
def test_the_taxonomy_of_a_database_is_read(tmp_path: Path, place: str) -> None:
    """Ranks would be missing though the database tells them."""
    nodes = tmp_path / place
    nodes.parent.mkdir(exist_ok=True)
    nodes.write_text(
        "1\t|\t1\t|\tno rank\t|\t-\t|\n2\t|\t1\t|\tsuperkingdom\t|\n562\t|\t561\t|\tspecies\t|\t\n"
    )
    assert database_ranks(tmp_path) == {1: "no rank", 2: "domain", 562: "species"}
    assert database_ranks(tmp_path / "absent") == {}


def test_diversity_of_known_communities() -> None:
    """Wrong indices would be compared between samples for years."""
    rows = tables(classification())["species"]
    p = [600 / 880, 200 / 880, 80 / 880]
    found = diversity("species", rows)
    assert found.observed == 3
    assert math.isclose(found.shannon, -sum(x * math.log(x) for x in p))
    assert math.isclose(found.simpson, 1 - sum(x * x for x in p))
    lonely = diversity("genus", [tables(read_report("1\t9\t9\tG\t561\tEscherichia\n"))["genus"][0]])
    assert diversity_text([lonely]).splitlines()[1] == "genus\t1\t0.0000\t0.0000"


def test_tables_are_read_back_by_any_reader() -> None:
    """Names with tabs or quotes would shift a table's columns."""
    text = table_text(tables(read_report('1\t9\t9\tS\t7\tOdd "name\'s" sp.\n'))["species"])
    (row,) = csv.DictReader(text.splitlines(), delimiter="\t")
    assert row == {
        "taxid": "7",
        "name": 'Odd "name\'s" sp.',
        "rank": "species",
        "reads": "9",
        "relative_abundance": "1.000000",
    }
