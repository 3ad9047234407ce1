"""Fits of magnetic potentials: labels with a known answer."""

import logging

import numpy as np
import pytest
from spin_crystals import configurations, potential

from lodestone import config
from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.fitting import FitSettings, fit, with_linear_parameters
from lodestone.spin_potential.jacobian import normal_equations
from lodestone.spin_potential.loss import Labels, Target, Weights

LOG = logging.getLogger("test")


def labels_of(made, crystals):
    said = evaluate(made, crystals)
    return Labels(said.energy_eV, said.force_eV_A, said.stress_eV_A3, said.magnetic_force_eV_muB)


@pytest.fixture(scope="module")
def answer():
    """A potential whose atoms have energies of thousands of electronvolts, as those of all-electron codes."""
    made = potential(level=4, seed=3)
    values = made.parameters()
    values[len(made.moment_coefficients) :][:2] = [-3400.0, -60.0]
    return made.with_parameters(values)


def near(answer):
    """From anywhere a fit may end in another minimum; near the answer it has to find it."""
    values = answer.parameters()
    return answer.with_parameters(values * (1 + np.random.default_rng(4).normal(scale=0.3, size=len(values))))


@pytest.fixture(scope="module")
def fitted(answer):
    target = Target(configurations(12, seed=1), labels_of(answer, configurations(12, seed=1)), Weights())
    start = with_linear_parameters(near(answer), target, 0.0)
    return start, target, fit(start, target, FitSettings(max_iterations=600, tolerance=1e-4), LOG)


def test_a_fit_finds_energies_and_magnetic_forces_of_crystals_that_it_has_not_seen(answer, fitted):
    start, _, found = fitted
    unseen = configurations(6, seed=77)
    truth = labels_of(answer, unseen)
    before, after = (evaluate(one, unseen) for one in (start, found.potential))
    for name in ("energy_eV", "force_eV_A", "magnetic_force_eV_muB"):
        errors = [np.sqrt(np.mean((getattr(said, name) - getattr(truth, name)) ** 2)) for said in (before, after)]
        # The loss falls by thousands, its root by tens.
        assert errors[1] < errors[0] / 10, name
    assert found.losses[-1] < found.losses[0] / 1000


def test_losses_fall_and_the_best_parameters_are_returned(fitted):
    _, target, found = fitted
    assert (np.diff(found.losses) <= 0).all()
    from lodestone.spin_potential.loss import loss_and_gradient

    assert loss_and_gradient(found.potential, target)[0] == pytest.approx(found.losses[-1], rel=1e-12)


def test_a_fit_says_whether_it_ended_by_itself(fitted):
    start, target, _ = fitted
    assert not fit(start, target, FitSettings(max_iterations=3), LOG).converged
    assert fit(start, target, FitSettings(max_iterations=60, tolerance=1e9, patience=5), LOG).converged


def test_no_other_linear_parameters_are_better_where_a_fit_begins(answer, fitted):
    start, target, _ = fitted
    linear = len(start.moment_coefficients) + len(start.species)
    moved = start.parameters()
    moved[:linear] += np.random.default_rng(5).normal(scale=0.01, size=linear)
    here, there = (normal_equations(one, target) for one in (start, start.with_parameters(moved)))
    assert here[0] < there[0]
    # The slope along them is rounding beside what it is a little way off.
    assert np.abs(here[1][:linear]).max() < 1e-6 * np.abs(there[1][:linear]).max()
    np.testing.assert_array_equal(start.radial_coefficients, near(answer).radial_coefficients)


def test_labels_that_have_a_weight_must_be_there(fitted):
    start, target, _ = fitted
    unknown = target.labels.magnetic_force_eV_muB * np.nan
    bare = Labels(target.labels.energy_eV, target.labels.force_eV_A, target.labels.stress_eV_A3, unknown)
    with pytest.raises(ConfigurationError, match="configuration 0: no magnetic force"):
        fit(start, Target(target.configurations, bare, Weights()), FitSettings(max_iterations=1), LOG)


@pytest.mark.parametrize(
    "section, message",
    [
        ({"host": "Xx"}, r"spin_potential\.host: found Xx"),
        ({"solute": "Fe"}, r"spin_potential\.solute: found Fe, allowed: another element"),
        ({"data": {"volume_range": [1.1, 0.9]}}, r"spin_potential\.data\.volume_range: found 1\.1 to 0\.9"),
        ({"fit": {"device": "gpu"}}, r"spin_potential\.fit\.method: found levenberg_marquardt with device: gpu"),
        ({"source": "files"}, r"spin_potential\.files: found 0 files with source: files"),
        ({"host": "Ni"}, r"spin_potential\.source: found shipped with Ni and Al"),
        ({"form": {"r_min_A": 6.0}}, r"spin_potential\.form\.r_min_A: found 6 with r_cut_A 5"),
        ({"asked": {"count": 300}}, r"spin_potential\.asked\.count: found 300, allowed: up to asked\.pool, 200"),
        ({"uses": {"magnetic_size": 3}}, r"spin_potential\.uses\.magnetic_size: found 3, allowed: one of .*, 4"),
        ({"uses": {"weight": 1.0}}, r"spin_potential\.uses\.weight: found 1, allowed: one of .*, 0, 0\.1"),
        ({"uses": {"members": 9}}, r"spin_potential\.uses\.members: found 9, allowed: up to .*, 3"),
        ({"dynamics": {"solutes": [28]}}, r"spin_potential\.dynamics\.solutes: found 28, allowed: up to 27 of 54"),
        ({"data": {"moment_range_muB": [2.0, 1.0]}}, r"spin_potential\.data\.moment_range_muB: found 2 to 1"),
    ],
)
def test_contradictions_in_the_config_are_refused_by_key(section, message):
    with pytest.raises(config.ConfigError, match=message):
        config.validate({"spin_potential": section})


def test_methods_agree_on_where_a_fit_is_best(fitted):
    """From near the answer both go to labels without error; L-BFGS takes longer."""
    start, target, found = fitted
    other = fit(start, target, FitSettings(max_iterations=600, tolerance=1e-4, patience=100, method="lbfgs"), LOG)
    assert other.losses[-1] < other.losses[0] / 100
    # Levenberg-Marquardt takes far fewer steps to less.
    assert found.losses[-1] < other.losses[-1]
    assert len(found.losses) < len(other.losses)


def test_a_device_changes_where_and_not_what(fitted, monkeypatch):
    """The engine for GPUs, here on a CPU, takes the same steps to rounding."""
    from lodestone.spin_potential import torch_engine

    start, target, _ = fitted
    monkeypatch.setattr(torch_engine, "choose_device", lambda _: __import__("torch").device("cpu"))
    settings = {"max_iterations": 5, "method": "lbfgs"}
    there, here = (fit(start, target, FitSettings(**settings, device=device), LOG) for device in ("gpu", "cpu"))
    np.testing.assert_allclose(there.losses, here.losses, rtol=1e-8)


def test_a_ridge_keeps_parameters_small(fitted):
    start, target, _ = fitted
    sizes = []
    for ridge in (0.0, 1e-2):
        made = fit(start, target, FitSettings(max_iterations=30, ridge=ridge), LOG).potential
        sizes.append(np.linalg.norm(made.radial_coefficients))
    assert sizes[1] < 0.8 * sizes[0]


def test_methods_and_devices_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="method: found newton, allowed: one of levenberg_marquardt, lbfgs"):
        FitSettings(method="newton")
    with pytest.raises(ValueError, match="found levenberg_marquardt on gpu, allowed there: lbfgs"):
        FitSettings(device="gpu")
