"""Uncertainty of ensembles: spread over the members, and intervals that hold as often as they say.

Conformal prediction: the intervals are calibrated on residuals of crystals that were left out of a fold, all of them
from the training data; what the intervals cover is measured on the test crystals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def spread(members: Array) -> Array:
    """Return the standard deviation over the first axis, 0 for a single member."""
    return members.std(0, ddof=1) if len(members) > 1 else np.zeros(members.shape[1:])


def calibrate(residual: Array, sigma: Array, level: float) -> tuple[float, float]:
    """Factor and floor of intervals ``factor sqrt(sigma^2 + floor^2)``.

    The floor is the median size of the residuals: where the members agree, what they all miss stays. The factor is
    the ``ceil((n + 1) level) / n`` quantile of the scaled residuals, the largest where n is too small for the level.

    Parameters
    ----------
    residual, sigma : ndarray, (crystal,)
        Of crystals that were left out.
    level : float
        Share of true values that the interval is to hold.
    """
    size = np.abs(residual)
    if not len(size):
        return 0.0, 0.0
    floor = max(float(np.median(size)), 1e-12)
    scores = np.sort(size / np.sqrt(sigma**2 + floor**2))
    rank = min(len(scores), int(np.ceil((len(scores) + 1) * level)))
    return float(scores[max(rank, 1) - 1]), floor


def half_width(sigma: Array, factor: Array | float, floor: Array | float) -> Array:
    """Half width of the interval about each prediction."""
    return np.asarray(factor * np.sqrt(sigma**2 + np.asarray(floor) ** 2))


def coverage(true: Array, lower: Array, upper: Array) -> dict[str, float]:
    """Share of true values inside their interval, with their number and the mean width."""
    inside = (true >= lower) & (true <= upper)
    return {
        "share": float(inside.mean()) if len(inside) else 0.0,
        "count": float(len(inside)),
        "mean_width": float((upper - lower).mean()) if len(inside) else 0.0,
    }


def errors(true: Array, predicted: Array) -> dict[str, float]:
    """R2, mean absolute error, root mean square error and number of values; R2 is 0 without any spread."""
    if not len(true):
        return {"r2": 0.0, "mae": 0.0, "rmse": 0.0, "count": 0.0}
    residual = predicted - true
    total = float(((true - true.mean()) ** 2).sum())
    return {
        "r2": 1 - float((residual**2).sum()) / total if total > 0 else 0.0,
        "mae": float(np.abs(residual).mean()),
        "rmse": float(np.sqrt((residual**2).mean())),
        "count": float(len(true)),
    }
