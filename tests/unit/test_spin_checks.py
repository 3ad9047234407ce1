"""Equilibrium moments and relaxed crystals of an ensemble: a potential that made the labels makes no errors."""

import dataclasses
import logging

import numpy as np
import pytest
from artifact_samples import PROVENANCE, sample
from ase.build import bulk
from spin_crystals import SPECIES
from spin_samples import labels_of, truth

from lodestone.spin_potential import data_set
from lodestone.spin_potential.checks import check
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.equilibration import TOLERANCE_EV_MUB
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.relaxation import FORCE_TOLERANCE_EV_A, relax

LOG = logging.getLogger("test")


def crystal(solutes=0, edge=2.9):
    image = bulk("Fe", a=edge, cubic=True)
    image.symbols[:solutes] = "Al"
    return image


def relaxed(solutes=0):
    """A crystal and its moments at rest in the potential that is known."""
    return relax(truth(), crystal(solutes), np.array([1.4, 1.6]))


def labelled():
    """Two relaxed crystals and a strained one with free moments, labelled by the known potential."""
    found = [relaxed(0), relaxed(1)]
    strained = crystal(0, 2.8)
    images = [one.atoms for one in found] + [strained]
    from lodestone.spin_potential.equilibration import equilibrate_moments

    start = Configurations.from_atoms([strained], SPECIES, [np.array([1.5, 1.5])])
    moments = [one.moment_muB for one in found] + [equilibrate_moments(truth(), start).configurations.moment_muB]
    crystals = Configurations.from_atoms(images, SPECIES, moments, ["Fe2", "AlFe", "Fe2+t1"])
    return data_set.pack(crystals, labels_of(truth(), crystals), np.ones(3, bool), "a test", [], PROVENANCE)


def ensemble(*potentials):
    made = potentials[0]
    fields = {
        "parameter": np.stack([one.parameters() for one in potentials]),
        "trained": np.ones((len(potentials), 3), np.uint8),
        "train_rmse": np.zeros((len(potentials), 4)), "test_rmse": np.zeros((len(potentials), 4)),
        "step_offset": np.zeros(len(potentials) + 1, np.int64), "loss": np.zeros(0),
        "converged": np.ones(len(potentials), np.uint8), "species": list(SPECIES), "level": 2,
        "radial_size": made.radial_size, "magnetic_size": made.magnetic_size, "r_min_A": made.r_min_A,
        "r_cut_A": made.r_cut_A, "m_max_muB": made.m_max_muB,
    }  # fmt: skip
    return sample("spin_fits", **fields)


def test_a_relaxed_crystal_has_no_forces_stresses_and_magnetic_forces():
    found = relaxed()
    assert found.converged and not found.reason
    said = evaluate(truth(), Configurations.from_atoms([found.atoms], SPECIES, [found.moment_muB]))
    assert np.abs(said.force_eV_A).max() < FORCE_TOLERANCE_EV_A
    # ASE's filter takes the stress times the volume over the atoms as a force.
    assert np.abs(said.stress_eV_A3).max() * found.atoms.get_volume() < 2 * FORCE_TOLERANCE_EV_A
    assert np.abs(said.magnetic_force_eV_muB).max() < TOLERANCE_EV_MUB
    assert found.energy_eV < evaluate(
        truth(), Configurations.from_atoms([crystal()], SPECIES, [np.array([1.4, 1.6])])
    ).energy_eV[0]  # fmt: skip


def test_a_relaxation_that_does_not_end_says_why():
    short = relax(truth(), crystal(), np.array([1.4, 1.6]), max_steps=1)
    assert not short.converged and "forces did not vanish in 1 steps" in short.reason
    outside = relax(truth(), crystal(), np.array([1.4, 9.0]))
    assert not outside.converged and outside.reason


def test_the_potential_of_the_labels_makes_no_errors():
    labels = labelled()
    assert labels.relaxed.tolist() == [1, 1, 0]
    found = check(labels, ensemble(truth()), 0.0, PROVENANCE, LOG)
    assert found.equilibrated.all() and found.relaxed.all()
    # As far as forces of 1e-3 eV/A and magnetic forces of the tolerance leave them.
    assert found.moment_rmse_muB()[0] < 1e-3
    assert found.lattice_rmse_A()[0] < 1e-3
    assert found.formation_rmse_eV()[0] < 1e-5
    assert found.total_moment_rmse_muB()[0] < 1e-3


def test_another_potential_shows_its_error():
    other = truth()
    # All wells 0.2 mu_B further out, in moments of up to 3 mu_B: scale the moments' range.
    other = dataclasses.replace(other, m_max_muB=3.0 * 1.7 / 1.5)
    found = check(labelled(), ensemble(other), 0.0, PROVENANCE, LOG)
    assert found.equilibrated.all()
    known = np.abs(found.label_moment_muB).mean()
    assert found.moment_rmse_muB()[0] == pytest.approx(known * (1.7 / 1.5 - 1), rel=0.05)


def test_formation_energies_count_from_host_and_solute():
    labels = labelled()
    per_atom = labels.energy_eV[:2] / 2
    given = check(labels, ensemble(truth()), -1990.0, PROVENANCE, LOG)
    assert given.label_formation_eV[1] == pytest.approx(per_atom[1] - 0.5 * per_atom[0] + 0.5 * 1990.0, abs=1e-9)
    # Without a reference of the solute the richest crystal is at 0 by definition.
    assert check(labels, ensemble(truth()), 0.0, PROVENANCE, LOG).label_formation_eV[1] == pytest.approx(0.0, abs=1e-9)


def test_crystals_that_did_not_relax_do_not_count():
    found = check(labelled(), ensemble(truth(), truth()), 0.0, PROVENANCE, LOG)
    lattice = found.lattice_A.copy()
    lattice[1, 0] = 99.0
    bad = dataclasses.replace(found, lattice_A=lattice, relaxed=np.array([[1, 1], [0, 1]], np.uint8))
    np.testing.assert_allclose(bad.lattice_rmse_A(), found.lattice_rmse_A(), atol=1e-3)
    none = dataclasses.replace(found, relaxed=np.zeros((2, 2), np.uint8))
    assert np.isnan(none.lattice_rmse_A()).all()
