"""Drawings of demagnetisation curves: the whole set, and samples with their predicted anchor points."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from lodestone.report import style

# Share of M_r at which each anchor sits, in anchor order after M_1 and M_r (M_1, M_r, H_k90, H_k80, H_k70, H_c).
KNEE_LEVELS = np.array([0.9, 0.8, 0.7, 0.0])
MAX_LINES = 64


def anchor_coordinates(anchor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place six anchor values in the plane of field and magnetisation.

    Parameters
    ----------
    anchor : ndarray, shape (6,)
        M_1 and M_r in M_s, then H_k90, H_k80, H_k70 and H_c in H_A, reversed fields counted positive.

    Returns
    -------
    field, magnetisation : ndarray, shape (6,)
        H / H_A and M / M_s, as in the paper's section 2.2.
    """
    field = np.concatenate(([1.0, 0.0], -anchor[2:]))
    magnetisation = np.concatenate((anchor[:2], KNEE_LEVELS * anchor[1]))
    return field, magnetisation


def curve_axes(axes: Axes, *, labels: bool = True) -> None:
    """Frame of a demagnetisation curve: H / H_A from -1 to 1 and M / M_s."""
    axes.set_xlim(-1.03, 1.06)
    axes.set_ylim(-1.06, 1.08)
    axes.set_xticks([-1, -0.5, 0, 0.5, 1])
    axes.set_yticks([-1, -0.5, 0, 0.5, 1])
    axes.axhline(0, color=style.MUTED, lw=0.6)
    axes.axvline(0, color=style.MUTED, lw=0.6)
    if labels:
        axes.set_xlabel("H_{ext} / H_{A}")
        axes.set_ylabel("M / M_{s}")


def predicted_anchors(
    axes: Axes,
    predicted: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    *,
    label: str = "predicted",
    size: float = 5.0,
) -> None:
    """Draw six predicted anchors with their intervals: M upright, H along the field."""
    x, y = anchor_coordinates(predicted)
    below, above = np.maximum(predicted - lower, 0.0), np.maximum(upper - predicted, 0.0)
    look: dict[str, Any] = {"fmt": "none", "ecolor": style.ORANGE, "elinewidth": 1.2, "capsize": 2.2, "zorder": 4}
    axes.errorbar(x[:2], y[:2], yerr=np.stack([below[:2], above[:2]]), **look)
    # H is counted positive when reversed, so that the upper end of H lies further to the left.
    axes.errorbar(x[2:], y[2:], xerr=np.stack([above[2:], below[2:]]), **look)
    axes.plot(x, y, "o", ms=size, mfc=style.ORANGE, mec=style.PAPER, mew=0.7, zorder=5, label=label)


def computed_anchors(axes: Axes, anchor: np.ndarray, exists: np.ndarray, *, size: float = 5.0) -> None:
    """Draw the anchors that the computed curve has."""
    x, y = anchor_coordinates(anchor)
    there = exists.astype(bool)
    axes.plot(x[there], y[there], "s", ms=size, mfc=style.BLUE, mec=style.PAPER, mew=0.7, zorder=3, label="computed")


def all_curves(field: np.ndarray, magnetisation: np.ndarray, misorientation_rad: np.ndarray, name: str) -> str:
    """Draw many computed curves, coloured by the largest misorientation of their grains.

    Parameters
    ----------
    field : ndarray, shape (field,)
        H_ext / H_A.
    magnetisation : ndarray, shape (loop, field)
        M / M_s; at most `MAX_LINES` curves, evenly spread over the misorientations, are drawn.
    misorientation_rad : ndarray, shape (loop,)
        Largest misorientation of a grain from the field direction; only its size counts.
    """
    degrees = np.degrees(np.abs(misorientation_rad))
    order = np.argsort(degrees, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(MAX_LINES, len(order))).round().astype(int))]
    with style.settings():
        figure = style.drawing(5.4, 3.7)
        axes = figure.subplots()
        scale = Normalize(0, 180)
        lines = [np.column_stack((field, magnetisation[i])) for i in chosen]
        axes.add_collection(
            LineCollection(lines, array=degrees[chosen], cmap=style.ORDER_MAP, norm=scale, linewidths=0.9, alpha=0.85)
        )
        curve_axes(axes)
        bar = figure.colorbar(ScalarMappable(scale, style.ORDER_MAP), ax=axes, ticks=[0, 45, 90, 135, 180], pad=0.02)
        bar.set_label("largest misorientation (°)")
        bar.outline.set_visible(False)
        return style.svg(figure, name, f"{len(chosen)} computed demagnetisation curves coloured by misorientation")


def trends(
    misorientation_rad: np.ndarray, grain_count: np.ndarray, anchor: np.ndarray, exists: np.ndarray, name: str
) -> str:
    """Draw remanence and coercive field of all computed loops against the largest misorientation."""
    degrees = np.degrees(np.abs(misorientation_rad))
    scale = Normalize(0, 256)
    with style.settings():
        figure = style.drawing(5.4, 3.7)
        for axes, column, label in zip(
            figure.subplots(2, 1, sharex=True), (1, 5), ("M_{r} / M_{s}", "H_{c} / H_{A}"), strict=True
        ):
            there = exists[:, column].astype(bool)
            axes.scatter(
                degrees[there], anchor[there, column], c=grain_count[there], s=13, cmap=style.COUNT_MAP, norm=scale,
                linewidths=0, alpha=0.9, rasterized=int(there.sum()) > 800,
            )  # fmt: skip
            axes.set_ylabel(label)
            axes.set_xlim(-3, 183)
            axes.set_xticks([0, 45, 90, 135, 180])
        axes.set_xlabel("largest misorientation (°)")
        bar = figure.colorbar(
            ScalarMappable(scale, style.COUNT_MAP), ax=figure.axes, ticks=[16, 64, 128, 192, 256], pad=0.02
        )
        bar.set_label("number of grains")
        bar.outline.set_visible(False)
        return style.svg(figure, name, "Remanence and coercive field against misorientation, coloured by grain count")


def sample(
    pictures: list[tuple[str, np.ndarray]],
    field: np.ndarray,
    magnetisation: np.ndarray,
    computed: tuple[np.ndarray, np.ndarray],
    predicted: tuple[np.ndarray, np.ndarray, np.ndarray],
    name: str,
) -> str:
    """Draw one sample of the test set as in the paper's Fig. 6: pictures, computed curve, predicted anchors.

    Parameters
    ----------
    pictures : list of (title, ndarray of shape (ny, nx))
        Channel pictures between -1 and 1, rows along +y.
    field, magnetisation : ndarray, shape (field,)
        H_ext / H_A and the computed M / M_s.
    computed : (anchor, exists), each of shape (6,)
        Computed anchors and whether they exist.
    predicted : (predicted, lower, upper), each of shape (6,)
        Predicted anchors and their intervals.
    """
    with style.settings():
        figure = style.drawing(5.5, 2.1)
        *image_axes, axes = figure.subplots(1, len(pictures) + 1, width_ratios=[1.0] * len(pictures) + [1.55])
        for panel, (title, picture) in zip(image_axes, pictures, strict=True):
            panel.imshow(picture, cmap=style.AXIS_MAP, vmin=-1, vmax=1, origin="lower", interpolation="none")
            style.picture_axes(panel, title)
        curve_axes(axes)
        axes.plot(field, magnetisation, color=style.BLUE, lw=1.2, zorder=2)
        computed_anchors(axes, *computed, size=4.2)
        predicted_anchors(axes, *predicted, size=4.6)
        axes.legend(loc="lower right", fontsize=7.5, handletextpad=0.1, borderaxespad=0.2)
        return style.svg(figure, name, "Grain structure, reconstruction, computed curve and predicted anchor points")
