"""Distances, the plane and outliers."""

import numpy as np
import pytest
from cohort.comparison import bray_curtis, outliers, principal_coordinates


def test_bray_curtis_is_what_the_field_calls_so() -> None:
    """Σ|a − b| / Σ(a + b), 0 for the same, 1 for nothing in common."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(30), size=8)
    made = bray_curtis(shares)
    for one in range(8):
        for two in range(8):
            difference = np.abs(shares[one] - shares[two]).sum() / (shares[one] + shares[two]).sum()
            assert made[one, two] == pytest.approx(difference, abs=1e-9)
    assert bray_curtis(np.array([[1.0, 0], [0, 1], [1, 0]])).tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


def test_a_plane_gives_back_the_distances_of_points_in_it() -> None:
    """A plot that bends flat distances would show groups that are not there."""
    points = np.random.default_rng(2).normal(size=(20, 2))
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))
    plane = principal_coordinates(distances)
    assert plane is not None
    again = np.sqrt(((plane.points[:, None] - plane.points[None]) ** 2).sum(axis=2))
    assert np.allclose(again, distances)
    assert sum(plane.explained) == pytest.approx(1)
    assert plane.explained[0] >= plane.explained[1]


def test_no_plane_of_two_samples_or_of_samples_that_are_the_same() -> None:
    """An axis without variation, drawn all the same, would be rounding errors blown up."""
    assert principal_coordinates(np.array([[0, 0.5], [0.5, 0]])) is None
    assert principal_coordinates(np.zeros((5, 5))) is None


def test_samples_on_a_line_have_no_second_axis() -> None:
    """Two kinds of samples, each the same: the second axis is 0, not noise and not a fault."""
    plane = principal_coordinates(bray_curtis(np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])))
    assert plane is not None
    assert np.allclose(plane.points[:, 1], 0)
    assert plane.explained == pytest.approx((1, 0))


def test_one_that_is_far_from_all_others_is_an_outlier_and_nobody_else() -> None:
    """A swapped tube is named; samples beside it are not blamed."""
    shares = np.array([[0.5 + n / 100, 0.5 - n / 100, 0] for n in range(6)] + [[0.1, 0, 0.9]])
    assert outliers(bray_curtis(shares)) == (6,)


def test_small_differences_between_near_copies_are_no_outliers() -> None:
    """Replicates have almost no spread: 3.5 times almost nothing would blame whoever differs."""
    shares = np.array([[0.5, 0.5]] * 6 + [[0.55, 0.45]])
    assert outliers(bray_curtis(shares)) == ()


def test_four_samples_have_no_outlier() -> None:
    """Three against one is not enough to say who is odd."""
    shares = np.array([[1.0, 0]] * 3 + [[0, 1.0]])
    assert outliers(bray_curtis(shares)) == ()


def test_two_swapped_tubes_are_both_outliers() -> None:
    """That they are like each other clears neither."""
    shares = np.array([[0.5 + n / 100, 0.5 - n / 100, 0] for n in range(6)] + [[0.1, 0, 0.9]] * 2)
    assert outliers(bray_curtis(shares)) == (6, 7)


def test_the_ends_of_a_gradient_are_no_outliers() -> None:
    """A time series goes from one state to another: its first and last samples are not mistakes."""
    shares = np.array([[0.1 + n / 375, 0.9 - n / 375] for n in range(300)])
    assert outliers(bray_curtis(shares)) == ()
