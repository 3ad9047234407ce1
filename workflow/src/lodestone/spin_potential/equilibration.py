"""Equilibrium moments: those without magnetic forces, for fixed positions and cells (Kotykhov et al., section 1.1)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import Predictions, evaluate
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
TOLERANCE_EV_MUB = 5e-6  # the paper's: 5e-3 meV / mu_B
# L-BFGS-B gives up where its line search finds nothing lower; with an empty memory it often goes on.
_STARTS = 4


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Configurations with their equilibrium moments.

    Attributes
    ----------
    configurations : Configurations
        Those that were given, with the moments found.
    predictions : Predictions
        What the potential says about them.
    converged : ndarray of bool, (configuration,)
        Whether the largest magnetic force is below the tolerance.
    largest_eV_muB : ndarray, (configuration,)
        Largest absolute magnetic force that is left.
    at_bound : ndarray of int, (configuration,)
        Number of moments at the potential's bounds; magnetic forces there need not vanish.
    evaluations : ndarray of int, (configuration,)
        Evaluations of the energy.
    """

    configurations: Configurations
    predictions: Predictions
    converged: NDArray[np.bool_]
    largest_eV_muB: Array
    at_bound: NDArray[np.int64]
    evaluations: NDArray[np.int64]


def equilibrate_moments(
    potential: SpinPotential,
    configurations: Configurations,
    *,
    tolerance_eV_muB: float = TOLERANCE_EV_MUB,
    max_iterations: int = 500,
) -> Equilibrium:
    """Minimise the energy of each configuration with respect to its moments, within the potential's bounds.

    The minimum is the one downhill of the given moments. Those of zero stay zero where the potential is symmetrised:
    magnetic forces vanish there by symmetry.

    Parameters
    ----------
    potential : SpinPotential
    configurations : Configurations
        Their moments are where the minimisation begins.
    tolerance_eV_muB : float
        Largest magnetic force of converged moments.
    max_iterations : int
        Of L-BFGS-B, each of up to four times that it is started.

    Raises
    ------
    ConfigurationError
        For other species, or moments beyond the potential's.
    """
    configurations.require_fit(potential)
    # Energies of free atoms are thousands of electronvolts, beside which the last steps would be rounded away.
    bare = dataclasses.replace(potential, species_energies=np.zeros_like(potential.species_energies))
    moments = configurations.moment_muB.copy()
    evaluations = np.zeros(len(configurations), np.int64)
    for k in range(len(configurations)):
        atoms = slice(configurations.offset[k], configurations.offset[k + 1])
        moments[atoms], evaluations[k] = _one(bare, configurations.select([k]), tolerance_eV_muB, max_iterations)
    found = configurations.with_moments(moments)
    predictions = evaluate(potential, found)
    of_atom = np.repeat(np.arange(len(configurations)), configurations.counts())
    largest = np.zeros(len(configurations))
    np.maximum.at(largest, of_atom, np.abs(predictions.magnetic_force_eV_muB))
    at_bound = np.bincount(of_atom[np.abs(moments) >= potential.m_max_muB], minlength=len(configurations))
    return Equilibrium(found, predictions, largest < tolerance_eV_muB, largest, at_bound, evaluations)


def _one(potential: SpinPotential, crystal: Configurations, tolerance: float, max_iterations: int) -> tuple[Array, int]:
    """Moments of one configuration, and the number of evaluations."""
    crystal.neighbours(potential.r_cut_A)
    bounds = [(-potential.m_max_muB, potential.m_max_muB)] * len(crystal.kind)
    moments, evaluations = crystal.moment_muB, 0

    def objective(x: Array) -> tuple[float, Array]:
        said = evaluate(potential, crystal.with_moments(x))
        return float(said.energy_eV[0]), -said.magnetic_force_eV_muB

    # Half of the tolerance: the last evaluation is of the whole batch and rounds in another order.
    options: dict[str, float] = {"maxiter": max_iterations, "maxfun": 5 * max_iterations, "ftol": 0.0}
    options["gtol"] = tolerance / 2
    for _ in range(_STARTS):
        result = minimize(objective, moments, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        stuck = np.array_equal(result.x, moments)
        moments, evaluations = result.x, evaluations + int(result.nfev)
        if stuck or np.abs(result.jac).max(initial=0.0) < tolerance / 2:
            break
    return moments, evaluations
