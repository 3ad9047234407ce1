"""The Jacobian of all labels: finite differences, and the adjoint gradient."""

import dataclasses

import numpy as np
import pytest
from spin_crystals import configurations, images, potential

from lodestone.spin_potential import jacobian
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient

STEP = 1e-6


@pytest.fixture(params=[True, False], ids=["symmetrised", "plain"])
def made(request):
    return dataclasses.replace(potential(level=6, magnetic_size=3), symmetrised=request.param)


@pytest.fixture
def target():
    """Cells of different sizes, labels that are not those of the potential, one of them unknown."""
    crystals = Configurations.from_atoms([*images(2), *images(1, 5, (1, 1, 1))], ("Fe", "Al"))
    rng = np.random.default_rng(2)
    stress = rng.normal(size=(3, 3, 3))
    labels = Labels(
        rng.normal(size=3),
        rng.normal(size=(len(crystals.kind), 3)),
        stress + stress.transpose(0, 2, 1),
        rng.normal(size=len(crystals.kind)),
    )
    return Target(crystals, labels, Weights())


def test_it_is_the_derivative_of_the_residuals(made, target):
    _, slope, square = jacobian.normal_equations(made, target)
    x, rng = made.parameters(), np.random.default_rng(3)
    for _ in range(3):
        direction = rng.normal(size=len(x))
        moved = (made.with_parameters(x + sign * STEP * direction) for sign in (1, -1))
        plus, minus = (jacobian.residuals(target, evaluate(one, target.configurations)) for one in moved)
        along = (plus - minus) / (2 * STEP)
        here = jacobian.residuals(target, evaluate(made, target.configurations))
        # Products of differences: the step's square and rounding over the step.
        assert direction @ slope == pytest.approx(along @ here, rel=1e-6)
        assert direction @ square @ direction == pytest.approx(along @ along, rel=1e-6)


def test_twice_its_product_with_the_residuals_is_the_adjoint_gradient(made, target):
    loss, slope, _ = jacobian.normal_equations(made, target)
    expected, gradient = loss_and_gradient(made, target)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(2 * slope, gradient, rtol=1e-9, atol=1e-12 * np.abs(gradient).max())


def test_blocks_add_up(made, target, monkeypatch):
    whole = jacobian.normal_equations(made, target)
    monkeypatch.setattr(jacobian, "_ROWS", 1)
    for a, b in zip(whole, jacobian.normal_equations(made, target), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(a).max())


def test_labels_without_weight_may_be_unknown(made):
    crystals = configurations(2)
    said = evaluate(made, crystals)
    unknown = said.magnetic_force_eV_muB * np.nan
    labels = Labels(said.energy_eV + 0.1, said.force_eV_A, said.stress_eV_A3, unknown)
    loss, slope, square = jacobian.normal_equations(made, Target(crystals, labels, Weights(magnetic=0.0)))
    # Only energies are off: by 0.1 eV in cells of four atoms.
    assert loss == pytest.approx((0.1 / 4) ** 2, rel=1e-9)
    assert np.isfinite(slope).all()
    assert np.isfinite(square).all()
