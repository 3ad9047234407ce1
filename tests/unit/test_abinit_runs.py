"""ABINIT run for real, at settings small enough for a test and tight enough for what is asked of it."""

import dataclasses
import shutil

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from support import need

from lodestone.dft.abinit.backend import Abinit
from lodestone.dft.abinit.deck import BOHR_A, HARTREE_EV
from lodestone.dft.calculation import Resources, Status, write_item
from lodestone.dft.presets import preset

pytestmark = [pytest.mark.slow, pytest.mark.abinit, pytest.mark.timeout(900)]
STEP_MUB = 0.02
# The finite difference over 0.04 mu_B is off by the third derivative; 0.5 % is what is asked for.
MAGNETIC_FORCE_RTOL = 0.005


@pytest.fixture(scope="module")
def compute(tmp_path_factory):
    """Return a function that computes a crystal in a folder of its own."""
    engine = Abinit()
    need("" if shutil.which(engine.command) else f"no executable {engine.command}: apt-get install abinit")

    def run(structure, calculation):
        assert engine.check({"crystal": structure}, calculation, runs_here=True) == []
        folder = tmp_path_factory.mktemp("abinit")
        write_item(structure, calculation, folder)
        engine.prepare(structure, calculation, folder)
        engine.run(folder, Resources())
        result = engine.collect(folder, calculation)
        assert result.status is Status.CONVERGED, result.message
        return result

    return run


def proven(kind, **changes):
    """Settings of the notes: 18 Ha, Gaussian smearing, shifted mesh."""
    return dataclasses.replace(preset("mmtp")[kind], cutoff_eV=18 * HARTREE_EV, **changes)


def iron(cell="conventional"):
    edge = 5.36 * BOHR_A
    if cell == "conventional":
        return Structure(Lattice.cubic(edge), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return Structure(Lattice(edge / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])), ["Fe"], [[0, 0, 0]])


def iron_aluminium():
    return Structure(Lattice.cubic(5.424 * BOHR_A), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_moment_of_bcc_iron(compute):
    calculation = proven("static", kpoint_spacing_per_A=0.28, smearing_eV=0.008 * HARTREE_EV)
    assert calculation.mesh(iron().lattice.matrix) == (8, 8, 8)
    result = compute(iron(), calculation)
    # The notes' run gave 2.204; the k points of another program alone would move it by 0.01.
    assert result.total_moment_muB / 2 == pytest.approx(2.204, abs=0.005)
    assert result.energy_eV == pytest.approx(-248.8749434851 * HARTREE_EV, abs=0.02)
    assert np.abs(result.forces_eV_A).max() < 1e-6


@pytest.mark.parametrize(
    ("structure", "moment", "spacing"),
    [(iron("primitive"), 1.5, 0.55), (iron_aluminium(), 1.8, 0.75)],
    ids=["bcc Fe", "B2 FeAl"],
)
def test_magnetic_force_is_minus_the_derivative_of_the_energy(compute, structure, moment, spacing):
    # The identity holds at any mesh, so the mesh is coarse.
    calculation = proven("constrained", kpoint_spacing_per_A=spacing, free_elements=("Al",))
    results = []
    for target in (moment - STEP_MUB, moment, moment + STEP_MUB):
        targets = [target if site.specie.symbol == "Fe" else 0.0 for site in structure]
        results.append(compute(structure.copy(site_properties={"magmom": targets}), calculation))
    held = [r.moments_muB[0] for r in results]
    # What the residual of the potential leaves: at 5 eV per mu_B^2 it changes the force by 1 meV per mu_B.
    assert held == pytest.approx([moment - STEP_MUB, moment, moment + STEP_MUB], abs=2e-4)
    difference = -(results[2].energy_eV - results[0].energy_eV) / (held[2] - held[0])
    # ABINIT prints the force with 1.4e-5 eV per mu_B: it must be large enough to compare within the tolerance.
    assert abs(difference) > 0.03
    assert results[1].magnetic_forces_eV_muB[0] == pytest.approx(difference, rel=MAGNETIC_FORCE_RTOL)


def test_relaxation_lowers_the_energy_to_a_cell_without_stress(compute):
    start = iron("primitive").copy(site_properties={"magmom": [2.3]})
    start.apply_strain(0.01)
    calculation = dataclasses.replace(
        preset("nd_fe")["relax"], kpoint_spacing_per_A=0.55, smearing_eV=0.2, stress_tolerance_eV_A3=3e-3
    )
    result = compute(start, calculation)
    assert result.steps >= 1
    assert result.extras["energies_eV"][-1] < result.extras["energies_eV"][0]
    assert np.abs(result.stress_eV_A3).max() < 3e-3
    assert 2.40 < result.structure.lattice.a < start.lattice.a


def test_axes_that_symmetry_makes_equal_have_equal_energies(compute):
    edges = 5.36 * BOHR_A / 2 * np.array([1.0, 1.0, 1.06])
    tetragonal = Structure(Lattice(np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * edges), ["Fe"], [[0, 0, 0]])
    axes = ((0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))  # the Cartesian axes
    calculation = dataclasses.replace(
        preset("nd_fe")["anisotropy"], kpoint_spacing_per_A=1.0, smearing_eV=0.3, axes=axes, cutoff_eV=12 * HARTREE_EV
    )
    result = compute(tetragonal, calculation)
    # Convergence leaves 1e-8 Ha in each.
    assert result.axis_energies_eV[0] == pytest.approx(result.axis_energies_eV[1], abs=1e-6)
    moments = np.array(result.extras["total_moments_muB"])
    # The magnetisation stayed along each of the axes, and spinors mix in components only in the last digits.
    assert np.diag(moments).min() > 1.5
    assert np.abs(moments - np.diag(np.diag(moments))).max() < 1e-3


def test_a_hubbard_u_localises_the_d_electrons_of_iron(compute):
    # A coarse mesh overestimates the moment of iron with U and without.
    plain = proven("static", kpoint_spacing_per_A=0.75, energy_tolerance_eV=1e-5)
    results = [compute(iron("primitive"), plain)]
    results.append(compute(iron("primitive"), dataclasses.replace(plain, hubbard_U_eV={"Fe": 3.0})))
    assert [result.run_type for result in results] == ["GGA", "GGA+U"]
    assert results[1].total_moment_muB > results[0].total_moment_muB + 0.2
    assert results[1].energy_eV > results[0].energy_eV
