"""Distances by pair of elements, and what is refused before anything runs."""

import time

import numpy as np
import pytest
from crystals import PROVENANCE, SLOW_MACHINE, bcc_iron, ca_cu5, disguised
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import DummySpecies, Lattice, Species, Structure

from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import checks, snapshot
from lodestone.structures.distances import DistanceRule, closest_pairs, radius_A
from lodestone.structures.errors import StructureError


def pairs_of(structure, cutoff_A=6.0):
    return closest_pairs(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers, cutoff_A)


def test_distances_of_known_crystals():
    assert pairs_of(bcc_iron()) == {("Fe", "Fe"): pytest.approx(2.87 * 3**0.5 / 2)}
    found = pairs_of(ca_cu5(a=5.0, c=4.0))
    assert found[("Nd", "Nd")] == pytest.approx(4.0)
    assert found[("Fe", "Nd")] == pytest.approx(5.0 / 3**0.5)
    # From a 2c site to the 3g site between two cells along c.
    assert found[("Fe", "Fe")] == pytest.approx(np.hypot(5.0 / 12**0.5, 2.0))


def test_an_atom_and_its_own_image_are_a_pair():
    alone = Structure(Lattice.orthorhombic(2.0, 3.0, 9.0), ["Fe"], [[0.3, 0.2, 0.9]])
    assert pairs_of(alone) == {("Fe", "Fe"): pytest.approx(2.0)}
    assert pairs_of(alone, cutoff_A=1.9) == {}


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(st.integers(0, 2**32 - 1))
def test_distances_do_not_depend_on_the_cell_that_describes_the_crystal(seed):
    rng = np.random.default_rng(seed)
    crystal = Structure(
        Lattice(rng.normal(size=(3, 3)) + 4 * np.eye(3)), rng.choice(["Fe", "Nd", "B"], 5), rng.random((5, 3))
    )
    other = disguised(crystal, rng)
    assert pairs_of(other) == pytest.approx(pairs_of(crystal), rel=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(st.integers(0, 2**32 - 1))
def test_distances_agree_with_a_search_of_all_neighbours(seed):
    rng = np.random.default_rng(seed)
    crystal = Structure(
        Lattice(rng.normal(size=(3, 3)) + 3 * np.eye(3)), rng.choice(["Fe", "Nd"], 4), rng.random((4, 3))
    )
    centre, neighbour, _, distance = crystal.get_neighbor_list(5.0, exclude_self=True)
    symbols = [site.specie.symbol for site in crystal]
    expected = {}
    for i, j, d in zip(centre, neighbour, distance, strict=True):
        pair = tuple(sorted((symbols[i], symbols[j])))
        expected[pair] = min(expected.get(pair, np.inf), d)
    assert pairs_of(crystal, 5.0) == pytest.approx(expected, rel=1e-9)


def test_a_very_skew_cell_is_no_trouble():
    skew = np.array([[2.87, 0, 0], [0, 2.87, 0], [40 * 2.87, 25 * 2.87, 2.87]])
    found = closest_pairs(skew, bcc_iron().cart_coords @ np.linalg.inv(skew), [26, 26], 4.0)
    assert found == {("Fe", "Fe"): pytest.approx(2.87 * 3**0.5 / 2)}


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(st.integers(0, 2**32 - 1))
def test_large_cells_have_the_distances_of_small_ones(seed):
    rng = np.random.default_rng(seed)
    crystal = Structure(
        Lattice(rng.normal(size=(3, 3)) + 4 * np.eye(3)), rng.choice(["Fe", "Nd", "B"], 5), rng.random((5, 3))
    )
    large = crystal * (5, 5, 4)
    assert len(large) == 500
    assert pairs_of(large, 4.0) == pytest.approx(pairs_of(crystal, 4.0), rel=1e-9)


def test_a_cell_of_many_thousands_is_checked_in_seconds():
    edge = 20
    points = np.stack(np.meshgrid(*[np.arange(edge)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / edge
    began = time.process_time()
    found = closest_pairs(2.5 * edge * np.eye(3), points, [26] * edge**3, 3.0)
    assert time.process_time() - began < 5
    assert found == {("Fe", "Fe"): pytest.approx(2.5)}
    points[1] = points[0]
    assert closest_pairs(2.5 * edge * np.eye(3), points, [26] * edge**3, 3.0) == {("Fe", "Fe"): 0.0}


def test_a_rule_names_the_pair_the_distance_and_what_is_allowed():
    crystal = bcc_iron()
    arrays = crystal.lattice.matrix, crystal.frac_coords, crystal.atomic_numbers
    assert DistanceRule().broken(*arrays) == []
    strict = DistanceRule(minimum_A={("Fe", "Fe"): 3.0})
    assert strict.broken(*arrays) == ["Fe-Fe 2.485 angstrom apart, allowed are 3.000 or more"]
    assert DistanceRule(0.6).allowed_A("Nd", "Fe") == pytest.approx(0.6 * (radius_A("Nd") + radius_A("Fe")))


def test_stretching_by_the_factor_is_just_enough():
    crystal, rule = bcc_iron(), DistanceRule(minimum_A={("Fe", "Fe"): 3.0})
    arrays = crystal.frac_coords, crystal.atomic_numbers
    factor = rule.stretch(crystal.lattice.matrix, *arrays)
    assert factor == pytest.approx(3.0 / (2.87 * 3**0.5 / 2))
    assert rule.broken(factor * crystal.lattice.matrix, *arrays) == []
    assert rule.broken(0.999 * factor * crystal.lattice.matrix, *arrays) != []
    assert DistanceRule().stretch(crystal.lattice.matrix, *arrays) == 1
    on_top = np.zeros((2, 3))
    assert rule.stretch(crystal.lattice.matrix, on_top, [26, 26]) == np.inf


CUBE = Lattice.cubic(4.0)
BAD = {
    "overlapping atoms: Fe-Nd 0.400": Structure(CUBE, ["Fe", "Nd"], [[0, 0, 0], [0.1, 0, 0]]),
    "overlapping atoms: Fe-Fe 0.000": Structure(CUBE, ["Fe", "Fe"], [[0, 0, 0], [1, 0, 0]]),
    "overlapping atoms: Fe-Fe 0.100": Structure(Lattice.orthorhombic(0.1, 9, 9), ["Fe"], [[0, 0, 0]]),
    "cubic angstrom an atom": Structure(Lattice.cubic(0.9), ["Fe"], [[0, 0, 0]]),
    "allowed are 1 to 1000": Structure(Lattice.cubic(11), ["Fe"], [[0, 0, 0]]),
    "start moments that are no finite": bcc_iron([2.0, np.nan]),
    "random alloys of whole sites": Structure(CUBE, [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]]),
    "disordered sites": Structure(CUBE, [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]]),
    r"disordered sites \(1": Structure(CUBE, [{"Fe": 0.7}], [[0, 0, 0]]),
    r"charged sites \(Fe3\+\)": Structure(CUBE, [Species("Fe", 3)], [[0, 0, 0]]),
    "charge 1 of the cell": Structure(CUBE, ["Fe"], [[0, 0, 0]], charge=1),
    "unknown elements X": Structure(CUBE, [DummySpecies("X"), "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "not collinear": bcc_iron([[0, 0, 2.0], [2.0, 0, 0]]),
    "some sites only": bcc_iron([2.0, None]),
    "no finite numbers": Structure(CUBE, ["Fe"], [[np.nan, 0, 0]]),
    "no atoms": Structure(CUBE, [], []),
}


@pytest.mark.parametrize("complaint", BAD)
def test_what_cannot_be_calculated_is_refused_by_name_and_reason(complaint):
    with pytest.raises(StructureError, match=f"^folder/file.cif: .*{complaint}") as caught:
        checks.require_usable(BAD[complaint], "folder/file.cif")
    assert caught.value.name == "folder/file.cif"


@pytest.mark.parametrize("moments", [None, [2.2, -2.2], [[0, 0, 2.0], [0, 0, -1.0]]])
def test_a_good_crystal_is_not_refused(moments):
    checks.require_usable(bcc_iron(moments), "bcc")


def test_vector_moments_become_numbers_along_their_axis():
    axis = np.array([1, -2, 2]) / 3
    assert checks.collinear([2 * axis, -3 * axis, 0 * axis]) == pytest.approx([-2, 3, 0])
    assert checks.collinear([[0, 0, 2.0], [0, 0, -1.0]]).tolist() == [2.0, -1.0]
    assert checks.collinear([0.5, -0.5]).tolist() == [0.5, -0.5]
    assert checks.collinear([[0, 0, 0], [0, 0, 0]]).tolist() == [0, 0]
    assert checks.collinear([[0, 0, 1.0], [0, 0.1, 1.0]]) is None
    assert checks.collinear([np.nan, 1.0]) is None


def test_problems_of_a_set_are_those_of_its_crystals():
    close = BAD["overlapping atoms: Fe-Nd 0.400"]
    known = StructureSet.from_structures([ca_cu5(), close, bcc_iron()], ["good", "bad", "iron"], PROVENANCE)
    found = checks.problems(known)
    assert [problem.name for problem in found] == ["bad"]
    assert "Fe-Nd 0.400" in found[0].reason


def test_nearly_all_of_the_snapshot_passes():
    known = snapshot.read(snapshot.SNAPSHOT, PROVENANCE)
    # Two uranium halides and a tantalum sulphide, squeezed, of 3,085.
    assert [problem.name for problem in checks.problems(known)] == ["mp-1419122", "mp-1420476", "mp-1425201"]
