"""Pareto ranks, crowding and hulls against brute force."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from scipy.spatial import ConvexHull

from lodestone.search.hull import above_hull, lower_hull
from lodestone.search.pareto import crowding_distance, ranking

SEEDS = strategies.integers(0, 10**9)


def plain_ranks(objectives):
    """Peel off the items that no remaining one dominates, again and again."""
    ranks, left, rank = np.full(len(objectives), -1), set(range(len(objectives))), 0
    while left:
        front = {
            i
            for i in left
            if not any(
                (objectives[j] <= objectives[i]).all() and (objectives[j] < objectives[i]).any() for j in left - {i}
            )
        }
        for i in front:
            ranks[i] = rank
        left, rank = left - front, rank + 1
    return ranks


@settings(max_examples=60, deadline=None)
@given(SEEDS, strategies.integers(1, 40), strategies.integers(1, 4))
def test_ranks_are_those_of_brute_force(seed, items, columns):
    rng = np.random.default_rng(seed)
    # Few different numbers, so that there are ties and equal items.
    objectives = rng.integers(0, 6, (items, columns)).astype(float)
    found = ranking(objectives, np.zeros(items, int))
    assert np.array_equal(found.rank, plain_ranks(objectives))
    order = np.argsort(found.place)
    assert sorted(found.place) == list(range(items))
    assert (np.diff(found.rank[order]) >= 0).all()
    for rank in range(found.rank.max() + 1):
        members = order[found.rank[order] == rank]
        crowd = crowding_distance(objectives[np.sort(members)])[np.argsort(np.argsort(members))]
        assert (crowd[:-1] >= crowd[1:]).all()


def test_what_cannot_be_used_comes_last():
    objectives = np.array([[0.0, 0.0], [5.0, 5.0], [6.0, 6.0], [1.0, 1.0]])
    found = ranking(objectives, np.array([2, 0, 0, 1]))
    assert found.rank.tolist() == [3, 0, 1, 2]
    assert found.place.tolist() == [3, 0, 1, 2]


def test_crowding_distance_is_that_of_nsga2():
    """Sum over objectives of the gap between the two neighbours, in units of the range; ends are infinite."""
    objectives = np.array([[0.0, 4.0], [1.0, 3.0], [2.0, 1.0], [4.0, 0.0]])
    found = crowding_distance(objectives)
    assert np.isinf(found[[0, 3]]).all()
    # Pymoo takes the mean over the objectives.
    assert found[1:3] == pytest.approx([(2 / 4 + 3 / 4) / 2, (3 / 4 + 3 / 4) / 2])


@settings(max_examples=60, deadline=None)
@given(SEEDS, strategies.integers(1, 30))
def test_hull_is_that_of_scipy(seed, count):
    rng = np.random.default_rng(seed)
    fraction, energy = rng.integers(1, 12, count) / 12, rng.normal(scale=0.3, size=count)
    points = np.column_stack([np.append(fraction, [0, 1, 0.5]), np.append(energy, [0, 0, 9.0])])
    hull = ConvexHull(points)
    # Facets that face down bound the energy from below.
    down = hull.equations[hull.equations[:, 1] < -1e-12]
    expected = energy - (-(down[:, 0] * fraction[:, None] + down[:, 2]) / down[:, 1]).max(axis=1)
    found = above_hull(fraction, energy, np.ones(count, bool))
    assert found == pytest.approx(expected, abs=1e-9)
    assert (found >= 0).all()


def test_crystals_that_do_not_count_may_lie_below_the_hull():
    found = above_hull(np.array([0.5, 0.5]), np.array([-0.1, -0.3]), np.array([True, False]))
    assert found == pytest.approx([0.0, -0.2])


def test_corners_of_a_hull():
    corners, energies = lower_hull(np.array([0, 0.25, 0.5, 0.75, 1.0]), np.array([0, -0.1, -0.5, -0.2, 0.0]))
    assert corners.tolist() == [0, 0.5, 1.0] and energies.tolist() == [0, -0.5, 0]
