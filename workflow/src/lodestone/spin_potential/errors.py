"""Errors of a potential against labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels
from lodestone.spin_potential.potential import SpinPotential

_GPA_PER_EV_A3 = 160.21766208


def rmse(
    potential: SpinPotential, configurations: Configurations, labels: Labels
) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
    """Evaluate once, and return a function from a choice of configurations (configuration,) to their errors.

    The errors (4,) are root mean squares of the energy per atom in meV, of components of forces in meV / A and of
    stresses in GPa, and of magnetic forces in meV / mu_B, over the labels that exist; NaN where none does.
    """
    said = evaluate(potential, configurations)
    counts = configurations.counts()
    of_atom = np.repeat(np.arange(len(configurations)), counts)
    errors = (
        (1e3 * (said.energy_eV - labels.energy_eV) / counts, None),
        (1e3 * (said.force_eV_A - labels.force_eV_A), of_atom),
        (_GPA_PER_EV_A3 * (said.stress_eV_A3 - labels.stress_eV_A3), None),
        (1e3 * (said.magnetic_force_eV_muB - labels.magnetic_force_eV_muB), of_atom),
    )

    def over(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        found = []
        for values, owner in errors:
            kept = values[chosen if owner is None else chosen[owner]]
            kept = kept[np.isfinite(kept)]
            found.append(np.sqrt(np.mean(kept**2)) if kept.size else np.nan)
        return np.array(found)

    return over
