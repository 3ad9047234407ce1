"""Values of the elements: what each atom adds to an energy or another target, by linear least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PENALTY = 1e-6  # on the values, in units of crystals: decides where data do not
PENALTIES = (1e-6, 1e-2, 1e-1, 1.0, 10.0, 1e9)


def fit(
    composition: NDArray[np.float64],
    value: NDArray[np.float64],
    exists: NDArray[np.bool_],
    penalty: float = PENALTY,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit ``value = mean + sum over elements of share element_value``.

    An element that no crystal has gets 0: the mean speaks for it.

    Parameters
    ----------
    composition : ndarray, (crystal, 119)
        Share of each element.
    value, exists : ndarray, (crystal, target)
    penalty : float
        Draws the values of the elements to 0: with one, this many crystals of an element count half.

    Returns
    -------
    mean : ndarray, (target,)
    element_value : ndarray, (119, target)
    """
    targets = value.shape[1]
    mean, table = np.zeros(targets), np.zeros((composition.shape[1], targets))
    for k in range(targets):
        rows = exists[:, k]
        if not rows.any():
            continue
        mean[k] = value[rows, k].mean()
        present = np.flatnonzero(composition[rows].any(0))
        share = composition[rows][:, present]
        normal = share.T @ share + penalty * np.eye(len(present))
        table[present, k] = np.linalg.solve(normal, share.T @ (value[rows, k] - mean[k]))
    return mean, table


def choose_penalty(
    composition: NDArray[np.float64],
    value: NDArray[np.float64],
    exists: NDArray[np.bool_],
    fold: NDArray[np.int64],
) -> float:
    """Return the penalty of `PENALTIES` with the smallest error of folds that were left out; of equals the largest.

    `value` and `exists` are (crystal, 1), `fold` (crystal,).
    """
    best, chosen = np.inf, PENALTIES[-1]
    for penalty in reversed(PENALTIES):
        error = 0.0
        for k in np.unique(fold):
            out = (fold == k) & exists[:, 0]
            mean, table = fit(composition[fold != k], value[fold != k], exists[fold != k], penalty)
            error += float(((value[out] - mean - composition[out] @ table) ** 2).sum())
        if error < best * (1 - 1e-9):
            best, chosen = error, penalty
    return chosen


def pack(table: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Atomic numbers (element,) of the elements with values, and these (element, target)."""
    known = np.flatnonzero(table.any(1))
    return known.astype(np.uint8), table[known]
