"""Rows of a matrix that span the largest volume, and how far other rows lie outside (Goreinov et al. 2010).

Where there are fewer rows than columns no square matrix has a volume; `largest_determinants` then takes the place of
maxvol: Bayesian D-optimality, in which a prior of all columns makes up for the rows that are not there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve, qr

Array = NDArray[np.float64]
# Swaps that gain less than this part of the volume are not made: their number stays small.
TOLERANCE = 1.01


class ActiveSet:
    """A square matrix of rows with (locally) the largest volume among all rows that it has seen.

    The extrapolation grade of a row b is ``max |b A^-1|`` (Podryabinkin and Shapeev 2017): up to 1 a linear model
    interpolates, beyond it extrapolates. Each swap multiplies the volume by the grade of the row that comes in.

    Parameters
    ----------
    rows : ndarray, (row, column)
        At least as many rows as columns, of full rank.

    Raises
    ------
    ValueError
        For fewer rows than columns, or rows that do not span all columns.
    """

    def __init__(self, rows: Array) -> None:
        count, columns = rows.shape
        if count < columns:
            raise ValueError(f"rows: found {count}, expected at least the number of columns, {columns}")
        # The pivots of a QR decomposition of the transposed matrix are rows that are far from each other's span.
        triangle, pivots = qr(rows.T, mode="r", pivoting=True)
        diagonal = np.abs(np.diag(triangle))
        if diagonal.min(initial=np.inf) <= np.finfo(float).eps * count * diagonal.max(initial=0.0):
            raise ValueError(f"rows: found a rank below {columns}, expected rows that span all columns")
        self.rows = rows[pivots[:columns]].copy()
        self.swaps = 0
        self.add(rows)

    def grades(self, rows: Array) -> Array:
        """Return the extrapolation grade (row,) of rows."""
        return np.abs(self._coordinates(rows)).max(axis=1, initial=0.0)

    def add(self, rows: Array) -> int:
        """Swap in what enlarges the volume until nothing does; returns the number of swaps."""
        begin = self.swaps
        coordinates = self._coordinates(rows)
        while coordinates.size:
            flat = int(np.argmax(np.abs(coordinates)))
            i, j = divmod(flat, coordinates.shape[1])
            if abs(coordinates[i, j]) <= TOLERANCE:
                break
            self.rows[j] = rows[i]
            self.swaps += 1
            # Row j of the square matrix has become row i: a change of rank one of all coordinates.
            change = coordinates[i].copy()
            change[j] -= 1.0
            coordinates -= np.outer(coordinates[:, j] / coordinates[i, j], change)
        return self.swaps - begin

    def _coordinates(self, rows: Array) -> Array:
        """Return ``rows A^-1`` (row, column)."""
        return lu_solve(lu_factor(self.rows.T), rows.T).T


def row_space(rows: Array, tolerance: float = 1e-6) -> Array:
    """Return an orthonormal basis (column, rank) of the space that rows span, as far as singular values are not tiny.

    Parameters of a moment tensor potential are redundant (a factor can move between radial functions and contractions):
    without this no set of rows has a volume.
    """
    values, vectors = np.linalg.eigh(rows.T @ rows)
    # Eigenvalues are squares of singular values.
    return vectors[:, values > tolerance**2 * values.max(initial=0.0)]


def largest_determinants(
    known: Array, blocks: Sequence[Array], count: int, ridge: float
) -> tuple[NDArray[np.int64], Array]:
    """Choose blocks of rows one by one, each time the one that raises ``log det(ridge I + J^T J)`` most.

    J are the rows known and those chosen so far. The sum of the gains is a submodular function of the blocks: what is
    chosen this way has at least 1 - 1/e of the gain of the best choice (Nemhauser, Wolsey and Fisher 1978).

    Parameters
    ----------
    known : ndarray, (row, column)
        Rows that there are already; any number of them.
    blocks : sequence of ndarray, (row, column)
        Rows that are chosen together or not at all.
    count : int
        How many blocks to choose; all of them if there are fewer.
    ridge : float
        Precision of the prior of each column, in the units of squared rows; above 0.

    Returns
    -------
    chosen : ndarray of int, (choice,)
        Numbers of blocks in the order of choice.
    gain : ndarray, (choice,)
        What each adds to the logarithm of the determinant; none is above the one before.

    Raises
    ------
    ValueError
        For a ridge that is not above 0.
    """
    if not ridge > 0:
        raise ValueError(f"ridge: found {ridge}, allowed: above 0")
    edges = np.cumsum([len(block) for block in blocks])[:-1]
    # Coordinates in which the matrix under the determinant is the unit matrix.
    white = np.concatenate([np.zeros((0, known.shape[1])), *blocks]) / np.sqrt(ridge)
    _whiten(white, known / np.sqrt(ridge))
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < min(count, len(blocks)):
        parts = np.split(white, edges)
        found = [-1.0 if k in chosen else _gain(part) for k, part in enumerate(parts)]
        best = int(np.argmax(found))
        chosen.append(best)
        gains.append(found[best])
        _whiten(white, parts[best].copy())
    return np.array(chosen, np.int64), np.array(gains)


def _gain(rows: Array) -> float:
    """Return ``log det(I + W W^T)`` of rows W, which is that of ``I + W^T W``."""
    return float(np.linalg.slogdet(np.eye(len(rows)) + rows @ rows.T)[1])


def _whiten(white: Array, rows: Array) -> None:
    """Multiply by ``(I + W^T W)^(-1/2)`` of rows W from the right: a change of the rank of W, in place."""
    _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
    shrink = 1.0 - 1.0 / np.sqrt(1.0 + sizes**2)
    white -= ((white @ directions.T) * shrink) @ directions
