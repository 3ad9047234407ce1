"""Reduced cells, distances and fingerprints against plain sums and against pymatgen."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from search_crystals import at, crystal, laves, turned

from lodestone.search.bonds import soft_modes, valences, voids
from lodestone.search.candidate import Crystal
from lodestone.search.contacts import closest_ratio, pairs, push_apart
from lodestone.search.fingerprint import distances, fingerprint
from lodestone.search.lattices import reduced, standard
from lodestone.search.skeletons import hermite, repeated
from lodestone.search.symmetric import space_group
from lodestone.structures.distances import DistanceRule, closest_pairs

SEEDS = strategies.integers(0, 10**9)
ONE = at(2, 4)


def plain_distances(given, reach=5):
    """Distance of every pair of atoms to every image, the slow way."""
    images = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    shift = given.fractional[None, :, None] - given.fractional[:, None, None] + images
    return np.linalg.norm(shift @ given.lattice_A, axis=-1)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_reduced_lattice_is_the_same_and_as_short_as_it_gets(seed):
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(3, 3)) + np.eye(3)
    if abs(np.linalg.det(start)) < 0.05:
        return
    skew = np.array([[1, 0, 0], [rng.integers(-3, 4), 1, 0], [rng.integers(-3, 4), rng.integers(-3, 4), 1]])
    vectors, steps = reduced(skew @ start)
    assert np.allclose(steps @ skew @ start, vectors)
    assert round(abs(np.linalg.det(steps))) == 1 and np.linalg.det(vectors) > 0
    whole = np.array([n for n in itertools.product(range(-2, 3), repeat=3) if any(n)])
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths[0] == pytest.approx(np.linalg.norm(whole @ vectors, axis=1).min())
    assert (np.diff(lengths) >= -1e-9).all()
    assert np.allclose(standard(vectors) @ standard(vectors).T, vectors @ vectors.T)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_distances_agree_with_plain_sums_and_with_the_check_of_structures(seed):
    rng = np.random.default_rng(seed)
    plain = crystal(rng)
    if np.linalg.norm(np.linalg.inv(plain.lattice_A), axis=0).max() > 0.5:
        return  # so flat that the plain sum misses images
    every, one = plain_distances(plain), turned(rng, plain)
    kinds = ONE.kinds(one.numbers)
    near = every[(every < 5.0) & (every > 1e-9)]
    first, _, vectors = pairs(one.lattice_A, one.fractional, 5.0)
    assert 2 * len(first) == len(near)
    assert np.allclose(np.sort(np.linalg.norm(vectors, axis=1)), np.sort(near)[::2])
    ratio = closest_ratio(one.lattice_A, one.fractional, kinds, ONE.allowed_A)
    rule = DistanceRule()
    found = closest_pairs(one.lattice_A, one.fractional, one.numbers, 2 * ONE.allowed_A.max())
    assert ratio == pytest.approx(min([2.0, *(d / rule.allowed_A(*pair) for pair, d in found.items())]))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_atoms_are_pushed_apart_and_the_volume_stays(seed):
    rng = np.random.default_rng(seed)
    one = crystal(rng, edge_A=4.4)
    kinds = ONE.kinds(one.numbers)
    lattice, sites = push_apart(one.lattice_A, one.fractional, kinds, ONE.allowed_A, 60)
    assert abs(np.linalg.det(lattice)) == pytest.approx(one.volume_A3)
    before = closest_ratio(one.lattice_A, one.fractional, kinds, ONE.allowed_A)
    assert closest_ratio(lattice, sites, kinds, ONE.allowed_A) >= min(before, 0.9)


def test_pushing_apart_keeps_the_space_group():
    one = laves(5.0)
    kinds = ONE.kinds(one.numbers)
    lattice, sites = push_apart(one.lattice_A, one.fractional, kinds, 1.3 * ONE.allowed_A, 5)
    assert space_group(lattice, sites, one.numbers, 1e-4) == space_group(*laves_arrays(), 1e-4) == 227


def laves_arrays():
    one = laves()
    return one.lattice_A, one.fractional, one.numbers


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_fingerprint_does_not_depend_on_how_a_crystal_is_written(seed):
    rng = np.random.default_rng(seed)
    one = crystal(rng, 1, 3)
    kinds = ONE.kinds(one.numbers)
    own = fingerprint(one, kinds)
    other = turned(rng, one)
    scaled = Crystal(other.numbers, 1.1 * other.lattice_A, other.fractional)
    lattice, sites = repeated(rng, one.lattice_A, one.fractional, int(rng.integers(2, 5)))
    large = Crystal(np.repeat(one.numbers, len(sites) // len(one)), lattice, sites)
    for same in (other, scaled, large):
        assert distances(own, fingerprint(same, ONE.kinds(same.numbers)))[0, 0] < 1e-6


def test_fingerprints_tell_crystals_apart_as_pymatgen_does():
    """300 pairs: rattled copies of relaxed-like crystals, and different ones."""
    rng = np.random.default_rng(0)
    matcher = StructureMatcher(primitive_cell=False, attempt_supercell=False)
    shaped = [push(crystal(rng, 2, 3)) for _ in range(25)]
    apart = list(itertools.combinations(shaped, 2))[:150]
    agree = sum(both(matcher, first, second) for first, second in apart)
    for k in range(150):
        one = shaped[k % 25]
        moved = one.fractional + rng.normal(scale=0.01, size=(len(one), 3)) @ np.linalg.inv(one.lattice_A)
        agree += both(matcher, one, turned(rng, Crystal(one.numbers, one.lattice_A, moved)))
    assert agree >= 297


def both(matcher, one, other):
    """Whether fingerprints and pymatgen agree that two crystals are the same, or that they are not."""
    away = distances(fingerprint(one, ONE.kinds(one.numbers)), fingerprint(other, ONE.kinds(other.numbers)))[0, 0]
    structures = [Structure(Lattice(c.lattice_A), c.numbers.tolist(), c.fractional) for c in (one, other)]
    return (away < 0.01) == bool(matcher.fit(*structures))


def push(one):
    """The crystal without overlaps."""
    lattice, sites = push_apart(one.lattice_A, one.fractional, ONE.kinds(one.numbers), 1.2 * ONE.allowed_A, 50)
    return Crystal(one.numbers, lattice, sites)


def test_soft_modes_are_orthonormal_and_leave_the_centre_at_rest():
    values, modes = soft_modes(laves())
    flat = modes.reshape(len(modes), -1)
    assert len(modes) == 15 and (np.diff(values) >= -1e-9).all() and values[0] > -1e-9
    assert np.allclose(flat @ flat.T, np.eye(15), atol=1e-9)
    assert np.allclose(modes.sum(axis=1), 0, atol=1e-9)


def test_equivalent_atoms_are_bonded_alike_and_the_void_is_where_an_atom_is_missing():
    bonded = valences(laves())
    assert np.allclose(bonded[:2], bonded[0]) and np.allclose(bonded[2:], bonded[2])
    one = laves()
    hole = Crystal(one.numbers[1:], one.lattice_A, one.fractional[1:])
    points, room = voids(hole)
    shift = points[0] - one.fractional[0]
    assert np.linalg.norm((shift - np.round(shift)) @ one.lattice_A) < 1.0
    assert (np.diff(room) <= 0).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, strategies.integers(1, 24))
def test_supercells_have_as_many_sites_as_cells(seed, copies):
    rng = np.random.default_rng(seed)
    assert round(np.linalg.det(hermite(rng, copies))) == copies
    one = laves()
    lattice, sites = repeated(rng, one.lattice_A, one.fractional, copies)
    wrapped = sites - np.floor(sites + 1e-9)
    assert len(np.unique(wrapped.round(6), axis=0)) == 6 * copies
    assert abs(np.linalg.det(lattice)) == pytest.approx(copies * one.volume_A3)
