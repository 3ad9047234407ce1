"""Fingerprints of crystals that do not change with cell, origin, orientation, order of atoms or volume.

The radial distribution by pair of elements of Oganov and Valle (J. Chem. Phys. 130, 104504), lengths in units of the
cube root of the volume per atom; two crystals of one composition are compared by the cosine of their fingerprints.
"""

from __future__ import annotations

import numba
import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.lattices import compact, reach

CUTOFF, BIN, WIDTH = 3.6, 0.06, 0.05
BINS = int(round(CUTOFF / BIN))
FEATURES = 3 * BINS
_TAIL = 3


@numba.njit(cache=True, nogil=True)
def _distribution(lattice: np.ndarray, fractional: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Smeared numbers of neighbours (pair of kinds, bin) over those of a uniform fluid, less 1, faded to the cutoff."""
    scale = (abs(np.linalg.det(lattice)) / len(fractional)) ** (1 / 3)
    cell, positions = compact(lattice / scale, fractional)
    images = reach(cell, CUTOFF + _TAIL * WIDTH)
    counts = np.zeros(2)
    for kind in kinds:
        counts[kind] += 1
    found = np.zeros((3, BINS))
    for i in range(len(positions)):
        for j in range(len(positions)):
            shift = positions[j] - positions[i]
            shift -= np.round(shift)
            pair = kinds[i] + kinds[j]
            for a in range(-images[0], images[0] + 1):
                for b in range(-images[1], images[1] + 1):
                    for c in range(-images[2], images[2] + 1):
                        squared = 0.0
                        for k in range(3):
                            x = (shift[0] + a) * cell[0, k] + (shift[1] + b) * cell[1, k] + (shift[2] + c) * cell[2, k]
                            squared += x * x
                        length = np.sqrt(squared)
                        if length < 1e-9 or length > CUTOFF + _TAIL * WIDTH:
                            continue
                        first = max(0, int((length - _TAIL * WIDTH) / BIN))
                        last = min(BINS - 1, int((length + _TAIL * WIDTH) / BIN))
                        for n in range(first, last + 1):
                            centre = (n + 0.5) * BIN
                            found[pair, n] += np.exp(-0.5 * ((centre - length) / WIDTH) ** 2) / centre**2
    total = counts.sum()
    for pair in range(3):
        # Neighbours of a uniform fluid: N_A N_B / V, both ways round for unlike pairs; V is the number of atoms.
        pairs = counts[0] ** 2 if pair == 0 else (2 * counts[0] * counts[1] if pair == 1 else counts[1] ** 2)
        for n in range(BINS):
            fade = 0.5 * (1 + np.cos(np.pi * (n + 0.5) / BINS))
            if pairs > 0:
                uniform = 4 * np.pi * pairs / total * np.sqrt(2 * np.pi) * WIDTH
                found[pair, n] = (found[pair, n] / uniform - 1) * fade
    return found


def fingerprint(crystal: Crystal, kinds: np.ndarray) -> np.ndarray:
    """Fingerprint of a crystal.

    Parameters
    ----------
    crystal : Crystal
        Any cell of it.
    kinds : array (site,)
        0 for minority atoms, 1 for majority atoms.

    Returns
    -------
    array (feature,) float32
        Of unit length; the distance of two is ``(1 - a @ b) / 2``.
    """
    found = _distribution(
        np.ascontiguousarray(crystal.lattice_A, dtype=float),
        np.ascontiguousarray(crystal.fractional, dtype=float),
        np.asarray(kinds, np.int64),
    )
    share = np.bincount(kinds, minlength=2) / len(kinds)
    # Square roots: weights that are products of shares would hardly see where a rare atom sits.
    weights = np.sqrt([share[0] ** 2, 2 * share[0] * share[1], share[1] ** 2])
    vector = (found * np.sqrt(weights / weights.sum())[:, None]).ravel()
    return (vector / max(np.linalg.norm(vector), 1e-300)).astype(np.float32)


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine distances (a, b), 0 to 1, between fingerprints (a, feature) and (b, feature)."""
    return (1 - np.atleast_2d(first).astype(float) @ np.atleast_2d(second).astype(float).T) / 2
