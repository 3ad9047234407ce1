"""Drawings of how well the calculations went."""

from __future__ import annotations

import numpy as np

from lodestone.report import style


def loop_health(max_torque: np.ndarray, evaluations: np.ndarray, tolerance: float, name: str) -> str:
    """Draw the largest final torque of each loop and the field evaluations that each loop took.

    Parameters
    ----------
    max_torque : ndarray, shape (loop,)
        Largest torque left at the end of any field step.
    evaluations : ndarray, shape (loop,)
        Evaluations of the effective field.
    tolerance : float
        Torque at which a field step counts as converged.
    """
    with style.settings():
        figure = style.drawing(10.8, 2.6)
        left, right = figure.subplots(1, 2)
        torque = np.maximum(max_torque, np.finfo(float).tiny)
        low, high = np.floor(np.log10(min(torque.min(), tolerance))), np.ceil(np.log10(max(torque.max(), tolerance)))
        left.hist(torque, bins=np.logspace(low, max(high, low + 1), 41), color=style.BLUE, rwidth=0.92)
        left.set_xscale("log")
        left.axvline(tolerance, color=style.ORANGE, lw=1.2, ls=(0, (4, 3)))
        left.annotate(
            "tolerance", (tolerance, 0.93), (4, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", color=style.ORANGE, fontsize=8.5,
        )  # fmt: skip
        left.set_xlabel("largest torque left at any field of a loop")
        left.set_ylabel("loops")
        right.hist(evaluations, bins=min(40, max(8, len(evaluations) // 4)), color=style.GREEN, rwidth=0.92)
        right.set_xlabel("effective-field evaluations per loop")
        right.set_ylabel("loops")
        for axes in (left, right):
            axes.grid(axis="x", visible=False)
        return style.svg(figure, name, "Histograms of the largest torque and of evaluations per loop")
