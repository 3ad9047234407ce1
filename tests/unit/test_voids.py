"""Voids against the geometry of the simple lattices."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lodestone.structures.cells import symmetry
from lodestone.structures.voids import filled, voids

BCC = Structure(Lattice.cubic(2.86), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
FCC = Structure(Lattice.cubic(3.6), ["Fe"] * 4, [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


@pytest.mark.parametrize(
    "crystal, expected",
    [
        # Tetrahedral voids at sqrt(5)/4 a, 12 in a cubic cell, octahedral ones at a/2, 6 of them.
        (BCC, [(np.sqrt(5) / 4 * 2.86, 12), (2.86 / 2, 6)]),
        # Octahedral voids at a/2, 4 of them, tetrahedral ones at sqrt(3)/4 a, 8 of them.
        (FCC, [(1.8, 4), (np.sqrt(3) / 4 * 3.6, 8)]),
    ],
)
def test_voids_of_cubic_lattices(crystal, expected):
    found = voids(crystal, 1.4)
    assert [void.multiplicity for void in found[:2]] == [count for _, count in expected]
    assert [void.radius_A for void in found[:2]] == pytest.approx([radius for radius, _ in expected], abs=1e-6)


def test_voids_do_not_depend_on_the_cell_or_the_origin():
    moved = FCC.copy()
    moved.translate_sites(range(4), [0.13, 0.27, 0.41])
    primitive = FCC.get_primitive_structure()
    for other in (moved, primitive):
        assert [v.radius_A for v in voids(other, 1.5)] == pytest.approx([v.radius_A for v in voids(FCC, 1.5)])


def test_nothing_is_smaller_than_asked():
    assert all(void.radius_A >= 1.5 for void in voids(BCC, 1.5))
    assert voids(BCC, 1.7) == []


def test_a_filled_void_is_the_known_crystal():
    crystal = filled(FCC, voids(FCC, 1.5)[0], "N")  # gamma'-Fe4N
    assert crystal.composition.reduced_formula == "Fe4N"
    assert symmetry(crystal).number == 221
    distance = min(crystal[-1].distance(site) for site in crystal[:-1])
    assert distance == pytest.approx(1.8, abs=1e-6)
