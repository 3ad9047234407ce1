"""Drawings of a search: parity of the models, the map of energy and magnetisation, the front by generation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from lodestone.report import style

RASTER_ABOVE = 600
# Formation energies beyond this are not drawn.
HIGHEST_MEV = 800.0


def parity(
    truth: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    sigma: np.ndarray,
    test: np.ndarray,
    unit: str,
    name: str,
) -> str:
    """Draw predictions against labels before and after the specialisation (the paper's Fig. 1).

    Parameters
    ----------
    truth, before, after, sigma : ndarray, shape (crystal,)
        Labels, predictions, and the uncertainty of those after.
    test : ndarray of bool, shape (crystal,)
        True for the test set.
    unit : str
        Quantity and unit, for the axes.
    name : str
        Unique on the page.
    """
    with style.settings():
        figure = style.drawing(8.6, 3.9)
        left, right = figure.subplots(1, 2)
        for axes, values, bars, title in ((left, before, None, "before"), (right, after, sigma, "after")):
            _identity(axes, truth, values if axes is right else truth)
            for rows, marker, colour, label in (
                (~test, "s", style.SKY, "training"),
                (test, "o", style.ORANGE, "test"),
            ):
                if bars is not None and rows.any():
                    axes.errorbar(
                        truth[rows],
                        values[rows],
                        yerr=bars[rows],
                        fmt="none",
                        ecolor=style.GRID,
                        elinewidth=1.0,
                        zorder=1,
                    )
                axes.plot(
                    truth[rows], values[rows], marker, ms=4.0, mfc=colour, mec=style.PAPER, mew=0.35, alpha=0.9,
                    label=f"{label} ({int(rows.sum())})", rasterized=int(rows.sum()) > RASTER_ABOVE, zorder=2,
                )  # fmt: skip
            axes.set_title(title)
            axes.set_xlabel(f"computed {unit}")
            axes.set_ylabel(f"predicted {unit}")
            axes.legend(loc="best", handletextpad=0.1, borderaxespad=0.1)
        return style.svg(figure, name, f"Predicted against computed {unit} before and after specialisation")


def _identity(axes: Axes, *values: np.ndarray) -> None:
    """Draw the line on which predictions are exact."""
    together = np.concatenate(values)
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    axes.plot([low, high], [low, high], color=style.MUTED, lw=0.8, ls=(0, (4, 3)), zorder=1)


def screening_map(
    formation_eV: np.ndarray,
    spread_eV: np.ndarray,
    mu0_Ms_T: np.ndarray,
    reference: np.ndarray,
    labels: Sequence[str],
    threshold_T: float,
    name: str,
) -> str:
    """Draw saturation against formation energy of what the back end computed (the paper's Fig. 3).

    Parameters
    ----------
    formation_eV, spread_eV, mu0_Ms_T : ndarray, shape (crystal,)
        Formation energy per atom, its error bar, saturation.
    reference : ndarray of bool, shape (crystal,)
        True for crystals that the search did not find.
    labels : sequence of str
        Formula of each crystal.
    threshold_T : float
        Drawn as a line.
    name : str
        Unique on the page.
    """
    with style.settings():
        figure = style.drawing(7.8, 4.2)
        axes: Axes = figure.subplots()
        if spread_eV.any():
            axes.errorbar(
                formation_eV * 1e3,
                mu0_Ms_T,
                xerr=spread_eV * 500,
                fmt="none",
                ecolor=style.GRID,
                elinewidth=1.2,
                zorder=1,
            )
        for rows, marker, colour, label in (
            (~reference, "o", style.BLUE, "found by the search"),
            (reference, "s", style.ORANGE, "reference"),
        ):
            if rows.any():
                axes.plot(
                    formation_eV[rows] * 1e3, mu0_Ms_T[rows], marker, ms=6.0, mfc=colour, mec=style.PAPER, label=label
                )
        for x, y, label in zip(formation_eV * 1e3, mu0_Ms_T, labels, strict=True):
            axes.annotate(label, (x, y), (5, 4), textcoords="offset points", fontsize=8, color=style.INK)
        axes.axhline(threshold_T, color=style.MUTED, lw=1.0, ls=(0, (4, 3)))
        axes.set_xlabel("formation energy  (meV / atom)")
        axes.set_ylabel("saturation  µ_{0}M_{s}  (T)")
        axes.legend(loc="best")
        return style.svg(figure, name, "Saturation against formation energy of the validated crystals")


def generations(
    energy_eV: np.ndarray, mu0_Ms_T: np.ndarray, generation: np.ndarray, front: np.ndarray, name: str
) -> str:
    """Draw all crystals of a search by the generation that made them, and the Pareto front at the end.

    Parameters
    ----------
    energy_eV, mu0_Ms_T : ndarray, shape (crystal,)
        Predicted formation energy per atom and saturation.
    generation : ndarray of int, shape (crystal,)
        Generation of birth.
    front : ndarray of int
        Rows of the front, in the order of their energies.
    name : str
        Unique on the page.
    """
    with style.settings():
        figure = style.drawing(7.8, 4.2)
        axes: Axes = figure.subplots()
        drawn = axes.scatter(
            energy_eV * 1e3, mu0_Ms_T, c=generation, s=18, cmap=style.ORDER_MAP, edgecolor="none",
            rasterized=len(energy_eV) > RASTER_ABOVE, zorder=2,
        )  # fmt: skip
        axes.plot(
            energy_eV[front] * 1e3, mu0_Ms_T[front], "-o", color=style.ORANGE, ms=5, mfc="none", lw=1.2, label="front"
        )
        axes.set_xlabel("predicted formation energy  (meV / atom)")
        axes.set_ylabel("predicted  µ_{0}M_{s}  (T)")
        # Debris of the first generations would squeeze what matters into a corner.
        low = float(energy_eV.min(initial=0.0)) * 1e3
        axes.set_xlim(low - 40.0, min(float(energy_eV.max(initial=0.1)) * 1e3, HIGHEST_MEV) + 40.0)
        axes.legend(loc="best")
        bar = figure.colorbar(drawn, ax=axes, label="generation")
        bar.outline.set_visible(False)
        return style.svg(figure, name, "Crystals of the search by generation, and the Pareto front")
