"""Primers are found without being told, and nothing else is taken for one."""

import random

import pytest
from amplicon.primers import REGIONS, Primers, detect
from amplicon_samples import insert, pairs, singles


def names(found: Primers) -> tuple[str | None, str | None]:
    return found.forward and found.forward.name, found.reverse and found.reverse.name


@pytest.mark.parametrize("pair", REGIONS)
def test_every_well_known_pair_is_told(pair: tuple[str, str]) -> None:
    """A primer that is left on makes false variants, and a wrong one cuts into the gene."""
    found = detect(pairs(*pair), paired=True)
    assert names(found) == pair
    assert found.region == REGIONS[pair]
    assert not found.mixed


@pytest.mark.parametrize("pair", [("515F", "806R"), ("341F", "785R"), ("ITS1F", "ITS2")])
def test_spacers_before_the_primers_do_not_hide_them(pair: tuple[str, str]) -> None:
    """Libraries with spacers, which sequence better, would keep their primers."""
    assert names(detect(pairs(*pair, spacer=7), paired=True)) == pair


def test_pairs_that_lie_both_ways_round_are_noticed() -> None:
    """Half of a ligated library would be thrown away."""
    found = detect(pairs("515F", "806R", flipped=0.5), paired=True)
    assert (names(found), found.mixed) == (("515F", "806R"), True)


def test_reads_without_primers_are_left_as_they_are() -> None:
    """Bases of the gene would be cut off."""
    found = detect(pairs(None, None), paired=True)
    assert not found.any
    assert (found.told, found.region) == ("none", "unknown")


def test_one_known_primer_is_enough() -> None:
    """A laboratory's own reverse primer would keep the well-known forward one from being cut off."""
    found = detect(pairs("515F", None), paired=True)
    assert names(found) == ("515F", None)
    assert found.told == "515F/? (16S)"


def test_a_few_reads_of_another_amplicon_are_no_primer() -> None:
    """A contamination of the run would decide what is cut off from all reads."""
    assert not detect(pairs(None, None, count=70) + pairs("515F", "806R", count=30), paired=True).any


def test_a_primer_inside_a_read_is_part_of_the_gene() -> None:
    """Reads of a long amplicon would be cut in the middle: 515F lies inside of what 341F begins."""
    chance = random.Random(2)
    inside = [
        (f"{insert(chance, 100)}GTGCCAGCAGCCGCGGTAA".encode(), insert(chance).encode()) for _ in range(50)
    ]
    assert not detect(inside, paired=True).any


def test_whole_genes_need_both_primers() -> None:
    """Reads of long molecules that break off would look like variants of their own."""
    found = detect(singles("27F", "1492R", flipped=0.5), paired=False)
    assert (names(found), found.mixed, found.whole) == (("27F", "1492R"), True, True)


def test_single_reads_that_stop_before_the_other_primer_are_used() -> None:
    """Forward reads alone would all be dropped for want of a reverse primer."""
    found = detect(singles("515F", None), paired=False)
    assert (names(found), found.whole) == (("515F", None), False)


def test_the_other_primer_is_cut_off_where_some_single_reads_get_to_it() -> None:
    """ITS differs in length: its short kinds would end in primer."""
    found = detect(singles("ITS1F", None, count=80) + singles("ITS1F", "ITS2", count=20), paired=False)
    assert (names(found), found.whole) == (("ITS1F", "ITS2"), False)


def test_no_reads_are_no_error() -> None:
    """An empty sample would end in a traceback instead of its sentence."""
    assert not detect([], paired=True).any
