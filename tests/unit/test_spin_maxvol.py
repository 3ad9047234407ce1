"""Rows of the largest volume, and extrapolation grades, against brute force."""

import itertools

import numpy as np
import pytest

from lodestone.spin_potential.maxvol import TOLERANCE, ActiveSet, row_space


def volume(rows):
    return abs(np.linalg.det(rows))


@pytest.mark.parametrize("seed", range(8))
def test_no_swap_of_one_row_enlarges_the_volume(seed):
    rows = np.random.default_rng(seed).normal(size=(12, 4))
    found = ActiveSet(rows).rows
    for j, row in itertools.product(range(4), rows):
        other = found.copy()
        other[j] = row
        assert volume(other) <= TOLERANCE * volume(found) * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_the_volume_is_near_the_largest_of_all_subsets(seed):
    rows = np.random.default_rng(seed).normal(size=(11, 3))
    best = max(volume(rows[list(subset)]) for subset in itertools.combinations(range(11), 3))
    # All coordinates of the best subset are within the tolerance of one: Hadamard's bound on their determinant.
    assert volume(ActiveSet(rows).rows) >= best / (TOLERANCE * np.sqrt(3)) ** 3
    # In practice it is within a factor of two.
    assert volume(ActiveSet(rows).rows) >= best / 2


def test_grades_are_coordinates_in_the_active_rows():
    rng = np.random.default_rng(1)
    active = ActiveSet(rng.normal(size=(20, 5)))
    np.testing.assert_allclose(active.grades(active.rows), 1.0, rtol=1e-9)
    weights = rng.uniform(-3, 3, size=(6, 5))
    np.testing.assert_allclose(active.grades(weights @ active.rows), np.abs(weights).max(axis=1), rtol=1e-9)


def test_rows_that_were_seen_are_interpolated_and_new_ones_swapped_in():
    rng = np.random.default_rng(2)
    seen, far = rng.normal(size=(30, 5)), 10 * rng.normal(size=(1, 5))
    active = ActiveSet(seen)
    assert active.grades(seen).max() <= TOLERANCE
    grade, before = active.grades(far)[0], volume(active.rows)
    assert grade > TOLERANCE
    assert active.add(far) >= 1
    # The first swap multiplies the volume by the grade; later ones only enlarge it.
    assert volume(active.rows) >= before * grade * (1 - 1e-9)
    assert active.grades(far).max() <= TOLERANCE
    # Rows that were seen earlier may come back, until nothing enlarges the volume any more.
    active.add(np.concatenate([seen, far]))
    assert active.grades(np.concatenate([seen, far])).max() <= TOLERANCE


def test_rows_that_span_too_little_are_refused():
    with pytest.raises(ValueError, match="found 3, expected at least the number of columns, 5"):
        ActiveSet(np.ones((3, 5)))
    with pytest.raises(ValueError, match="found a rank below 5"):
        ActiveSet(np.random.default_rng(0).normal(size=(20, 4)) @ np.ones((4, 5)))


def test_the_row_space_leaves_out_what_no_row_has():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 6))
    basis = row_space(rows)
    assert basis.shape == (6, 3)
    np.testing.assert_allclose(rows @ basis @ basis.T, rows, atol=1e-9)
