"""Drawings of training: learning curves, and grain structures through the autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lodestone.report import style

CODE_ROWS, CODE_COLUMNS = 32, 16


def autoencoder_losses(losses: Mapping[str, tuple[np.ndarray, np.ndarray]], name: str) -> str:
    """Draw training and validation loss per epoch of each encoding's autoencoder, one panel each."""
    with style.settings():
        figure = style.drawing(10.8, 2.9)
        for axes, (title, (train, validation)) in zip(
            np.atleast_1d(figure.subplots(1, len(losses), sharey=False)), losses.items(), strict=True
        ):
            epoch = np.arange(1, len(train) + 1)
            many = len(train) > 30
            axes.plot(epoch, train, "-" if many else "s-", color=style.BLUE, ms=4, label="training")
            axes.plot(epoch, validation, "-" if many else "o-", color=style.ORANGE, ms=4, label="validation")
            axes.set_title(title)
            axes.set_xlabel("epoch")
            axes.set_ylabel("loss")
            axes.set_ylim(0.0, 1.08 * max(*train, *validation))
            style.count_axis(axes)
            axes.legend(loc="upper right")
        return style.svg(figure, name, "Loss of the autoencoders per epoch")


def regressor_losses(folds: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray, int]]], name: str) -> str:
    """Draw the regressor's loss per epoch for every cross-validation fold, one panel per encoding.

    Parameters
    ----------
    folds : mapping of encoding to a sequence of (train, validation, best_epoch)
        Losses per epoch, mean squared error in normalised targets; `best_epoch` counts from 1.
    """
    with style.settings():
        figure = style.drawing(10.8, 3.0)
        panels = np.atleast_1d(figure.subplots(1, len(folds), sharey=True))
        for axes, (title, curves) in zip(panels, folds.items(), strict=True):
            for i, (train, validation, best) in enumerate(curves):
                first = i == 0
                axes.plot(
                    np.arange(1, len(train) + 1), train, color=style.BLUE, lw=0.9, label="training" if first else None
                )
                epoch = np.arange(1, len(validation) + 1)
                axes.plot(epoch, validation, color=style.ORANGE, lw=0.9, label="held-out fold" if first else None)
                if 0 < best <= len(validation):
                    axes.plot(
                        best, validation[best - 1], "o", ms=5, mfc=style.PAPER, mec=style.ORANGE,
                        label="best epoch" if first else None, zorder=4,
                    )  # fmt: skip
            axes.set_yscale("log")
            axes.set_title(title)
            axes.set_xlabel("epoch")
            style.count_axis(axes)
            axes.legend(loc="upper right")
        panels[0].set_ylabel("mean squared error")
        return style.svg(figure, name, "Loss of the regressor per epoch in each cross-validation fold")


def reconstructions(
    original: np.ndarray, reconstructed: np.ndarray, code: np.ndarray, channel_names: Sequence[str], name: str
) -> str:
    """Draw original, latent code and reconstruction of a few structures (the paper's Fig. 4).

    Parameters
    ----------
    original, reconstructed : ndarray, shape (sample, channel, ny, nx)
        Channel pictures between -1 and 1, rows along +y.
    code : ndarray, shape (sample, latent)
        Latent codes, drawn as 32 x 16 squares when they have 512 entries.
    channel_names : sequence of str
        What each channel holds.
    """
    samples, channels = original.shape[:2]
    shown = _as_picture(code)
    reach = float(np.quantile(np.abs(code), 0.99)) or 1.0
    with style.settings():
        figure = style.drawing(10.8, 0.4 + 1.28 * channels * ((samples + 1) // 2))
        halves = np.ravel(figure.subfigures(1, min(2, samples), wspace=0.06, squeeze=False))
        for h, half in enumerate(halves):
            rows = range(h, samples, len(halves))
            grid = half.add_gridspec(len(rows) * channels, 3, width_ratios=[1, 0.55, 1])
            for r, i in enumerate(rows):
                own = slice(r * channels, (r + 1) * channels)
                axes = half.add_subplot(grid[own, 1])
                axes.imshow(shown[i], cmap=style.CODE_MAP, vmin=-reach, vmax=reach, interpolation="none")
                style.picture_axes(axes, "latent code" if r == 0 else "")
                for column, source, title in ((0, original, "original"), (2, reconstructed, "reconstruction")):
                    places = [half.add_subplot(grid[row, column]) for row in range(own.start, own.stop)]
                    _channels(places, source[i], title if r == 0 else "", channel_names if column == 0 else ())
        return style.svg(figure, name, "Grain structures, their latent codes and their reconstructions")


def _channels(places: Sequence[Axes], picture: np.ndarray, title: str, names: Sequence[str]) -> None:
    """Draw the channels of one picture below each other; (channel, ny, nx)."""
    for c, axes in enumerate(places):
        axes.imshow(picture[c], cmap=style.AXIS_MAP, vmin=-1, vmax=1, origin="lower", interpolation="none")
        style.picture_axes(axes, title if c == 0 else "")
        if names:
            axes.set_ylabel(names[c], fontsize=8, color=style.MUTED)


def _as_picture(code: np.ndarray) -> np.ndarray:
    """Fold latent codes into pictures: 32 x 16 as in the paper, or one column for another length."""
    if code.shape[1] == CODE_ROWS * CODE_COLUMNS:
        return code.reshape(len(code), CODE_ROWS, CODE_COLUMNS)
    return code[:, :, None]
