"""Output layers by linear least squares, drawn towards the layer that a model came with.

The body of the network is frozen, and all that can be learned is linear in the weights w and the constant b of the
output layer: energies, forces and stresses as well as properties. Each crystal enters by its normal matrix, so that
folds and bootstrap samples are weighted sums of what is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Strengths of the penalty relative to the mean square of the features.
STRENGTHS = tuple(float(10.0**k) for k in np.arange(-10.0, 2.01, 0.5))
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Equations:
    """Normal equations of every crystal for (w, b).

    Attributes
    ----------
    matrix : ndarray, (crystal, hidden + 1, hidden + 1)
    right : ndarray, (crystal, hidden + 1)
    square : ndarray, (crystal,)
        Weighted sum of squares of what is to be met.
    """

    matrix: Array
    right: Array
    square: Array

    @classmethod
    def of(cls, rows: Sequence[Array], values: Sequence[Array]) -> Equations:
        """Build from the rows (equation, hidden + 1) and values (equation,) of every crystal, weights included."""
        return cls(
            np.stack([r.T @ r for r in rows]),
            np.stack([r.T @ v for r, v in zip(rows, values, strict=True)]),
            np.array([float(v @ v) for v in values]),
        )

    def solve(self, weight: Array, prior: Array, strength: float) -> Array:
        """Minimise ``sum weight |rows x - values|^2 + strength s^2 n |w - w_prior|^2``; b is free.

        n is the sum of the weights (crystal,) and s^2 the mean square of the features.
        """
        matrix = np.einsum("c,cij->ij", weight, self.matrix)
        right = weight @ self.right
        size = len(right) - 1
        penalty = np.zeros(size + 1)
        penalty[:size] = strength * np.trace(matrix[:size, :size]) / size
        # What neither data nor penalty decide, a constant without energies among them, stays as it was.
        penalty += 1e-12 * np.trace(matrix) / (size + 1)
        return prior + np.linalg.solve(matrix + np.diag(penalty), right - matrix @ prior)

    def misfit(self, x: Array) -> Array:
        """Weighted sum of squares that a solution leaves of each crystal, (crystal,)."""
        return self.square - 2 * self.right @ x + np.einsum("cij,i,j->c", self.matrix, x, x)


@dataclass(frozen=True)
class Choice:
    """What cross-validation chose: strength of the penalty, the layer it draws to, and the error it had."""

    strength: float
    prior: Array
    prior_name: str
    error: float

    def recorded(self) -> dict[str, float | str]:
        """Return what artifacts keep."""
        return {"penalty": self.strength, "drawn_to": self.prior_name, "squared_error": self.error}


def choose(
    equations: Equations,
    rows: NDArray[np.int64],
    fold: NDArray[np.int64],
    group: NDArray[np.int64],
    priors: dict[str, Array],
) -> Choice:
    """Choose penalty and prior by the misfit of folds that were left out.

    The misfit is the sum over crystals of the root of their weighted squares: squares would be those of the few
    crystals that no layer can describe. Of all choices whose misfit is no more than a standard error above the lowest
    (Breiman et al., Classification and Regression Trees, 1984), the one that moves least is taken: the first prior
    before the others, and the strongest penalty. A few crystals that happen to fit do not make a layer forget what it
    knew.

    Parameters
    ----------
    equations : Equations
    rows : ndarray of int
        Training crystals.
    fold, group : ndarray of int, (len(rows),)
        Fold and group of each; the standard error is that over groups.
    priors : mapping of name to (w, b)
        In order of preference.
    """
    options = [(name, strength) for name in priors for strength in reversed(STRENGTHS)]
    _, inverse = np.unique(group, return_inverse=True)
    each = [_left_out(equations, rows, fold, priors[name], strength) for name, strength in options]
    misfit = np.stack([np.bincount(inverse, np.sqrt(np.maximum(squares, 0.0))) for squares in each])
    lowest = int(np.argmin(misfit.sum(1)))
    worse = misfit - misfit[lowest]
    groups = misfit.shape[1]
    error = worse.std(1, ddof=1) / np.sqrt(groups) if groups > 1 else np.zeros(len(options))
    chosen = int(np.flatnonzero(worse.mean(1) <= error)[0])
    name, strength = options[chosen]
    return Choice(strength, priors[name], name, float(each[chosen].mean()))


def _left_out(
    equations: Equations, rows: NDArray[np.int64], fold: NDArray[np.int64], prior: Array, strength: float
) -> Array:
    """Misfit of each training crystal, (len(rows),), when its fold is left out."""
    left = np.zeros(len(rows))
    for k in np.unique(fold):
        weight = np.zeros(len(equations.square))
        weight[rows[fold != k]] = 1.0
        out = fold == k
        left[out] = equations.misfit(equations.solve(weight, prior, strength))[rows[out]]
    return left


def bootstrap_weights(group: NDArray[np.int64], rows: NDArray[np.int64], rng: np.random.Generator, count: int) -> Array:
    """How often each crystal is drawn when groups are drawn with replacement, (crystal,) of `count`."""
    groups, inverse = np.unique(group[rows], return_inverse=True)
    drawn = rng.multinomial(len(groups), np.full(len(groups), 1 / len(groups)))
    weight = np.zeros(count)
    weight[rows] = drawn[inverse]
    return weight
