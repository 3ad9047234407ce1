"""Derivatives and symmetries of magnetic potentials."""

import dataclasses

import numpy as np
import pytest
from spin_crystals import SPECIES, configurations, images, potential

from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient
from lodestone.spin_potential.potential import SpinPotential

STEP = 1e-5
# Central differences of a smooth function: an error of step^2 times the third derivative, and rounding over the step.
TOLERANCE = {"rtol": 1e-6, "atol": 1e-7}


def energy(made, image, moments=None):
    given = None if moments is None else [moments]
    return float(evaluate(made, Configurations.from_atoms([image], SPECIES, given)).energy_eV[0])


@pytest.fixture(params=[True, False], ids=["symmetrised", "plain"])
def made(request):
    return dataclasses.replace(potential(magnetic_size=3), symmetrised=request.param)


def test_forces_are_minus_the_derivatives_of_the_energy(made):
    (image,) = images(1)
    found = evaluate(made, Configurations.from_atoms([image], SPECIES)).force_eV_A
    for atom, axis in [(0, 0), (1, 1), (3, 2)]:
        both = []
        for sign in (1, -1):
            moved = image.copy()
            moved.positions[atom, axis] += sign * STEP
            both.append(energy(made, moved))
        assert found[atom, axis] == pytest.approx(-(both[0] - both[1]) / (2 * STEP), rel=1e-6, abs=1e-7)
    # Sums of thousands of terms of up to 100 eV/A cancel; processors differ in the last digits.
    np.testing.assert_allclose(found.sum(axis=0), 0.0, atol=1e-10)


def test_stress_is_the_derivative_with_respect_to_the_strain(made):
    (image,) = images(1)
    found = evaluate(made, Configurations.from_atoms([image], SPECIES)).stress_eV_A3[0]
    for a, b in [(0, 0), (1, 2), (0, 1)]:
        both = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[a, b] += sign * STEP / 2
            strain[b, a] += sign * STEP / 2
            moved = image.copy()
            moved.set_cell(image.cell.array @ (np.eye(3) + strain), scale_atoms=True)
            both.append(energy(made, moved))
        derivative = (both[0] - both[1]) / (2 * STEP) / image.get_volume()
        assert found[a, b] == pytest.approx(derivative, rel=1e-6, abs=1e-8)


def test_magnetic_forces_are_minus_the_derivatives_with_respect_to_the_moments(made):
    (image,) = images(1)
    moments = image.get_initial_magnetic_moments()
    found = evaluate(made, Configurations.from_atoms([image], SPECIES)).magnetic_force_eV_muB
    for atom in range(len(image)):
        change = STEP * (np.arange(len(image)) == atom)
        derivative = (energy(made, image, moments + change) - energy(made, image, moments - change)) / (2 * STEP)
        assert found[atom] == pytest.approx(-derivative, rel=1e-6, abs=1e-7)


def test_gradient_of_the_loss_by_adjoint_is_that_by_differences(made):
    crystals = configurations()
    rng = np.random.default_rng(5)
    stress = rng.normal(scale=0.1, size=(3, 3, 3))
    labels = Labels(
        rng.normal(size=3), rng.normal(size=(12, 3)), stress + stress.transpose(0, 2, 1), rng.normal(size=12)
    )
    target = Target(crystals, labels, Weights(1.0, 0.5, 0.3, 0.7))
    start = made.parameters()
    _, gradient = loss_and_gradient(made, target)
    for k in [*range(0, made.parameter_count, 41), len(made.moment_coefficients), len(made.moment_coefficients) + 1]:
        step = STEP * (np.arange(len(start)) == k)
        both = [loss_and_gradient(made.with_parameters(start + sign * step), target)[0] for sign in (1, -1)]
        derivative = (both[0] - both[1]) / (2 * STEP)
        assert gradient[k] == pytest.approx(derivative, rel=1e-5, abs=1e-7 * np.abs(gradient).max())


def test_rotation_translation_and_order_change_nothing(made):
    (image,) = images(1)
    before = evaluate(made, Configurations.from_atoms([image], SPECIES))
    turned = image.copy()
    turned.rotate(37.0, (1, 2, 3), rotate_cell=True)
    turned.positions += [0.3, -0.7, 11.0]
    order = [2, 0, 3, 1]
    after = evaluate(made, Configurations.from_atoms([turned[order]], SPECIES))
    assert after.energy_eV[0] == pytest.approx(before.energy_eV[0], rel=1e-12)
    np.testing.assert_allclose(after.magnetic_force_eV_muB, before.magnetic_force_eV_muB[order], rtol=1e-9, atol=1e-10)
    lengths = [np.linalg.norm(one.force_eV_A, axis=1) for one in (before, after)]
    np.testing.assert_allclose(lengths[1], lengths[0][order], rtol=1e-9)


def test_reversed_moments_have_the_same_energy_where_the_potential_is_symmetrised():
    crystals, made = configurations(), potential(magnetic_size=3)
    before, after = evaluate(made, crystals), evaluate(made, crystals.with_moments(-crystals.moment_muB))
    np.testing.assert_allclose(after.energy_eV, before.energy_eV, rtol=1e-13)
    np.testing.assert_allclose(after.magnetic_force_eV_muB, -before.magnetic_force_eV_muB, rtol=1e-9, atol=1e-10)
    plain = dataclasses.replace(made, symmetrised=False)
    assert abs(evaluate(plain, crystals.with_moments(-crystals.moment_muB)).energy_eV - before.energy_eV).max() > 1e-3


def test_a_supercell_has_so_many_times_the_energy(made):
    (image,) = images(1)
    double = evaluate(made, Configurations.from_atoms([image.repeat((1, 2, 1))], SPECIES))
    once = evaluate(made, Configurations.from_atoms([image], SPECIES))
    assert double.energy_eV[0] == pytest.approx(2 * once.energy_eV[0], rel=1e-12)


def test_batches_change_nothing(made):
    together = evaluate(made, configurations(4))
    apart = [evaluate(made, configurations(4).select([k])) for k in range(4)]
    np.testing.assert_array_equal(together.energy_eV, np.concatenate([one.energy_eV for one in apart]))
    np.testing.assert_array_equal(together.force_eV_A, np.concatenate([one.force_eV_A for one in apart]))


@pytest.mark.parametrize("size, count", [(2, 415), (3, 895), (4, 1567), (5, 2431)])
def test_numbers_of_parameters_are_the_paper_s(size, count):
    assert potential(size, level=12).parameter_count == count


def test_what_a_potential_was_not_made_for_is_refused_by_name():
    crystals = configurations()
    moments = crystals.moment_muB.copy()
    moments[6] = 3.5
    with pytest.raises(ConfigurationError, match=r"configuration 1, atom 2: found a moment of 3\.500 mu_B, allowed"):
        evaluate(potential(), crystals.with_moments(moments))
    with pytest.raises(ConfigurationError, match="found Al, the potential knows Fe"):
        Configurations.from_atoms(images(1), ("Fe",))
    with pytest.raises(ConfigurationError, match="the potential knows Co, Al"):
        evaluate(potential(species=("Co", "Al")), crystals)
    free = images(1)[0]
    free.pbc = False
    with pytest.raises(ConfigurationError, match="configuration 0: not periodic"):
        Configurations.from_atoms([free], SPECIES)


@pytest.mark.parametrize("label", ["energy", "force", "stress", "magnetic force"])
def test_a_missing_label_is_refused_unless_it_has_no_weight(label):
    crystals = configurations()
    labels = Labels(np.zeros(3), np.zeros((12, 3)), np.zeros((3, 3, 3)), np.zeros(12))
    {
        "energy": labels.energy_eV,
        "force": labels.force_eV_A,
        "stress": labels.stress_eV_A3,
        "magnetic force": labels.magnetic_force_eV_muB,
    }[label][2 if label in ("energy", "stress") else 9] = np.nan
    with pytest.raises(ConfigurationError, match=f"configuration 2: no {label}"):
        Target(crystals, labels, Weights()).require_labels()
    name = label.split()[0]
    Target(crystals, labels, dataclasses.replace(Weights(), **{name: 0.0})).require_labels()


def test_a_level_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="level: found 11, allowed: 2, 4, 6, 8, 10, 12"):
        potential(level=11)
    with pytest.raises(ValueError, match="radial_coefficients"):
        dataclasses.replace(potential(), radial_coefficients=np.zeros((1, 2, 3)))
    assert isinstance(potential(), SpinPotential)
