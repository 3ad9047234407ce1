"""Short and nearly rectangular lattice vectors of any lattice, compiled.

Every loop over periodic images below reduces the cell first: a handful of images is then enough.
"""

from __future__ import annotations

import numba
import numpy as np

_ROUNDS = 64
_SHORTER = 1 - 1e-9


@numba.njit(cache=True, nogil=True)
def _sort(vectors: np.ndarray, steps: np.ndarray) -> None:
    """Put the three vectors in the order of their lengths."""
    for a, b in ((0, 1), (1, 2), (0, 1)):
        if (vectors[a] ** 2).sum() > (vectors[b] ** 2).sum():
            for k in range(3):
                vectors[a, k], vectors[b, k] = vectors[b, k], vectors[a, k]
                steps[a, k], steps[b, k] = steps[b, k], steps[a, k]


@numba.njit(cache=True, nogil=True)
def _shorten_second(vectors: np.ndarray, steps: np.ndarray) -> None:
    """Gauss's reduction of the two shortest vectors."""
    for _ in range(_ROUNDS):
        n = np.round((vectors[0] * vectors[1]).sum() / (vectors[0] ** 2).sum())
        vectors[1] -= n * vectors[0]
        steps[1] -= np.int64(n) * steps[0]
        if (vectors[1] ** 2).sum() >= (vectors[0] ** 2).sum() * _SHORTER:
            return
        for k in range(3):
            vectors[0, k], vectors[1, k] = vectors[1, k], vectors[0, k]
            steps[0, k], steps[1, k] = steps[1, k], steps[0, k]


@numba.njit(cache=True, nogil=True)
def _shorten_third(vectors: np.ndarray, steps: np.ndarray) -> bool:
    """Take the lattice vector of the first two that is nearest to the third from it; whether that shortened it."""
    aa, bb = (vectors[0] ** 2).sum(), (vectors[1] ** 2).sum()
    ab = (vectors[0] * vectors[1]).sum()
    ac, bc = (vectors[0] * vectors[2]).sum(), (vectors[1] * vectors[2]).sum()
    area = aa * bb - ab * ab
    first, second = np.floor((ac * bb - bc * ab) / area), np.floor((bc * aa - ac * ab) / area)
    least, na, nb = (vectors[2] ** 2).sum() * _SHORTER, 0.0, 0.0
    for i in range(-1, 3):
        for j in range(-1, 3):
            length = ((vectors[2] - (first + i) * vectors[0] - (second + j) * vectors[1]) ** 2).sum()
            if length < least:
                least, na, nb = length, first + i, second + j
    vectors[2] -= na * vectors[0] + nb * vectors[1]
    steps[2] -= np.int64(na) * steps[0] + np.int64(nb) * steps[1]
    return na != 0.0 or nb != 0.0


@numba.njit(cache=True, nogil=True)
def reduced(lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minkowski's reduction of a lattice.

    Parameters
    ----------
    lattice : array (3, 3)
        Lattice vectors as rows.

    Returns
    -------
    tuple of array (3, 3) float and array (3, 3) int
        Shortest vectors, right-handed, and the whole numbers M with ``reduced = M @ lattice``.
    """
    vectors, steps = lattice.copy(), np.eye(3).astype(np.int64)
    for _ in range(_ROUNDS):
        _sort(vectors, steps)
        _shorten_second(vectors, steps)
        if not _shorten_third(vectors, steps):
            break
    _sort(vectors, steps)
    if np.linalg.det(vectors) < 0:
        vectors, steps = -vectors, -steps
    return vectors, steps


@numba.njit(cache=True, nogil=True)
def compact(lattice: np.ndarray, fractional: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lattice and positions (site, 3) of the same crystal along reduced vectors, positions in [0, 1)."""
    vectors, _ = reduced(lattice)
    positions = (fractional @ lattice) @ np.linalg.inv(vectors)
    return vectors, positions - np.floor(positions)


@numba.njit(cache=True, nogil=True)
def reach(lattice: np.ndarray, cutoff_A: float) -> np.ndarray:
    """Images (3,) to search along each vector for positions that are within half a cell of each other."""
    inverse = np.linalg.inv(lattice)
    images = np.empty(3, np.int64)
    for k in range(3):
        images[k] = int(np.floor(cutoff_A * np.sqrt((inverse[:, k] ** 2).sum()) + 0.5))
    return images


def standard(lattice: np.ndarray) -> np.ndarray:
    """Return the lattice turned so that a lies along x and b in the plane of x and y; right-handed."""
    q, r = np.linalg.qr(lattice.T)
    turned = (r * np.sign(np.diag(r))[:, None]).T
    return turned if np.linalg.det(lattice) > 0 else turned * np.array([1.0, 1.0, -1.0])
