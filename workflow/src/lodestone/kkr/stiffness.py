"""Exchange stiffness A of micromagnetics from exchange couplings.

A slow spiral e(r) turning by q.r costs the energy density A q^2 with A = (1/6V) sum_ij J_ij R_ij^2 for a cubic crystal,
i in one cell and j anywhere (Liechtenstein et al. 1987; equivalent to D = (2 mu_B / 3 M) sum_j J_0j R_0j^2 of Pajda et
al., PRB 64, 174402 (2001), with A = D M_s / (2 g mu_B)). Sublattices may lag behind or run ahead; the angles that
minimise the energy are solved for. In metals J_ij falls off as R^-3 and oscillates: the sum over R^2 J_ij converges
only with a damping exp(-eta (R/R_1 - 1)), whose limit eta -> 0 is extrapolated; it leaves nearest neighbours as they
are, so that a model with them alone comes out exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.mean_field import gauge, require_complete
from lodestone.magnetism.units import E_CHARGE

ETA = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_J_M_PER_MEV_A = 1e-3 * E_CHARGE / 1e-10


@dataclass(frozen=True)
class Stiffness:
    """Exchange stiffness at zero temperature.

    Attributes
    ----------
    tensor_J_m : ndarray, (3, 3)
        A along the Cartesian axes, extrapolated to no damping, in J/m.
    plain_J_m : float
        Mean over directions of the sum without damping.
    damped_J_m : ndarray, (eta,)
        Means with the dampings `ETA`.
    error_J_m : float
        Difference between extrapolations of second and third degree.
    """

    tensor_J_m: NDArray[np.float64]
    plain_J_m: float
    damped_J_m: NDArray[np.float64]
    error_J_m: float

    @property
    def A_J_m(self) -> float:
        """Mean over directions, in J/m."""
        return float(np.trace(self.tensor_J_m) / 3)


def stiffness_tensor(exchange: Exchange, eta: float) -> NDArray[np.float64]:
    """Stiffness (3, 3) in J/m with every coupling multiplied by exp(-eta (R/R_1 - 1)), R_1 the shortest R.

    Raises
    ------
    ValueError
        If turning sublattices against each other lowers the energy: the order is no ground state, and has no stiffness.
    """
    vector = exchange.bond_vector_A
    distance = np.linalg.norm(vector, axis=1)
    weight = exchange.concentration * gauge(exchange)
    i, j = exchange.bond_source, exchange.bond_target
    J = exchange.bond_meV * weight[i] * weight[j] * np.exp(-eta * (distance / distance.min() - 1))
    direct = 0.5 * np.einsum("b,bx,by->xy", J, vector, vector)
    site = exchange.component_site
    count = len(exchange.fractional)
    pull, laplacian = np.zeros((count, 3)), np.zeros((count, count))
    np.add.at(pull, site[i], J[:, None] * vector)
    np.add.at(laplacian, (site[i], site[i]), J)
    np.add.at(laplacian, (site[i], site[j]), -J)
    laplacian = 0.5 * (laplacian + laplacian.T)
    softest = float(np.linalg.eigvalsh(laplacian)[0])
    if softest < -1e-9 * max(float(np.abs(J).sum()), 1e-300):
        raise ValueError(
            f"exchange of {exchange.name}: sublattices turn against each other with damping {eta:g} (lowest eigenvalue "
            f"of their couplings {softest:.3g} meV, expected 0); the collinear state is no ground state"
        )
    relaxed = direct - pull.T @ np.linalg.pinv(laplacian, rcond=1e-8, hermitian=True) @ pull
    return relaxed / exchange.volume_A3 * _J_M_PER_MEV_A


def exchange_stiffness(exchange: Exchange, eta: tuple[float, ...] = ETA) -> Stiffness:
    """Exchange stiffness by damped sums, extrapolated to no damping by a parabola.

    Parameters
    ----------
    exchange : Exchange
        Couplings; the further they reach, the smaller the damping that still converges.
    eta : tuple of float
        Dampings, in inverse shortest distances.

    Raises
    ------
    ValueError
        If there are no couplings, their table is incomplete or not converged, the collinear state is no ground state
        at one of the dampings or at none, A is below 0, or its error above half of it.
    """
    require_complete(exchange)
    if not len(exchange.bond_meV):
        raise ValueError(f"exchange of {exchange.name}: found no couplings, expected at least one")
    tensors = np.array([stiffness_tensor(exchange, value) for value in eta])
    limits = [np.polyfit(eta, tensors.reshape(len(eta), 9), degree)[-1].reshape(3, 3) for degree in (2, 3)]
    means = np.trace(tensors, axis1=1, axis2=2) / 3
    error = abs(float(np.trace(limits[1] - limits[0]) / 3))
    plain = float(np.trace(stiffness_tensor(exchange, 0.0)) / 3)
    found = Stiffness(0.5 * (limits[0] + limits[0].T), plain, means, error)
    if not error <= 0.5 * found.A_J_m:
        raise ValueError(
            f"exchange of {exchange.name}: found A = {found.A_J_m * 1e12:.3g} pJ/m with an error of {error * 1e12:.2g} "
            "pJ/m, expected A above 0 with an error of at most half of it; below 0 there is a spiral, and couplings "
            "that do not reach far enough leave the sum without a limit"
        )
    return found
