"""Levenberg-Marquardt steps for sums of squares whose Jacobian is at hand (Marquardt 1963; damping of Nielsen 1999)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Array = NDArray[np.float64]
# Damping at the start, in parts of the diagonal of J^T J: the first steps are those of a scaled steepest descent.
_DAMPING = 1e-2
# Beyond this no step lowers the loss any more: what is left is rounding.
_MOST_DAMPING = 1e12
# A parameter on which no label depends is kept where it is.
_FLOOR = 1e-14


def steps(
    start: Array,
    equations: Callable[[Array], tuple[float, Array, Array]],
    value: Callable[[Array], float],
) -> Iterator[tuple[Array, float]]:
    """Yield parameters (parameter,) and the sum of squares after each step, until none lowers it.

    Parameters
    ----------
    start : ndarray, (parameter,)
        Where it begins.
    equations : callable
        Returns the sum of squares, ``J^T r`` (parameter,) and ``J^T J`` (parameter, parameter) at parameters.
    value : callable
        Returns the sum of squares alone; may be not finite where the model breaks down.
    """
    x = start
    loss, slope, square = equations(x)
    damping, growth = _DAMPING, 2.0
    while damping < _MOST_DAMPING:
        scale = np.diag(square).copy()
        scale = np.maximum(scale, _FLOOR * scale.max(initial=0.0)) + np.finfo(float).tiny
        try:
            step = -cho_solve(cho_factor(square + np.diag(damping * scale), check_finite=False), slope)
        except LinAlgError:
            damping, growth = damping * growth, 2.0 * growth
            continue
        tried = value(x + step)
        # What the linear model promises: |r|^2 - |r + J s|^2.
        promised = float(step @ (damping * scale * step - slope))
        gain = (loss - tried) / promised if promised > 0 and np.isfinite(tried) else -1.0
        if gain <= 0:
            damping, growth = damping * growth, 2.0 * growth
            continue
        x = x + step
        damping, growth = damping * max(1 / 3, 1 - (2 * gain - 1) ** 3), 2.0
        loss, slope, square = equations(x)
        yield x, loss
