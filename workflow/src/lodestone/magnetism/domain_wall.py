"""Figures of a 180 degree Bloch wall in a uniaxial magnet (Landau and Lifshitz 1935)."""

import math


def wall_energy_J_m2(A_J_m: float, K1_J_m3: float) -> float:
    """Energy per area 4 sqrt(A K1) in J/m^2.

    Parameters
    ----------
    A_J_m : float
        Exchange constant in J/m.
    K1_J_m3 : float
        Uniaxial anisotropy constant in J/m^3.

    Raises
    ------
    ValueError
        If a constant is not positive.
    """
    return 4 * math.sqrt(_positive("A_J_m", A_J_m) * _positive("K1_J_m3", K1_J_m3))


def wall_width_m(A_J_m: float, K1_J_m3: float) -> float:
    """Width pi sqrt(A / K1) in m: where the tangent at the middle of angle(x) meets 0 and 180 degrees.

    Parameters and errors as for `wall_energy_J_m2`.
    """
    return math.pi * math.sqrt(_positive("A_J_m", A_J_m) / _positive("K1_J_m3", K1_J_m3))


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {value}; must be positive")
    return value
