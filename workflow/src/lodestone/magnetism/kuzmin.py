"""Kuz'min's law of the spontaneous magnetisation against temperature, and what micromagnetics takes from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.magnetism.units import E_CHARGE, K_B_MEV, MU0, MU_B

_K_B_J = K_B_MEV * 1e-3 * E_CHARGE
_ZETA_3_2 = 2.6123753486854883
# Power of the second term; 5/2 for nearly all ferromagnets (Kuz'min, PRL 94, 107204 (2005)).
POWER = 2.5
# Above it, M would rise with T.
MAX_SHAPE = POWER


@dataclass(frozen=True)
class KuzminFit:
    """M(T) = M_0 [1 - s t^(3/2) - (1 - s) t^p]^(1/3) with t = T/T_C.

    Attributes
    ----------
    M0 : float
        Magnetisation at T = 0, in the unit of the data.
    Tc_K : float
        Curie temperature.
    s : float
        Shape parameter; 0 to about 1 (5/2 at most, where M would rise with T).
    p : float
        Second power.
    rms : float
        Root mean square deviation of the data, in their unit.
    """

    M0: float
    Tc_K: float
    s: float
    p: float = POWER
    rms: float = 0.0

    def magnetisation(self, temperature_K: ArrayLike) -> NDArray[np.float64]:
        """M(T) in the unit of the data; 0 at and above T_C."""
        return self.M0 * reduced_magnetisation(np.asarray(temperature_K, float) / self.Tc_K, self.s, self.p)

    def stiffness_J_m(self, A0_J_m: float, temperature_K: ArrayLike) -> NDArray[np.float64]:
        """Exchange stiffness A(T) = A(0) (M(T)/M_0)^2, as in mean-field theory, in J/m."""
        return A0_J_m * (self.magnetisation(temperature_K) / self.M0) ** 2


def reduced_magnetisation(t: ArrayLike, s: float, p: float = POWER) -> NDArray[np.float64]:
    """M/M_0 at reduced temperatures t = T/T_C (equation (4) of Kuz'min 2005)."""
    x = np.clip(np.asarray(t, float), 0.0, 1.0)
    return np.maximum(1 - s * x**1.5 - (1 - s) * x**p, 0.0) ** (1 / 3)


def shape_of_spin_waves(A_J_m: float, mu0_Ms_T: float, Tc_K: float) -> float:
    """Shape parameter s with which Kuz'min's law begins as Bloch's does, for spin waves of a given stiffness.

    Bloch: M = M_0 [1 - zeta(3/2) (g mu_B/M_0) (k_B T / 4 pi D)^(3/2)] with D = 2 g mu_B A / M_0 and g = 2; Kuz'min:
    M = M_0 [1 - (s/3) t^(3/2) ...] (Kuz'min, Richter and Yaresko, PRL 96, 107204 (2006)). This is how quantum spins
    fall off at low temperature, where classical ones do so in proportion to T.

    Parameters
    ----------
    A_J_m : float
        Exchange stiffness at T = 0, in J/m.
    mu0_Ms_T : float
        Polarisation at T = 0, in T.
    Tc_K : float
        Curie temperature, in K.

    Raises
    ------
    ValueError
        If one of them is not a finite number above 0.
    """
    for name, value in (("A_J_m", A_J_m), ("mu0_Ms_T", mu0_Ms_T), ("Tc_K", Tc_K)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name}: found {value}, allowed are finite numbers above 0")
    M0 = mu0_Ms_T / MU0
    D = 4 * MU_B * A_J_m / M0
    return 3 * _ZETA_3_2 * (2 * MU_B / M0) * (_K_B_J * Tc_K / (4 * np.pi * D)) ** 1.5


def fit(
    temperature_K: ArrayLike,
    magnetisation: ArrayLike,
    Tc_K: float | None = None,
    below: float = 0.97,
    M0: float | None = None,
) -> KuzminFit:
    """Fit Kuz'min's law to data by least squares.

    Parameters
    ----------
    temperature_K, magnetisation : array_like, (point,)
        Data, in any order; magnetisations in any unit.
    Tc_K : float, optional
        Curie temperature, kept fixed; found with the rest if left out.
    below : float
        Data at and above this share of a given T_C are left out: in a finite sample the order never ends.
    M0 : float, optional
        Magnetisation at T = 0, kept fixed; found with the rest if left out.

    Raises
    ------
    ValueError
        If there are fewer data than parameters, or a value is not finite.
    """
    from scipy.optimize import least_squares

    T, M = np.asarray(temperature_K, float), np.asarray(magnetisation, float)
    if T.shape != M.shape or T.ndim != 1 or not (np.isfinite(T).all() and np.isfinite(M).all()):
        raise ValueError(
            f"temperature_K and magnetisation: found shapes {T.shape} and {M.shape}, expected finite pairs"
        )
    kept = below * Tc_K > T if Tc_K is not None else np.ones(len(T), bool)
    free = 1 + (Tc_K is None) + (M0 is None)
    if kept.sum() < free + 1:
        raise ValueError(f"data below T_C: found {int(kept.sum())}, expected more than {free}")
    T, M = T[kept], M[kept]
    scale = float(np.abs(M).max()) or 1.0
    top = float(T.max()) * 1.05
    # s, then what is not given of M_0 over the scale and T_C over `top`.
    guess, limits = [0.5], [(-1.0, 2.5)]
    if M0 is None:
        guess, limits = [*guess, float(M[T.argmin()] / scale)], [*limits, (-np.inf, np.inf)]
    if Tc_K is None:
        guess, limits = [*guess, 1.0], [*limits, (0.3, 5.0)]

    def law(x: NDArray[np.float64]) -> KuzminFit:
        full = M0 if M0 is not None else float(x[1] * scale)
        return KuzminFit(full, Tc_K if Tc_K is not None else float(x[-1] * top), float(x[0]))

    bounds = tuple(zip(*limits, strict=True))
    found = least_squares(lambda x: (law(x).magnetisation(T) - M) / scale, guess, bounds=bounds, xtol=1e-14)
    return replace(law(found.x), rms=float(np.sqrt(np.mean(found.fun**2))) * scale)
