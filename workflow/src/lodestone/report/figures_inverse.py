"""Drawings of inverse design: the structures found, how close they came, and how the search got there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.report import style
from lodestone.report.figures_curves import curve_axes

# Ratio of largest to smallest error above which their axis is logarithmic.
LOG_ABOVE = 5


def candidate(
    picture: np.ndarray,
    field: np.ndarray,
    magnetisation: np.ndarray,
    goal: np.ndarray,
    predicted: np.ndarray,
    computed: np.ndarray,
    name: str,
) -> str:
    """Draw one design: its structure, its recomputed curve and the wanted remanence and coercive field.

    Parameters
    ----------
    picture : ndarray, shape (ny, nx)
        x-component of the easy axes, -1 to 1.
    field, magnetisation : ndarray, shape (field,)
        H_ext / H_A and the recomputed M / M_s.
    goal, predicted, computed : ndarray, shape (figure,)
        M_r in M_s, H_c in H_A and the squareness H_k90 / H_c.
    """
    with style.settings():
        figure = style.drawing(5.4, 2.25)
        left, axes = figure.subplots(1, 2, width_ratios=[1, 1.5])
        left.imshow(picture, cmap=style.AXIS_MAP, vmin=-1, vmax=1, origin="lower", interpolation="none")
        style.picture_axes(left)
        curve_axes(axes)
        axes.plot(field, magnetisation, color=style.BLUE, lw=1.3, zorder=2)
        for values, marker, colour, label in (
            (goal, "o", style.GREEN, "goal"),
            (predicted, "o", style.ORANGE, "predicted"),
            (computed, "s", style.BLUE, "recomputed"),
        ):
            ring = label == "goal"
            # The knee at 0.9 M_r lies at H_k90 = squareness * H_c.
            axes.plot(
                [0.0, -values[2] * values[1], -values[1]], [values[0], 0.9 * values[0], 0.0], marker,
                ms=11 if ring else 4.6, mfc="none" if ring else colour, mec=colour if ring else style.PAPER,
                mew=1.8 if ring else 0.6, label=label, zorder=4,
            )  # fmt: skip
        axes.legend(loc="lower right", fontsize=7.5, handletextpad=0.7, labelspacing=0.7)
        return style.svg(
            figure, name, "Structure found for a goal, its recomputed curve, and goal, predicted, recomputed"
        )


def search_progress(best_error: np.ndarray, labels: Sequence[str], name: str) -> str:
    """Draw the best predicted error of each generation, one line per goal."""
    with style.settings():
        figure = style.drawing(10.8, 2.9)
        axes = figure.subplots()
        generation = np.arange(best_error.shape[1])
        for i, label in enumerate(labels):
            axes.plot(
                generation, best_error[i], color=style.SERIES[i % len(style.SERIES)],
                ls=("-", (0, (5, 2)), (0, (1, 1.5)))[(i // len(style.SERIES)) % 3], label=label,
            )  # fmt: skip
        if best_error.max() > LOG_ABOVE * best_error.min() > 0:
            axes.set_yscale("log")
        else:
            axes.set_ylim(0, 1.08 * max(float(best_error.max()), 1e-6))
        axes.set_xlabel("generation")
        axes.set_ylabel("smallest error")
        axes.set_xlim(0, max(len(generation) - 1, 1))
        style.count_axis(axes)
        figure.legend(loc="outside right center", fontsize=8)
        return style.svg(figure, name, "Best predicted error per generation of the genetic search")
