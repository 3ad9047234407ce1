"""ASE's calculator of magnetic potentials, and equilibrium moments."""

import dataclasses
import logging

import numpy as np
import pytest
from spin_crystals import SPECIES, configurations, images, potential, well

from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.equilibration import TOLERANCE_EV_MUB, equilibrate_moments
from lodestone.spin_potential.evaluation import evaluate


def iron(moments, seed=2):
    (image,) = images(1, seed)
    image.symbols[:] = "Fe"
    image.set_initial_magnetic_moments(moments)
    return image


def test_moments_go_to_the_minimum_that_is_known():
    crystal = Configurations.from_atoms([iron([1.0, 2.0, 1.2, 2.2])], ("Fe",))
    found = equilibrate_moments(well(), crystal)
    np.testing.assert_allclose(found.configurations.moment_muB, 1.5, atol=1e-3)
    assert found.predictions.energy_eV[0] == pytest.approx(4 * -2000.0, abs=1e-6)
    assert found.converged[0] and found.largest_eV_muB[0] < TOLERANCE_EV_MUB and found.at_bound[0] == 0


def test_equilibrium_has_no_magnetic_forces_and_a_lower_energy():
    start = configurations(3, seed=4)
    made = potential(magnetic_size=3)
    before, found = evaluate(made, start), equilibrate_moments(made, start)
    assert (found.predictions.energy_eV <= before.energy_eV).all()
    moments = found.configurations.moment_muB
    inside = np.abs(moments) < 3.0
    assert inside.any() and not inside.all()
    assert np.abs(found.predictions.magnetic_force_eV_muB[inside]).max(initial=0.0) < TOLERANCE_EV_MUB
    # At a bound the magnetic force pushes outwards.
    outwards = found.predictions.magnetic_force_eV_muB * np.sign(moments)
    assert (outwards[~inside] > -TOLERANCE_EV_MUB).all()
    assert found.at_bound.sum() == np.count_nonzero(~inside)


def test_a_batch_is_equilibrated_as_its_members_are():
    start = configurations(3, seed=4)
    together = equilibrate_moments(potential(), start).configurations.moment_muB
    apart = [equilibrate_moments(potential(), start.select([k])).configurations.moment_muB for k in range(3)]
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_moments_that_do_not_converge_are_said_to():
    start = Configurations.from_atoms([iron([1.0, 2.0, 1.2, 2.2])], ("Fe",))
    found = equilibrate_moments(well(), start, max_iterations=1)
    assert not found.converged[0] and found.largest_eV_muB[0] >= TOLERANCE_EV_MUB


def test_moments_of_zero_stay_zero_by_symmetry():
    made = potential(magnetic_size=3)
    start = configurations(1)
    found = equilibrate_moments(made, start.with_moments(np.zeros(4)))
    np.testing.assert_array_equal(found.configurations.moment_muB, 0.0)


def test_the_calculator_says_what_evaluate_says():
    (image,) = images(1)
    image.calc = SpinCalculator(potential())
    said = evaluate(potential(), Configurations.from_atoms([image], SPECIES))
    assert image.get_potential_energy() == said.energy_eV[0]
    np.testing.assert_array_equal(image.get_forces(), said.force_eV_A)
    np.testing.assert_allclose(image.get_stress(voigt=False), said.stress_eV_A3[0], rtol=1e-14)
    np.testing.assert_array_equal(image.get_magnetic_moments(), image.get_initial_magnetic_moments())
    np.testing.assert_array_equal(image.calc.results["magnetic_forces"], said.magnetic_force_eV_muB)
    assert image.calc.converged


def test_other_moments_are_another_calculation():
    (image,) = images(1)
    image.calc = SpinCalculator(potential())
    before = image.get_potential_energy()
    image.set_initial_magnetic_moments(image.get_initial_magnetic_moments() + 0.3)
    assert abs(image.get_potential_energy() - before) > 1e-4


def test_forces_in_equilibrium_are_minus_the_derivatives_along_it():
    """Moments follow the atoms: to first order that changes nothing, for the energy is stationary in them."""
    made = dataclasses.replace(well(exchange=0.3), species_energies=np.zeros(1))
    energies, moments = [], []
    image = iron([1.4, 1.7, 1.3, 1.6])
    image.calc = SpinCalculator(made, equilibrate=True)
    force = image.get_forces()[0, 1]
    for step in (1e-3, -1e-3):
        moved = image.copy()
        moved.positions[0, 1] += step
        moved.calc = SpinCalculator(made, equilibrate=True)
        energies.append(moved.get_potential_energy())
        assert moved.calc.converged
        moments.append(moved.get_magnetic_moments())
    assert abs(force) > 1e-2 and np.abs(moments[0] - moments[1]).max() > 1e-6
    assert force == pytest.approx(-(energies[0] - energies[1]) / 2e-3, rel=1e-4)


def test_equilibration_goes_on_from_the_last_step_until_forgotten():
    initial, other = np.array([1.0, 2.0, 1.2, 2.2]), np.array([-1.0, -2.0, -1.2, -2.2])
    image = iron(initial)
    calculator = SpinCalculator(well(), equilibrate=True)
    image.calc = calculator
    image.get_potential_energy()
    found = image.get_magnetic_moments()
    np.testing.assert_allclose(found, 1.5, atol=1e-3)
    image.positions[0] += 0.01
    np.testing.assert_array_equal(calculator._start(image.numbers, initial), found)
    image.get_potential_energy()
    np.testing.assert_array_equal(image.get_initial_magnetic_moments(), initial)
    assert calculator._start(image.numbers, other) is other
    calculator.forget()
    assert calculator._start(image.numbers, initial) is initial


def test_a_warning_tells_of_moments_that_are_not_in_equilibrium(caplog):
    """At the bound of a well whose bottom is beyond it."""
    image = iron([1.0, 2.0, 1.2, 2.2])
    image.calc = SpinCalculator(well(bottom=3.5), equilibrate=True)
    with caplog.at_level(logging.WARNING):
        image.get_potential_energy()
    assert not image.calc.converged
    assert "Fe4: moments are not in equilibrium" in caplog.text
    np.testing.assert_array_equal(np.abs(image.get_magnetic_moments()), 3.0)


def test_the_calculator_refuses_by_name():
    (image,) = images(1)
    image.calc = SpinCalculator(potential(species=("Fe", "Co")))
    with pytest.raises(ConfigurationError, match="found Al, the potential knows Fe, Co"):
        image.get_potential_energy()
    image.calc = SpinCalculator(potential())
    image.set_initial_magnetic_moments([0.0, 0.0, 3.2, 0.0])
    with pytest.raises(ConfigurationError, match=r"atom 2: found a moment of 3\.200 mu_B"):
        image.get_potential_energy()
