"""The demo's verdict: a wrong composition or a damaged result must not pass for a good one."""

from pathlib import Path

import pytest

from canary.truth import bray_curtis, measured_shares, true_shares


def test_the_same_composition_is_at_distance_zero_and_a_foreign_one_at_one() -> None:
    """Without this the demo's exit code would say nothing of the science."""
    assert bray_curtis({1: 0.25, 2: 0.75}, {1: 0.25, 2: 0.75}) == pytest.approx(0)
    assert bray_curtis({1: 1.0}, {2: 1.0}) == pytest.approx(1)


def test_a_shift_of_a_tenth_is_a_distance_of_a_tenth() -> None:
    """The distance is the share of the composition that would have to move."""
    assert bray_curtis({1: 0.5, 2: 0.5}, {1: 0.6, 2: 0.4}) == pytest.approx(0.1)


def test_host_and_unknown_reads_are_not_part_of_the_truth(tmp_path: Path) -> None:
    """The pipeline removes the host's reads, and cannot name what no database holds."""
    truth = tmp_path / "truth.tsv"
    truth.write_text("strain\ttaxid\tpairs\nE\t562\t30\nS\t1280\t10\nhuman\t9606\t500\nunknown\t0\t500\n")
    assert true_shares(truth) == {562: 0.75, 1280: 0.25}


def test_a_table_without_reads_is_refused(tmp_path: Path) -> None:
    """An empty result must fail, rather than be compared."""
    species = tmp_path / "species.tsv"
    species.write_text("taxid\tname\trank\treads\trelative_abundance\n")
    with pytest.raises(ValueError, match="at least one"):
        measured_shares(species)
