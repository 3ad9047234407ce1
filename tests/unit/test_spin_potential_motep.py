"""Magnetic potentials beside motep's engines: the same energies, derivatives, loss and gradient of the loss."""

import dataclasses

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress
from motep.io.mlip.mtp import read_mtp
from motep.loss import LossFunction, LossSetting
from motep.potentials.mmtp.cext.engine import CExtMagMTPEngine
from motep.potentials.mmtp.numba.engine import NumbaMagMTPEngine
from spin_crystals import SAMPLES, SPECIES, as_motep, configurations, images, potential

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.levels import Level, level
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient
from lodestone.spin_potential.potential import SpinPotential

ENGINES = {"C": CExtMagMTPEngine, "numba": NumbaMagMTPEngine}
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def of_motep(data, species):
    """Potential of motep's data."""
    radial, magnetic = data.radial_basis, data.magnetic_basis
    tables = {"radial_functions": data.radial_funcs_count, "moments": data.alpha_moments_count}
    tables |= {"basic": data.alpha_index_basic, "products": data.alpha_index_times}
    shape = (*data.radial_coeffs.shape[:3], radial.size, magnetic.size, magnetic.size)
    return SpinPotential(
        species=species,
        level=Level.of(0, {**tables, "scalars": data.alpha_moment_mapping}),
        r_min_A=float(radial.min),
        r_cut_A=float(radial.max),
        m_max_muB=float(magnetic.max),
        moment_coefficients=data.moment_coeffs,
        species_energies=data.species_coeffs,
        radial_coefficients=data.radial_coeffs.reshape(shape),
        scaling=float(data.scaling),
        symmetrised=False,
    )


def plain(seed=1, **options):
    """Two species, a scaling and energies of free atoms, no mean over reversed moments."""
    made = potential(seed=seed, **options)
    return dataclasses.replace(made, symmetrised=False, scaling=0.7, species_energies=np.array([-3.0, -2.0]))


def require_same(made, image, data, engine):
    theirs = ENGINES[engine](data).calculate(image)
    ours = evaluate(made, Configurations.from_atoms([image], made.species))
    np.testing.assert_allclose(ours.energy_eV[0], theirs["energy"], **CLOSE)
    np.testing.assert_allclose(ours.atom_energy_eV, theirs["energies"], **CLOSE)
    np.testing.assert_allclose(ours.force_eV_A, theirs["forces"], **CLOSE)
    np.testing.assert_allclose(full_3x3_to_voigt_6_stress(ours.stress_eV_A3[0]), theirs["stress"], **CLOSE)
    np.testing.assert_allclose(ours.magnetic_force_eV_muB, -theirs["mgrad"], **CLOSE)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number, size", [(2, 2), (6, 4), (12, 2), (12, 5)])
def test_engines_agree_on_random_potentials_of_two_species(number, size, engine):
    made = plain(level=number, magnetic_size=size)
    require_same(made, images(1, repeat=(1, 2, 2))[0], as_motep(made), engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", [2, 12])
def test_engines_agree_on_published_potentials(number, engine):
    data = read_mtp(SAMPLES / f"motep_{number:02d}.mmtp")
    data.species = [26]
    made = of_motep(data, ("Fe",))
    assert made.level.same(level(number))
    image = images(1)[0]
    image.symbols[:] = "Fe"
    require_same(made, image, data, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_symmetrised_energy_is_the_mean_of_motep_s_two(engine):
    made, image = plain(magnetic_size=3), images(1)[0]
    both = []
    for sign in (1.0, -1.0):
        image.set_initial_magnetic_moments(sign * images(1)[0].get_initial_magnetic_moments())
        found = ENGINES[engine](as_motep(made)).calculate(image)
        both.append({**found, "mgrad": sign * found["mgrad"]})
    said = evaluate(dataclasses.replace(made, symmetrised=True), Configurations.from_atoms(images(1), SPECIES))
    np.testing.assert_allclose(said.energy_eV[0], (both[0]["energy"] + both[1]["energy"]) / 2, **CLOSE)
    np.testing.assert_allclose(said.force_eV_A, (both[0]["forces"] + both[1]["forces"]) / 2, **CLOSE)
    np.testing.assert_allclose(said.magnetic_force_eV_muB, -(both[0]["mgrad"] + both[1]["mgrad"]) / 2, **CLOSE)


def test_the_loss_and_its_gradient_are_motep_s():
    """motep multiplies Jacobians with residuals; the parameters come in the same order."""
    made, rng = plain(level=8), np.random.default_rng(3)
    crystals = configurations(3)
    stress = rng.normal(scale=0.1, size=(3, 3, 3))
    stress += stress.transpose(0, 2, 1)
    labels = Labels(rng.normal(size=3), rng.normal(size=(12, 3)), stress, rng.normal(size=12))
    loss, gradient = loss_and_gradient(made, Target(crystals, labels, Weights(1.0, 0.5, 0.3, 0.7)))
    labelled = images(3)
    for k, image in enumerate(labelled):
        rows = slice(4 * k, 4 * k + 4)
        image.calc = SinglePointCalculator(
            image,
            energy=labels.energy_eV[k],
            forces=labels.force_eV_A[rows],
            stress=full_3x3_to_voigt_6_stress(stress[k]),
        )
        image.calc.results["mgrad"] = -labels.magnetic_force_eV_muB[rows]
    data = as_motep(made)
    setting = LossSetting(energy_weight=1.0, forces_weight=0.5, stress_weight=0.3, mgrad_weight=0.7)
    theirs = LossFunction(labelled, mtp_data=data, setting=setting)
    assert loss == pytest.approx(theirs(made.parameters()), rel=1e-10)
    np.testing.assert_allclose(gradient, theirs.jac(made.parameters()), rtol=1e-8, atol=1e-10 * np.abs(gradient).max())
