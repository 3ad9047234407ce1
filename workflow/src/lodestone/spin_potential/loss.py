"""The loss of a fit and its gradient (Kotykhov et al., Eq. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential import adjoint_kernels
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import Predictions, evaluate, kernel_arguments
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Weights of Eq. 8; the paper's are the defaults.

    Attributes
    ----------
    energy : float
        Of squared errors of the energy per atom, 1 / eV2.
    force : float
        Of squared errors of forces, A2 / eV2.
    stress : float
        Of squared errors of virials per atom (stress times volume over the number of atoms), 1 / eV2.
    magnetic : float
        w_t, of squared errors of magnetic forces, mu_B2 / eV2.
    """

    energy: float = 1.0
    force: float = 0.01
    stress: float = 0.001
    magnetic: float = 0.1


@dataclass(frozen=True, eq=False)
class Labels:
    """What a potential should say; NaN where it is not known.

    Attributes
    ----------
    energy_eV : ndarray, (configuration,)
    force_eV_A : ndarray, (atom, 3)
    stress_eV_A3 : ndarray, (configuration, 3, 3)
        Derivative of the energy with respect to the strain, over the volume.
    magnetic_force_eV_muB : ndarray, (atom,)
    """

    energy_eV: Array
    force_eV_A: Array
    stress_eV_A3: Array
    magnetic_force_eV_muB: Array

    def select(self, configurations: Configurations, which: Sequence[int]) -> Labels:
        """Return the labels of some of the configurations, which all these belong to, in this order."""
        rows = [np.arange(configurations.offset[k], configurations.offset[k + 1]) for k in which]
        atoms = np.concatenate([np.zeros(0, np.int64), *rows])
        chosen = list(which)
        return Labels(
            self.energy_eV[chosen],
            self.force_eV_A[atoms],
            self.stress_eV_A3[chosen],
            self.magnetic_force_eV_muB[atoms],
        )


@dataclass(frozen=True, eq=False)
class Target:
    """Configurations, their labels and the weights of their errors.

    A term of a configuration is divided by the number of its atoms where it is a sum over them, so that large cells
    count no more than small ones, and by the number of configurations; motep's defaults do the same.
    """

    configurations: Configurations
    labels: Labels
    weights: Weights

    def require_labels(self) -> None:
        """Refuse configurations without the labels that the weights ask for.

        Raises
        ------
        ConfigurationError
            Names the configuration and the label.
        """
        atoms = np.repeat(np.arange(len(self.configurations)), self.configurations.counts())
        lacking = {
            "energy": np.flatnonzero(~np.isfinite(self.labels.energy_eV)),
            "force": atoms[~np.isfinite(self.labels.force_eV_A).all(axis=1)],
            "stress": np.flatnonzero(~np.isfinite(self.labels.stress_eV_A3).all(axis=(1, 2))),
            "magnetic": atoms[~np.isfinite(self.labels.magnetic_force_eV_muB)],
        }
        for label, where in lacking.items():
            if getattr(self.weights, label) > 0 and len(where):
                name = self.configurations.names[where[0]]
                kind = "magnetic force" if label == "magnetic" else label
                raise ConfigurationError(f"{name}: no {kind}, expected one, or a weight of 0 for that")


def residuals(target: Target, predictions: Predictions) -> tuple[float, Array, Array, Array, Array]:
    """Return the loss, and its derivatives with respect to energies, forces, virials and magnetic forces."""
    weights, labels, configurations = target.weights, target.labels, target.configurations
    counts, total = configurations.counts().astype(float), len(configurations)
    per_atom = np.repeat(1.0 / counts, configurations.counts()) / total
    loss, found = 0.0, []
    for weight, scale, error in (
        (weights.energy, 1.0 / counts**2 / total, predictions.energy_eV - labels.energy_eV),
        (weights.force, per_atom[:, None], predictions.force_eV_A - labels.force_eV_A),
        (
            weights.stress,
            (configurations.volumes_A3() / counts)[:, None, None] ** 2 / total,
            predictions.stress_eV_A3 - labels.stress_eV_A3,
        ),
        (weights.magnetic, per_atom, predictions.magnetic_force_eV_muB - labels.magnetic_force_eV_muB),
    ):
        if weight == 0.0:
            found.append(np.zeros_like(error))
            continue
        loss += float(np.sum(weight * scale * error**2))
        found.append(2.0 * weight * scale * error)
    # From stresses to virials: dE/dstrain is the stress times the volume.
    by_virial = found[2] / configurations.volumes_A3()[:, None, None]
    return loss, found[0], found[1], by_virial, found[3]


def loss_and_gradient(potential: SpinPotential, target: Target) -> tuple[float, Array]:
    """Return the loss and its derivatives with respect to the parameters (parameter,), by adjoint differentiation.

    Raises
    ------
    ConfigurationError
        For other species, or moments beyond the potential's.
    """
    predictions = evaluate(potential, target.configurations)
    loss, by_energy, by_force, by_virial, by_magnetic = residuals(target, predictions)
    scalars, count = potential.moment_coefficients.size, len(potential.species)
    gradient = np.zeros(potential.parameter_count)
    radial = gradient[scalars + count :].reshape(potential.radial_coefficients.shape)
    weight = 0.5 if potential.symmetrised else 1.0
    for sign in (1.0, -1.0) if potential.symmetrised else (1.0,):
        adjoint_kernels.loss_gradient(
            *kernel_arguments(potential, target.configurations, sign),
            weight * by_energy,
            # Forces are minus the energy's derivatives.
            -weight * by_force,
            weight * by_virial,
            -weight * sign * by_magnetic,
            gradient[:scalars],
            gradient[scalars : scalars + count],
            radial,
        )
    return loss, gradient
