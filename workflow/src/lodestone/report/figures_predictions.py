"""Drawings of predictions against computed values: scatter, errors of all models, coverage of the intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lodestone.report import style

SCATTER_COLUMNS = ((1, "M_{r} / M_{s}"), (2, "H_{k,90} / H_{A}"), (5, "H_{c} / H_{A}"))
# Above this many markers a scatter becomes a picture inside the drawing, which keeps the page small.
RASTER_ABOVE = 600


def scatter(target: np.ndarray, exists: np.ndarray, predicted: np.ndarray, test: np.ndarray, name: str) -> str:
    """Draw predicted against computed M_r, H_k90 and H_c (the paper's Fig. 5).

    Parameters
    ----------
    target, predicted : ndarray, shape (sample, 6)
        Computed and predicted anchors in M_s and H_A.
    exists : ndarray of bool, shape (sample, 6)
        Whether the computed anchor exists; others are left out.
    test : ndarray of bool, shape (sample,)
        True for the test set.
    """
    with style.settings():
        figure = style.drawing(11.0, 3.6)
        for axes, (column, label) in zip(figure.subplots(1, 3), SCATTER_COLUMNS, strict=True):
            _identity(axes, target[exists[:, column], column], predicted[exists[:, column], column])
            for rows, marker, colour, text in (
                (~test, "s", style.BLUE, "training"),
                (test, "o", style.ORANGE, "test"),
            ):
                shown = rows & exists[:, column]
                axes.plot(
                    target[shown, column], predicted[shown, column], marker, ms=3.6, mfc=colour, mec=style.PAPER,
                    mew=0.35, alpha=0.85, label=f"{text} ({shown.sum()})", rasterized=int(shown.sum()) > RASTER_ABOVE,
                )  # fmt: skip
            axes.set_xlabel(f"computed {label}")
            axes.set_ylabel(f"predicted {label}")
            axes.legend(loc="upper left", handletextpad=0.1, borderaxespad=0.1)
        return style.svg(figure, name, "Predicted against computed remanence, knee field and coercive field")


def _identity(axes: Axes, *values: np.ndarray) -> None:
    """Give both axes one range and draw the line on which predictions are exact."""
    together = np.concatenate(values)
    low, high = (float(together.min()), float(together.max())) if len(together) else (0.0, 1.0)
    edge = 0.04 * (high - low or 1.0)
    axes.plot([low, high], [low, high], color=style.MUTED, lw=0.8, ls=(0, (4, 3)), zorder=1)
    axes.set_xlim(low - edge, high + edge)
    axes.set_ylim(low - edge, high + edge)
    axes.set_aspect("equal")


def errors(labels: Sequence[str], models: Mapping[str, np.ndarray], reference: str, name: str) -> str:
    """Draw every model's mean absolute error per anchor as a share of one reference model's error.

    Parameters
    ----------
    labels : sequence of str
        Names of the anchors.
    models : mapping of name to ndarray, shape (anchor,)
        Mean absolute errors; NaN leaves a marker out.
    reference : str
        Model whose error counts as 1; drawn as a line.
    """
    with style.settings():
        figure = style.drawing(10.8, 3.3)
        axes = figure.subplots()
        others = [model for model in models if model != reference]
        rows = np.arange(len(labels), dtype=float)
        for i, model in enumerate(others):
            share = models[model] / models[reference]
            offset = (i - (len(others) - 1) / 2) * 0.13
            axes.plot(
                share, rows + offset, "osD^v"[i % 5], ms=5.5, color=style.SERIES[i % len(style.SERIES)],
                mec=style.PAPER, mew=0.6, label=model,
            )  # fmt: skip
        axes.axvline(1.0, color=style.MUTED, lw=1.0, ls=(0, (4, 3)))
        axes.annotate(reference, (1.0, -0.8), (4, 0), textcoords="offset points", color=style.MUTED, fontsize=8.5)
        axes.set_yticks(rows, labels)
        axes.set_ylim(len(labels) - 0.45, -0.95)
        axes.set_xlim(left=0.0)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0, labelsize=9.5, labelcolor=style.INK)
        axes.set_xlabel(f"mean absolute error on the test set / error of “{reference}”   (smaller is better)")
        figure.legend(loc="outside upper center", ncols=len(others), handletextpad=0.2)
        return style.svg(figure, name, "Mean absolute error of every model relative to predicting the mean")


def coverage(
    labels: Sequence[str], shares: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], level: float, name: str
) -> str:
    """Draw how often the intervals hold the computed value, with the range that chance alone allows.

    Parameters
    ----------
    labels : sequence of str
        Names of the anchors.
    shares : mapping of model to (share, low, high), each ndarray of shape (anchor,)
        Measured coverage and its 95 % binomial range.
    level : float
        The coverage that the intervals claim.
    """
    with style.settings():
        figure = style.drawing(10.8, 2.7)
        axes = figure.subplots()
        columns = np.arange(len(labels), dtype=float)
        for i, (model, (share, low, high)) in enumerate(shares.items()):
            offset = (i - (len(shares) - 1) / 2) * 0.16
            axes.errorbar(
                columns + offset, share, yerr=np.stack([share - low, high - share]), fmt="os"[i % 2], ms=5.5,
                color=style.SERIES[i], ecolor=style.SERIES[i], elinewidth=1.1, capsize=2.5, label=model,
            )  # fmt: skip
        axes.axhline(level, color=style.MUTED, lw=1.0, ls=(0, (4, 3)))
        axes.annotate(
            f"claimed\n{level:.0%}", (1.0, level), (5, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="center", color=style.MUTED, fontsize=8.5,
        )  # fmt: skip
        axes.set_xticks(columns, labels)
        axes.set_xlim(-0.5, len(labels) - 0.5)
        axes.set_ylim(0, 1.04)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
        axes.set_ylabel("test values inside")
        axes.grid(axis="x", visible=False)
        axes.tick_params(axis="x", length=0, labelsize=9.5, labelcolor=style.INK)
        axes.legend(loc="lower left", ncols=len(shares))
        return style.svg(figure, name, "Measured coverage of the prediction intervals")
