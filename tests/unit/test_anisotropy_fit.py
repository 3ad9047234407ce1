"""K_1 from energies along axes: against energies made with a known constant, in crystals turned at random."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from batch_worker import Counting
from crystals import bcc_iron, ca_cu5, disguised
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance
from lodestone.dft import anisotropy, packing, spin_axes
from lodestone.dft.anisotropy import EV_A3_J_M3
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.vasp.backend import Vasp

AXES = Calculation(kind="anisotropy").axes
PROVENANCE = Provenance.of("a stand-in", 7, {})


def energies(structure, K1_J_m3, axis, axes=AXES):
    """E_0 + K_1 V sin^2 theta for each of the calculation's axes."""
    directions = np.array(axes) @ structure.lattice.matrix
    cosine = directions @ axis / np.linalg.norm(directions, axis=1) / np.linalg.norm(axis)
    return -100.0 + K1_J_m3 / EV_A3_J_M3 * structure.volume * (1 - cosine**2)


def derived(structure, values, axes=AXES, status=Status.CONVERGED):
    calculation = dataclasses.replace(Calculation(kind="anisotropy"), axes=axes)
    given = tuple(values) if status is Status.CONVERGED else ()
    result = Result(status, structure=structure, energy_eV=-100.0, axis_energies_eV=given)
    item = packing.Item(0, "a", structure, result)
    return anisotropy.derive([packing.pack([item], calculation, Counting(), "maggen", PROVENANCE)], PROVENANCE)


@pytest.mark.parametrize("K1_J_m3", [1.7e7, -2.5e5])
def test_constant_of_a_hexagonal_crystal_is_found(K1_J_m3):
    structure = ca_cu5()
    found = derived(structure, energies(structure, K1_J_m3, np.array([0, 0, 1])))
    assert found.K1_J_m3[0] == pytest.approx(K1_J_m3, rel=1e-6)
    assert found.uniaxial[0] == 1
    assert abs(found.unit_axis[0, 2]) == pytest.approx(1)
    assert found.easy_direction[0] == (2 if K1_J_m3 > 0 else 0)


def test_turned_cell_has_the_same_constant():
    rng = np.random.default_rng(5)
    turned = disguised(ca_cu5(), rng)
    axis = anisotropy.unique_axis(turned)
    found = derived(turned, energies(turned, 4e6, axis))
    assert found.K1_J_m3[0] == pytest.approx(4e6, rel=1e-6)
    # Perpendicular to the hexagonal plane: the minority atom and its images in the plane are at right angles to it.
    minority = next(site for site in turned if site.specie.symbol == "Nd")
    around = [n.coords - minority.coords for n in turned.get_neighbors(minority, 5.3) if n.specie.symbol == "Nd"]
    in_plane = [v for v in around if np.linalg.norm(v) > 5.0]  # a = 5.24, c = 3.92
    assert len(in_plane) == 6
    assert np.abs(np.array(in_plane) @ axis).max() < 1e-6
    assert np.linalg.norm(axis) == pytest.approx(1)


def test_best_axis_is_taken_where_symmetry_names_none():
    structure = Structure(Lattice.orthorhombic(3, 4, 5), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.47]])
    assert anisotropy.unique_axis(structure) is None
    found = derived(structure, energies(structure, 2e6, np.array([0, 1, 0])))
    assert found.K1_J_m3[0] == pytest.approx(2e6, rel=1e-6)
    assert np.abs(found.unit_axis[0]) == pytest.approx([0, 1, 0])
    assert found.uniaxial[0] == 1


def test_three_different_energies_are_not_uniaxial():
    structure = Structure(Lattice.orthorhombic(3, 4, 5), ["Fe"], [[0, 0, 0]])
    found = derived(structure, [-100.0, -100.0 + 1e-4, -100.0 + 2e-4])
    assert found.uniaxial[0] == 0
    assert found.misfit_J_m3[0] > 0


@pytest.mark.parametrize("last", [-100.0, -100.001])
def test_cubic_crystal_is_never_uniaxial(last):
    found = derived(bcc_iron(), [-100.0, -100.0, last])
    assert found.K1_J_m3[0] == 0
    assert found.has_K1[0] == found.uniaxial[0] == 0
    assert found.reasons() == ["cubic: symmetry leaves no constant of second order"]


def nd2fe17():
    """Primitive cell of the rhombohedral crystal of the Materials Project."""
    path = Path(__file__).parents[1] / "data" / "structures" / "Nd2Fe17_mp-1510.cif"
    return Structure.from_file(path).get_primitive_structure()


def test_rhombohedral_crystal_has_axes_of_its_own():
    structure = nd2fe17()
    lattice = structure.lattice.matrix
    axis = anisotropy.unique_axis(structure)
    # What made the fit impossible: one angle between the unique axis and all lattice vectors.
    assert np.ptp(np.abs(lattice @ axis) / np.linalg.norm(lattice, axis=1)) < 1e-3
    calculation = spin_axes.for_crystal(structure, Calculation(kind="anisotropy"))
    directions = spin_axes.cartesian(structure, calculation)
    assert np.abs(directions @ axis) == pytest.approx([1, 0, 0], abs=1e-9)
    assert abs(directions[1] @ directions[2]) < 1e-9
    found = derived(structure, energies(structure, 2e6, axis, calculation.axes))
    assert found.K1_J_m3[0] == pytest.approx(2e6, rel=1e-6)
    assert found.uniaxial[0] == 1
    assert found.easy_direction[0] == 0


def test_vasp_magnetises_along_those_axes():
    structure = nd2fe17()
    folderless = Vasp({"potentials": "PBE"})
    saxis = [step.incar["SAXIS"] for step in folderless._plan(structure, Calculation(kind="anisotropy"))[1:]]
    axis = anisotropy.unique_axis(structure)
    assert np.abs(np.array(saxis) @ axis) == pytest.approx([1, 0, 0], abs=1e-8)  # ten digits are written


def test_axes_stay_where_they_tell_the_constant():
    calculation = Calculation(kind="anisotropy")
    for structure in (ca_cu5(), bcc_iron(), Structure(Lattice.cubic(3.0), ["Fe"], [[0, 0, 0]])):
        assert spin_axes.for_crystal(structure, calculation) == calculation
    assert spin_axes.for_crystal(nd2fe17(), Calculation(kind="static")).axes == AXES


def test_crystal_that_cannot_be_fitted_leaves_the_others_their_constant():
    calculation = dataclasses.replace(Calculation(kind="anisotropy"), axes=((1, 0, 0), (0, 1, 0)))
    plane = Structure(Lattice.tetragonal(3, 5), ["Fe"], [[0, 0, 0]])
    chain = Structure(Lattice.orthorhombic(3, 4, 5), ["Fe"], [[0, 0, 0]])
    items = [
        packing.Item(k, name, s, Result(Status.CONVERGED, structure=s, energy_eV=-1.0, axis_energies_eV=(-1.0, -1.1)))
        for k, (name, s) in enumerate([("plane", plane), ("chain", chain)])
    ]
    packed = packing.pack(items, calculation, Counting(), "maggen", PROVENANCE)
    packed.extra_offset[:], own = 0, packed.extra_utf8[:0]  # as if along the two lattice vectors
    packed = dataclasses.replace(packed, extra_utf8=own)
    found = anisotropy.derive([packed], PROVENANCE)
    assert found.has_K1.tolist() == [0, 1]
    assert "expected two angles" in found.reasons()[0]
    assert found.reasons()[1] == ""


def test_many_directions_are_fitted_together():
    structure = ca_cu5()
    angles = np.linspace(0, np.pi / 2, 7)
    directions = np.column_stack([np.sin(angles), 0 * angles, np.cos(angles)]) @ np.linalg.inv(structure.lattice.matrix)
    axes = tuple(map(tuple, directions.tolist()))
    values = energies(structure, 1e6, np.array([0, 0, 1]), axes) + 1e-9 * np.array([1, -1, 1, -1, 1, -1, 1])
    found = derived(structure, values, axes)
    # Noise of 1e-9 eV in a cell of 93 cubic angstrom is 2 J/m3.
    assert found.K1_J_m3[0] == pytest.approx(1e6, abs=5)
    assert found.misfit_J_m3[0] == pytest.approx(1e-9 / structure.volume * EV_A3_J_M3, rel=0.5)


def test_crystal_without_energies_has_no_constant():
    found = derived(ca_cu5(), [], status=Status.FAILED)
    assert found.has_K1.tolist() == [0]
    assert found.status.tolist() == [Status.FAILED]
    assert found.reasons() == ["failed"]


def test_directions_at_one_angle_are_refused():
    with pytest.raises(ValueError, match="expected two angles"):
        anisotropy.fit(np.eye(3)[:1], np.zeros(1), 10.0, np.eye(3))
