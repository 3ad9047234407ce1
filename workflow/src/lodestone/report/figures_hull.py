"""Drawings of formation energies: the convex hull of a binary system, and energies above the hull of any set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lodestone.report import style

MAX_ROWS = 30
_MEV = 1000.0
# On the hull within rounding; such crystals are drawn filled.
_STABLE_MEV = 0.1


def binary_hull(
    share: np.ndarray,
    formation_eV: np.ndarray,
    spread_eV: np.ndarray,
    above_hull_eV: np.ndarray,
    labels: Sequence[str],
    elements: tuple[str, str],
    name: str,
) -> str:
    """Draw formation energies against composition, with the lower convex hull.

    Parameters
    ----------
    share : ndarray, shape (crystal,)
        Part of the atoms that are of the second element.
    formation_eV, spread_eV, above_hull_eV : ndarray, shape (crystal,)
        Formation energy per atom, its error bar (0 for none), energy per atom above the hull.
    labels : sequence of str
        Formula of each crystal.
    elements : (str, str)
        First and second element.
    name : str
        Unique on the page.
    """
    with style.settings():
        figure = style.drawing(7.6, 4.0)
        axes: Axes = figure.subplots()
        corners = lower_hull(share, formation_eV)
        axes.plot(corners[:, 0], corners[:, 1] * _MEV, color=style.MUTED, lw=1.2, zorder=1, label="convex hull")
        _points(axes, share, formation_eV, spread_eV, above_hull_eV)
        for x, y in corners[1:-1]:
            at = int(np.flatnonzero((share == x) & (formation_eV == y))[0])
            axes.annotate(labels[at], (x, y * _MEV), (4, -11), textcoords="offset points", fontsize=8, color=style.INK)
        axes.set_xlabel(f"share of {elements[1]}  (0 = {elements[0]}, 1 = {elements[1]})")
        axes.set_ylabel("formation energy  (meV / atom)")
        axes.set_xlim(-0.02, 1.02)
        axes.legend(loc="best")
        return style.svg(figure, name, f"Formation energies of {elements[0]}-{elements[1]} and their convex hull")


def _points(axes: Axes, share: np.ndarray, energy: np.ndarray, spread: np.ndarray, above: np.ndarray) -> None:
    """Draw crystals, those on the hull filled; error bars where there are any."""
    stable = above * _MEV < _STABLE_MEV
    if spread.any():
        axes.errorbar(
            share, energy * _MEV, yerr=spread * _MEV / 2, fmt="none", ecolor=style.SKY, elinewidth=1.0, zorder=2
        )
    for chosen, fill, label in ((stable, style.BLUE, "on the hull"), (~stable, style.PAPER, "above it")):
        axes.scatter(
            share[chosen],
            energy[chosen] * _MEV,
            s=28,
            facecolor=fill,
            edgecolor=style.BLUE,
            linewidth=1.1,
            zorder=3,
            label=label,
        )


def lower_hull(share: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Corners (corner, 2) of the lower convex hull, from the first element to the second, both at energy 0."""
    ends = np.array([[0.0, 0.0], [1.0, 0.0]])
    points = np.concatenate([ends, np.column_stack([share, energy])[(energy < 0) & (share > 0) & (share < 1)]])
    corners: list[np.ndarray] = []
    for point in points[np.lexsort((points[:, 1], points[:, 0]))]:
        while len(corners) >= 2 and _turns_right(corners[-2], corners[-1], point):
            corners.pop()
        if not corners or point[0] > corners[-1][0]:
            corners.append(point)
    return np.array(corners)


def _turns_right(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> bool:
    """Whether b lies on or above the line from a to c."""
    return bool((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) <= 0)


def above_hull(energy_eV: np.ndarray, spread_eV: np.ndarray, labels: Sequence[str], name: str) -> str:
    """Draw energies above the hull, lowest first, as far as `MAX_ROWS`."""
    order = np.argsort(energy_eV, kind="stable")[:MAX_ROWS]
    with style.settings():
        figure = style.drawing(7.6, 0.22 * len(order) + 0.8)
        axes: Axes = figure.subplots()
        rows = np.arange(len(order))
        axes.barh(rows, energy_eV[order] * _MEV, height=0.62, color=style.BLUE)
        if spread_eV.any():
            axes.errorbar(
                energy_eV[order] * _MEV,
                rows,
                xerr=np.minimum(spread_eV[order] / 2, energy_eV[order]) * _MEV,
                fmt="none",
                ecolor=style.INK,
                elinewidth=0.8,
            )
        axes.set_yticks(rows, [labels[i] for i in order])
        axes.invert_yaxis()
        axes.set_xlabel("energy above the hull  (meV / atom)")
        axes.grid(False, axis="y")
        return style.svg(figure, name, "Energies above the convex hull")
