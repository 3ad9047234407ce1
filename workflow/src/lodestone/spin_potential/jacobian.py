"""Residuals of the loss and their Jacobian: what a Gauss-Newton step needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential import jacobian_kernels
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import Predictions, evaluate, kernel_arguments
from lodestone.spin_potential.image_sums import STRAINS
from lodestone.spin_potential.loss import Labels, Target, Weights
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
# Rows of the Jacobian in memory at once.
_ROWS = 2000


def normal_equations(potential: SpinPotential, target: Target) -> tuple[float, Array, Array]:
    """Return the loss of Eq. 8, ``J^T r`` (parameter,) and ``J^T J`` (parameter, parameter) of its residuals r.

    Raises
    ------
    ConfigurationError
        For other species, or moments beyond the potential's.
    """
    residual = residuals(target, evaluate(potential, target.configurations))
    size = potential.parameter_count
    slope, square = np.zeros(size), np.zeros((size, size))
    done = 0
    for rows in _blocks(potential, target):
        part = residual[done : done + len(rows)]
        slope += rows.T @ part
        square += rows.T @ rows
        done += len(rows)
    return float(residual @ residual), slope, square


def configuration_rows(potential: SpinPotential, configurations: Configurations, weights: Weights) -> list[Array]:
    """Return the weighted Jacobian (label, parameter) of each configuration, as if it were alone in a data set.

    Labels are not needed: rows say how predictions depend on parameters.

    Raises
    ------
    ConfigurationError
        For other species, or moments beyond the potential's.
    """
    configurations.require_fit(potential)
    atoms, count = len(configurations.kind), len(configurations)
    unknown = Labels(np.zeros(count), np.zeros((atoms, 3)), np.zeros((count, 3, 3)), np.zeros(atoms))
    rows = list(_blocks(potential, Target(configurations, unknown, weights)))
    edges = np.cumsum(4 * configurations.counts() + 7)[:-1]
    # Weights of a data set are divided by its size.
    return np.split(np.sqrt(count) * np.concatenate(rows), edges) if rows else []


def residuals(target: Target, said: Predictions) -> Array:
    """Return the residuals (row,) whose squares are the loss, in the order of `jacobian_kernels`."""
    configurations, labels = target.configurations, target.labels
    volumes = configurations.volumes_A3()
    found, scales = [], _scales(target)
    for c in range(len(configurations)):
        rows = slice(configurations.offset[c], configurations.offset[c + 1])
        stress = said.stress_eV_A3[c] - labels.stress_eV_A3[c]
        values = np.concatenate(
            [
                [said.energy_eV[c] - labels.energy_eV[c]],
                # Forces are minus the derivatives that the rows of the Jacobian hold.
                -(said.force_eV_A[rows] - labels.force_eV_A[rows]).ravel(),
                volumes[c] * stress[tuple(STRAINS.T)],
                -(said.magnetic_force_eV_muB[rows] - labels.magnetic_force_eV_muB[rows]),
            ]
        )
        # A label without weight may be unknown.
        found.append(np.where(scales[c] > 0, values, 0.0) * scales[c])
    return np.concatenate(found)


def _scales(target: Target) -> list[Array]:
    """Return square roots of the weights of each configuration's rows; off-diagonal stresses count twice."""
    weights, total = target.weights, len(target.configurations)
    found = []
    for n in target.configurations.counts():
        of_stress = np.where(np.arange(6) < 3, 1.0, np.sqrt(2.0)) * np.sqrt(weights.stress / total) / n
        found.append(
            np.concatenate(
                [
                    [np.sqrt(weights.energy / total) / n],
                    np.full(3 * n, np.sqrt(weights.force / total / n)),
                    of_stress,
                    np.full(n, np.sqrt(weights.magnetic / total / n)),
                ]
            )
        )
    return found


def _blocks(potential: SpinPotential, target: Target) -> Iterator[Array]:
    """Yield the Jacobian (row, parameter) of the residuals, some configurations at a time."""
    configurations, scales = target.configurations, _scales(target)
    counts = np.array([len(scale) for scale in scales])
    begin = 0
    while begin < len(configurations):
        end = begin + max(1, int(np.searchsorted(np.cumsum(counts[begin:]), _ROWS, side="right")))
        rows = int(counts[begin:end].sum())
        made = _rows(potential, target, begin, end, rows)
        made *= np.concatenate(scales[begin:end])[:, None]
        yield made
        begin = end


def _rows(potential: SpinPotential, target: Target, begin: int, end: int, rows: int) -> Array:
    """Rows of some configurations, without weights."""
    made = np.zeros((rows, potential.parameter_count))
    basic = potential.level.basic
    monomials, monomial_of = np.unique(basic[:, 1:], axis=0, return_inverse=True)
    jacobian_kernels.label_jacobian(
        begin,
        end,
        2 if potential.symmetrised else 1,
        np.ascontiguousarray(basic[:, 0]),
        monomial_of.ravel(),
        monomials,
        *kernel_arguments(potential, target.configurations),
        made,
    )
    return made
