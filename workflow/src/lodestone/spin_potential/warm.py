"""Compile what jobs share."""

from __future__ import annotations

import numpy as np

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.jacobian import normal_equations
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient
from lodestone.spin_potential.potential import SpinPotential


def warm_up() -> None:
    """Evaluate a tiny potential, the gradient of its loss and the Jacobian of its labels."""
    potential = SpinPotential.random(("Fe",), level_number=4, magnetic_size=2, rng=np.random.default_rng(0))
    one = Configurations(
        names=("one",),
        species=("Fe",),
        offset=np.array([0, 1]),
        cell_A=np.eye(3)[None] * 4.0,
        position_A=np.zeros((1, 3)),
        kind=np.zeros(1, np.int64),
        moment_muB=np.ones(1),
    )
    labels = Labels(np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3, 3)), np.zeros(1))
    target = Target(one, labels, Weights())
    loss_and_gradient(potential, target)
    normal_equations(potential, target)
