"""Levenberg-Marquardt steps on problems with a known answer."""

import numpy as np
import pytest

from lodestone.spin_potential.levenberg_marquardt import steps


def problem(residual, jacobian):
    """Functions of a sum of squares in the form that `steps` takes."""

    def value(x):
        with np.errstate(invalid="ignore"):
            return float(residual(x) @ residual(x))

    def equations(x):
        r, j = residual(x), jacobian(x)
        return float(r @ r), j.T @ r, j.T @ j

    return equations, value


ROSENBROCK = problem(
    lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), lambda x: np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
)


def test_a_linear_problem_ends_at_least_squares():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 5)), rng.normal(size=30)
    *_, (x, loss) = steps(np.zeros(5), *problem(lambda x: a @ x - b, lambda _: a))
    best, rest, *_ = np.linalg.lstsq(a, b)
    np.testing.assert_allclose(x, best, rtol=1e-6)
    assert loss == pytest.approx(rest[0], rel=1e-10)


def test_the_curved_valley_of_rosenbrock_is_followed_to_its_end():
    found = list(steps(np.array([-1.2, 1.0]), *ROSENBROCK))
    np.testing.assert_allclose(found[-1][0], [1.0, 1.0], atol=1e-8)
    # Steepest descent takes thousands.
    assert len(found) < 60


def test_no_step_raises_the_sum():
    losses = [loss for _, loss in steps(np.array([-1.2, 1.0]), *ROSENBROCK)]
    assert (np.diff(losses) < 0).all()


def test_steps_out_of_the_domain_are_shortened():
    equations, value = problem(lambda x: np.log(x) - 3.0, lambda x: np.diag(1 / x))
    # The first full step from 0.1 goes to a negative number, where there is no logarithm.
    *_, (x, _) = steps(np.array([0.1]), equations, value)
    np.testing.assert_allclose(x, np.exp(3.0), rtol=1e-8)


def test_a_parameter_without_influence_stays_where_it_is():
    a = np.array([[1.0, 0.0], [2.0, 0.0]])
    *_, (x, _) = steps(np.array([0.0, 7.0]), *problem(lambda x: a @ x - [1.0, 2.0], lambda _: a))
    np.testing.assert_allclose(x, [1.0, 7.0], rtol=1e-9)
