"""Every operator, on any parents: composition rules, distances, volumes, the same offspring from the same numbers."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from search_crystals import at, crystal, laves
from search_crystals import settings as search_settings

from lodestone.search.candidate import Crystal
from lodestone.search.operators import REGISTRY, possible
from lodestone.search.operators.heredity import repaired
from lodestone.search.shaping import shaped, volume_ratio

SEEDS = strategies.integers(0, 10**9)
RANGE = search_settings(min_atoms=4, max_atoms=14)
CHANGES = {"add_atom": {1}, "remove_atom": {-1}}
SAME_SIZE = ("permutation", "lattice_mutation", "soft_mutation", "transmutation")


def parents_of(rng, count):
    """Parents of any allowed composition, shaped as those of a population are."""
    found = []
    while len(found) < count:
        minority, majority = RANGE.compositions.draw(rng)
        made = shaped(crystal(rng, minority, majority), RANGE)
        if made is not None:
            found.append(made)
    return found


def counts(one):
    """Minority and majority atoms."""
    return int((one.numbers == 60).sum()), int((one.numbers == 26).sum())


@pytest.mark.parametrize("name", list(REGISTRY))
@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_offspring_obey_all_rules(name, seed):
    rng = np.random.default_rng(seed)
    operator = REGISTRY[name]
    parents = parents_of(rng, operator.parents)
    before = [(p.lattice_A.copy(), p.fractional.copy(), p.numbers.copy()) for p in parents]
    state = int(rng.integers(2**32))
    child = operator.apply(np.random.default_rng(state), parents, RANGE)
    again = operator.apply(np.random.default_rng(state), parents, RANGE)
    for parent, kept in zip(parents, before, strict=True):
        assert all(
            np.array_equal(a, b)
            for a, b in zip((parent.lattice_A, parent.fractional, parent.numbers), kept, strict=True)
        )
    if child is None:
        assert again is None
        return
    assert np.array_equal(child.lattice_A, again.lattice_A) and np.array_equal(child.fractional, again.fractional)
    assert RANGE.compositions.allows(*counts(child))
    assert not RANGE.distances.broken(child.lattice_A, child.fractional, child.numbers)
    assert 0.7 < volume_ratio(child, RANGE) < 1.9
    assert (np.diff(child.numbers) <= 0).all()  # minority atoms first
    grown = len(child) - len(parents[0])
    assert grown in CHANGES.get(name, {0} if name in SAME_SIZE else set(range(-20, 20)))
    if name == "transmutation":
        assert counts(child) != counts(parents[0])
    elif name in SAME_SIZE:
        assert counts(child) == counts(parents[0])


KEPT = {"add_atom": 0.6, "remove_atom": 0.6, "transmutation": 0.7, "heredity": 0.95, "permutation": 0.95}


@pytest.mark.parametrize(("name", "least"), {**KEPT, "lattice_mutation": 0.95, "soft_mutation": 0.95}.items())
def test_most_offspring_are_kept(name, least):
    """Distances are repaired, not rejected; what is None had no allowed composition to go to."""
    rng = np.random.default_rng(1)
    operator = REGISTRY[name]
    made = [operator.apply(rng, parents_of(rng, operator.parents), RANGE) for _ in range(60)]
    assert np.mean([child is not None for child in made]) >= least


def test_heredity_takes_from_both_and_keeps_a_fixed_composition():
    fixed, rng = at(2, 4), np.random.default_rng(2)
    mother, father = laves(), shaped(crystal(rng, 2, 4), fixed)
    made = [REGISTRY["heredity"].apply(rng, [mother, father], fixed) for _ in range(40)]
    made = [child for child in made if child is not None]
    assert len(made) >= 36
    assert {counts(child) for child in made} == {(2, 4)}


@settings(max_examples=60, deadline=None)
@given(SEEDS, strategies.integers(1, 8), strategies.integers(0, 4), strategies.integers(1, 8))
def test_repair_reaches_any_composition(seed, sites, minority, majority):
    rng = np.random.default_rng(seed)
    places, kinds = rng.random((sites, 3)), rng.integers(0, 2, sites)
    spare = rng.random((int(rng.integers(0, 4)), 3))
    found, atoms = repaired(rng, 4 * np.eye(3), places, kinds, spare, (minority, majority))
    assert ((atoms == 0).sum(), (atoms == 1).sum()) == (minority, majority)
    assert found.shape == (minority + majority, 3)


def test_repair_takes_an_atom_on_top_of_another_first():
    places = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.02, 0, 0]])
    found, _ = repaired(np.random.default_rng(0), 4 * np.eye(3), places, np.ones(3, int), np.zeros((0, 3)), (0, 2))
    assert [0.5, 0.5, 0.5] in found.tolist()


def test_operators_that_can_do_nothing_are_told():
    fixed = at(2, 4)
    assert [name for name in REGISTRY if not possible(name, fixed)] == ["add_atom", "remove_atom", "transmutation"]
    assert all(possible(name, RANGE) for name in REGISTRY)
    pure = search_settings(min_atoms=2, max_atoms=2, min_minority_fraction=0, max_minority_fraction=0.1)
    assert not possible("permutation", pure)


def test_shaping_refuses_what_no_stretch_can_save():
    fixed = at(2, 4)
    wrong = Crystal(np.array([60, 26]), 3 * np.eye(3), np.zeros((2, 3)))
    assert shaped(wrong, fixed) is None
    flat = Crystal(laves().numbers, np.diag([5.0, 5.0, 0.0]), laves().fractional)
    assert shaped(flat, fixed) is None
