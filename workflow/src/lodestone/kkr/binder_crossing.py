"""Curie temperature from the crossing of Binder cumulants of two lattices (Binder, Z. Phys. B 43, 119 (1981)).

Below T_C the cumulant of the larger lattice is above that of the smaller one, above T_C below it. A coarse scan between
the RPA and the mean-field temperature, which bracket the true one, finds about where; a fine scan there is fitted with
a polynomial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.exchange import Exchange
from lodestone.kkr import mean_field, rpa
from lodestone.kkr.monte_carlo import Points, Sampling, binder, cells_for, require_affordable

# Cumulant at T_C of three-component spins in a periodic cube (Peczak et al., PRB 43, 6087 (1991)); in other boxes near
# it.
CRITICAL = 0.62
COARSE, FINE = 7, 9
WINDOW = 0.02
ATTEMPTS = 3
_DRAWS = 400


class CrossingError(ValueError):
    """No temperature at which the cumulants cross was found."""


@dataclass(frozen=True)
class Crossing:
    """Where two cumulants cross.

    Attributes
    ----------
    Tc_K, error_K : float
        Temperature of the crossing and its statistical error.
    temperature_K : ndarray, (point,)
        Temperatures of the fine scan.
    binder : ndarray, (2, point)
        Cumulants of the small and of the large lattice.
    binder_error : ndarray, (2, point)
        Their errors.
    cells : tuple
        Cells of the two lattices.
    """

    Tc_K: float
    error_K: float
    temperature_K: NDArray[np.float64]
    binder: NDArray[np.float64]
    binder_error: NDArray[np.float64]
    cells: tuple[tuple[int, int, int], tuple[int, int, int]]


def bracket_K(exchange: Exchange) -> tuple[float, float]:
    """Temperatures below and above T_C: nine tenths of the RPA's, and the mean field's."""
    above = mean_field.curie_temperature_K(exchange)
    if above <= 0:
        raise CrossingError(f"exchange of {exchange.name}: no order, the mean field gives no Curie temperature")
    try:
        below = 0.9 * rpa.curie_temperature_K(exchange)
    except rpa.UnstableError:
        below = 0.3 * above
    return min(below, 0.9 * above), above


def curie_temperature(points: Points, sampling: Sampling) -> Crossing:
    """Find the crossing of a lattice of about `sampling.spins` atoms with one of half as many cells along each axis.

    Raises
    ------
    ValueError
        If the couplings reach so far that the lattice has more than `sampling.max_spins` atoms.
    CrossingError
        A `ValueError`: the cumulants do not cross between the brackets, or scatter too much to say where.
    """
    exchange = points.exchange
    small = cells_for(exchange, max(1, sampling.spins // 8))
    pair = (small, (2 * small[0], 2 * small[1], 2 * small[2]))
    require_affordable(exchange, pair[1], sampling)
    low, high = bracket_K(exchange)
    quick = replace(
        sampling, sweeps=max(64, sampling.sweeps // 4), thermalisation=max(32, sampling.thermalisation // 2)
    )
    centre = _coarse(points, pair, np.linspace(low, high, COARSE), quick)
    for _ in range(ATTEMPTS):
        temperatures = centre * np.linspace(1 - WINDOW, 1 + WINDOW, FINE)
        values, errors = _scan(points, pair, temperatures, sampling)
        crossing = _root(temperatures, values[1] - values[0])
        if crossing is not None:
            error = _error(temperatures, values[1] - values[0], np.hypot(*errors), crossing)
            return Crossing(crossing, error, temperatures, values, errors, pair)
        centre *= 1 + (1 if float(np.mean(values[1] - values[0])) > 0 else -1) * 1.5 * WINDOW
    raise CrossingError(f"exchange of {exchange.name}: Binder cumulants do not cross near {centre:.0f} K")


def _scan(
    points: Points,
    pair: tuple[tuple[int, int, int], tuple[int, int, int]],
    temperatures: NDArray[np.float64],
    sampling: Sampling,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cumulants and errors, (2, temperature)."""
    tasks = [(cells, float(t), sampling) for cells in pair for t in temperatures]
    found = np.array([binder(point) for point in points.compute(tasks)]).reshape(2, len(temperatures), 2)
    return found[:, :, 0], found[:, :, 1]


def _coarse(
    points: Points,
    pair: tuple[tuple[int, int, int], tuple[int, int, int]],
    temperatures: NDArray[np.float64],
    sampling: Sampling,
) -> float:
    """Temperature at which the cumulant of the large lattice falls to its critical value."""
    tasks = [(pair[1], float(t), sampling) for t in temperatures]
    values = np.array([binder(point)[0] for point in points.compute(tasks)])
    last = np.flatnonzero(values > CRITICAL)
    k = int(last[-1]) + 1 if len(last) else 0
    if k in (0, len(values)):
        return float(temperatures[min(k, len(values) - 1)])
    share = (values[k - 1] - CRITICAL) / (values[k - 1] - values[k])
    return float(temperatures[k - 1] + share * (temperatures[k] - temperatures[k - 1]))


def _root(temperatures: NDArray[np.float64], difference: NDArray[np.float64]) -> float | None:
    """Return the root of a cubic through the differences that lies in the window and has them fall, if there is one."""
    middle, width = temperatures.mean(), np.ptp(temperatures) / 2
    x = (temperatures - middle) / width
    fit = np.polynomial.Polynomial.fit(x, difference, 3, domain=[-1, 1])
    roots = fit.roots()
    real = roots[np.abs(roots.imag) < 1e-9].real
    good = [r for r in real if abs(r) < 1 and fit.deriv()(r) < 0]
    return float(middle + width * min(good, key=abs)) if good else None


def _error(
    temperatures: NDArray[np.float64], difference: NDArray[np.float64], errors: NDArray[np.float64], crossing: float
) -> float:
    """Scatter of the root when the differences scatter by their errors."""
    rng = np.random.default_rng(0)
    draws = [_root(temperatures, difference + errors * rng.normal(size=len(errors))) for _ in range(_DRAWS)]
    found = np.array([root for root in draws if root is not None])
    return float(np.sqrt(np.mean((found - crossing) ** 2))) if len(found) > _DRAWS // 2 else float(np.ptp(temperatures))
