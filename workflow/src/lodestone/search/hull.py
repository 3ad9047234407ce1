"""Distance to the convex hull of a binary system."""

from __future__ import annotations

import numpy as np


def lower_hull(fraction: np.ndarray, energy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the lower convex hull of points (point,), from left to right."""
    order = np.lexsort((energy, fraction))
    corners: list[tuple[float, float]] = []
    for x, e in zip(fraction[order].tolist(), energy[order].tolist(), strict=True):
        if corners and x == corners[-1][0]:
            continue
        while len(corners) > 1 and _above(corners[-2], corners[-1], (x, e)):
            corners.pop()
        corners.append((x, e))
    found = np.array(corners)
    return found[:, 0], found[:, 1]


def _above(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or above the line from a to c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0


def above_hull(fraction: np.ndarray, formation_energy: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Energy per atom above the hull of all crystals that count and of the elements.

    Parameters
    ----------
    fraction : array (crystal,)
        Share of the minority element.
    formation_energy : array (crystal,)
        Energy per atom above that of the elements, eV.
    counts : array (crystal,) of bool
        Crystals that may be part of the hull; the elements, at 0 and 1 with energy 0, always are.

    Returns
    -------
    array (crystal,)
        Zero on the hull; may be negative for crystals that do not count.
    """
    x = np.concatenate([[0.0, 1.0], fraction[counts]])
    e = np.concatenate([[0.0, 0.0], formation_energy[counts]])
    corners, energies = lower_hull(x, e)
    distance = formation_energy - np.interp(fraction, corners, energies)
    # A corner itself is on the hull; what is left is rounding.
    return np.where(counts, np.maximum(distance, 0.0), distance)
