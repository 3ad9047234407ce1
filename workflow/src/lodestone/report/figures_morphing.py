"""Drawings of walks through the latent space (the paper's Figs. 7 and 8), with recomputed curves."""

from __future__ import annotations

import numpy as np

from lodestone.report import style
from lodestone.report.figures_curves import computed_anchors, curve_axes, predicted_anchors


def walk(
    alpha: np.ndarray,
    picture: np.ndarray,
    field: np.ndarray,
    magnetisation: np.ndarray,
    computed: tuple[np.ndarray, np.ndarray],
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray],
    name: str,
) -> str:
    """Draw decoded structures along z = (1 - alpha) z_A + alpha z_B with their curves.

    Parameters
    ----------
    alpha : ndarray, shape (step,)
        Positions along the line, 0 at A and 1 at B.
    picture : ndarray, shape (step, ny, nx)
        The decoded channel that is drawn, between -1 and 1.
    field : ndarray, shape (field,)
        H_ext / H_A.
    magnetisation : ndarray, shape (step, field)
        Curves recomputed by micromagnetics for the decoded structures.
    computed : (anchor, exists), each of shape (step, 6)
        Anchors of the recomputed curves.
    predicted : (predicted, lower, upper), each of shape (step, 6)
        Anchors predicted from the latent codes.
    """
    steps = len(alpha)
    with style.settings():
        figure = style.drawing(max(1.8 * steps, 5.0), 3.8)
        grid = figure.subplots(2, steps, squeeze=False, height_ratios=[1, 1.05])
        for i in range(steps):
            top, axes = grid[0, i], grid[1, i]
            top.imshow(picture[i], cmap=style.AXIS_MAP, vmin=-1, vmax=1, origin="lower", interpolation="none")
            style.picture_axes(top)
            end = {0: "  (A)", steps - 1: "  (B)"}.get(i, "")
            top.set_title(f"α = {alpha[i]:.2g}{end}")
            curve_axes(axes, labels=False)
            axes.plot(field, magnetisation[i], color=style.BLUE, lw=1.1, label="recomputed")
            computed_anchors(axes, computed[0][i], computed[1][i], size=3.8)
            predicted_anchors(axes, predicted[0][i], predicted[1][i], predicted[2][i], size=4.2)
            axes.set_xlabel("H_{ext} / H_{A}")
            if i:
                axes.tick_params(labelleft=False)
        grid[1, 0].set_ylabel("M / M_{s}")
        return style.svg(figure, name, "Decoded structures, recomputed curves and predicted anchors along the walk")


def progress(
    alpha: np.ndarray,
    computed: tuple[np.ndarray, np.ndarray],
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray],
    name: str,
) -> str:
    """Draw remanence and coercive field along the walk: predicted with interval, and recomputed."""
    anchor, exists = computed
    centre, lower, upper = predicted
    with style.settings():
        figure = style.drawing(10.8, 2.5)
        for axes, column, label in zip(
            figure.subplots(1, 3), (1, 2, 5), ("M_{r} / M_{s}", "H_{k,90} / H_{A}", "H_{c} / H_{A}"), strict=True
        ):
            axes.fill_between(alpha, lower[:, column], upper[:, column], color=style.ORANGE, alpha=0.18, lw=0)
            axes.plot(alpha, centre[:, column], "o-", color=style.ORANGE, ms=4.5, mec=style.PAPER, label="predicted")
            there = exists[:, column].astype(bool)
            axes.plot(
                alpha[there], anchor[there, column], "s-", color=style.BLUE, ms=4.5, mec=style.PAPER, label="recomputed"
            )
            axes.set_xlabel("α  (0 = A, 1 = B)")
            axes.set_ylabel(label)
            axes.margins(y=0.18)
        figure.axes[0].legend(loc="best")
        return style.svg(figure, name, "Predicted and recomputed figures of merit along the walk")
