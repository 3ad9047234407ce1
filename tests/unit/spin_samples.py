"""A small labelled data set of a known potential, which the tests of fits and reports share."""

import dataclasses
from types import SimpleNamespace

import numpy as np
from artifact_samples import PROVENANCE
from spin_crystals import SPECIES, images, well

from lodestone.dft import packing
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.spin_potential import data_set
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.equilibration import equilibrate_moments
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels

ENGINE = SimpleNamespace(name="a test", models=(), moments_are_signed=True)
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


def computed(crystals, **changes):
    """Calculations of a set that agree with the known potential, apart from the `changes`."""
    items = []
    for number, (name, structure) in enumerate(zip(crystals.names(), crystals.structures(), strict=True)):
        image = structure.to_ase_atoms(msonable=False)
        moments = np.array(structure.site_properties["magmom"])
        said = labels_of(truth(), Configurations.from_atoms([image], SPECIES, [moments]))
        values = {
            "energy_eV": said.energy_eV[0], "forces_eV_A": said.force_eV_A, "stress_eV_A3": said.stress_eV_A3[0],
            "moments_muB": moments, "magnetic_forces_eV_muB": said.magnetic_force_eV_muB,
        }  # fmt: skip
        result = Result(status=Status.CONVERGED, structure=structure, **values)
        items.append(packing.Item(number, name, structure, dataclasses.replace(result, **changes)))
    return packing.pack(items, Calculation("constrained"), ENGINE, "mmtp", PROVENANCE)
