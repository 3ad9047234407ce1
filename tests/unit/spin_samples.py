"""A small labelled data set of a known potential, which the tests of fits and reports share."""

import dataclasses

import numpy as np
from artifact_samples import PROVENANCE
from spin_crystals import SPECIES, images, well

from lodestone.spin_potential import data_set
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.equilibration import equilibrate_moments
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels

SETTINGS = {
    "level": 4, "radial_size": 8, "magnetic_size": 2, "r_min_A": 2.0, "r_cut_A": 5.0, "m_max_muB": 4.0,
    "energy_weight": 1.0, "force_weight": 0.01, "stress_weight": 0.001, "magnetic_weight": 0.1,
    "method": "levenberg_marquardt", "device": "cpu", "ridge": 1e-8,
    "max_iterations": 5, "tolerance": 1e-3, "patience": 5,
}  # fmt: skip


def labels_of(made, crystals):
    said = evaluate(made, crystals)
    return Labels(said.energy_eV, said.force_eV_A, said.stress_eV_A3, said.magnetic_force_eV_muB)


def truth():
    """A potential whose moments have an equilibrium near 1.5 mu_B, alike for all species."""
    return well(exchange=0.01, species=SPECIES, bond_eV=0.4)


def names(count, crystals=3):
    """So many configurations of a few crystals: `A+h0`, `B+h1` and on."""
    return [f"{'ABCDEF'[k % crystals]}+h{k}" for k in range(count)]


def data(count=12, seed=1, made=None, free=0):
    """Labels of a potential for `count` configurations; the first `free` of them with moments in equilibrium."""
    made = made if made is not None else truth()
    crystals = Configurations.from_atoms(images(count, seed), SPECIES, names=names(count))
    if free:
        rest = equilibrate_moments(made, crystals.select(range(free))).configurations
        moments = crystals.moment_muB.copy()
        moments[: len(rest.moment_muB)] = rest.moment_muB
        crystals = dataclasses.replace(crystals, moment_muB=moments)
    equilibrium = np.arange(count) < free
    return data_set.pack(crystals, labels_of(made, crystals), equilibrium, "a test", [], PROVENANCE)
