"""Distances between the atoms of a crystal, and atoms that are too close pushed apart; compiled."""

from __future__ import annotations

import numba
import numpy as np

from lodestone.search.lattices import compact, reach

# Strain of the cell in one step of `push_apart`.
_LARGEST_STRAIN = 0.03
# Atoms on top of one another have no direction in which to part.
_COINCIDENT_A = 1e-6


@numba.njit(cache=True, nogil=True)
def closest_ratio(lattice: np.ndarray, fractional: np.ndarray, kinds: np.ndarray, allowed_A: np.ndarray) -> float:
    """Smallest distance over the one that is allowed, over all pairs of atoms and images.

    Parameters
    ----------
    lattice : array (3, 3)
        Lattice vectors as rows, angstrom.
    fractional : array (site, 3)
        Positions along them.
    kinds : array (site,)
        Row of each atom in `allowed_A`.
    allowed_A : array (kind, kind)
        Smallest distance of two atoms by their kinds, angstrom.

    Returns
    -------
    float
        1 or more where all distances are allowed; at most 2.
    """
    cell, positions = compact(lattice, fractional)
    images = reach(cell, 2 * allowed_A.max())
    least = 4.0
    for i in range(len(positions)):
        for j in range(i, len(positions)):
            shift = positions[j] - positions[i]
            shift -= np.round(shift)
            limit = allowed_A[kinds[i], kinds[j]] ** 2
            for a in range(-images[0], images[0] + 1):
                for b in range(-images[1], images[1] + 1):
                    for c in range(-images[2], images[2] + 1):
                        if i == j and a == 0 and b == 0 and c == 0:
                            continue
                        squared = 0.0
                        for k in range(3):
                            x = (shift[0] + a) * cell[0, k] + (shift[1] + b) * cell[1, k] + (shift[2] + c) * cell[2, k]
                            squared += x * x
                        least = min(least, squared / limit)
    return np.sqrt(least)


@numba.njit(cache=True, nogil=True)
def pairs(lattice: np.ndarray, fractional: np.ndarray, cutoff_A: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of atoms within a cutoff, each once; an atom and its own images too.

    Returns
    -------
    tuple of arrays
        First atom (pair,), second atom (pair,), vector from the first to the second (pair, 3), angstrom.
    """
    cell, positions = compact(lattice, fractional)
    images = reach(cell, cutoff_A)
    room = 64 * len(positions)
    first, second = np.empty(room, np.int64), np.empty(room, np.int64)
    vectors = np.empty((room, 3))
    count = 0
    for i in range(len(positions)):
        for j in range(i, len(positions)):
            shift = positions[j] - positions[i]
            shift -= np.round(shift)
            for a in range(-images[0], images[0] + 1):
                for b in range(-images[1], images[1] + 1):
                    for c in range(-images[2], images[2] + 1):
                        # Of an atom and its images, one of each two opposite ones.
                        if i == j and (a < 0 or (a == 0 and (b < 0 or (b == 0 and c <= 0)))):
                            continue
                        x = (shift[0] + a) * cell[0, 0] + (shift[1] + b) * cell[1, 0] + (shift[2] + c) * cell[2, 0]
                        y = (shift[0] + a) * cell[0, 1] + (shift[1] + b) * cell[1, 1] + (shift[2] + c) * cell[2, 1]
                        z = (shift[0] + a) * cell[0, 2] + (shift[1] + b) * cell[1, 2] + (shift[2] + c) * cell[2, 2]
                        if x * x + y * y + z * z > cutoff_A * cutoff_A:
                            continue
                        if count == room:
                            first = np.concatenate((first, np.empty(room, np.int64)))
                            second = np.concatenate((second, np.empty(room, np.int64)))
                            vectors = np.concatenate((vectors, np.empty((room, 3))))
                            room *= 2
                        first[count], second[count] = i, j
                        vectors[count, 0], vectors[count, 1], vectors[count, 2] = x, y, z
                        count += 1
    return first[:count].copy(), second[:count].copy(), vectors[:count].copy()


@numba.njit(cache=True, nogil=True)
def push_apart(
    lattice: np.ndarray, fractional: np.ndarray, kinds: np.ndarray, wanted_A: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move atoms that are closer than wanted apart, as hard spheres; the cell shears with them, its volume stays.

    Each atom moves by the mean of what its overlaps ask for, the cell by their mean virial: a symmetric crystal
    stays symmetric.

    Parameters
    ----------
    lattice, fractional, kinds
        As `closest_ratio` takes them.
    wanted_A : array (kind, kind)
        Distance below which two atoms repel each other, angstrom.
    steps : int
        Largest number of steps; fewer are made where no atoms overlap.

    Returns
    -------
    tuple of array (3, 3) and array (site, 3)
        Reduced lattice and positions along it.
    """
    cell, positions = compact(lattice, fractional)
    sites = len(positions)
    volume = abs(np.linalg.det(cell))
    for _ in range(steps):
        first, second, vectors = pairs(cell, positions, wanted_A.max())
        moves, strain, contacts = np.zeros((sites, 3)), np.zeros((3, 3)), np.zeros(sites)
        total = 0
        for p in range(len(first)):
            i, j = first[p], second[p]
            length = np.sqrt((vectors[p] ** 2).sum())
            overlap = wanted_A[kinds[i], kinds[j]] - length
            if overlap <= 0 or length < _COINCIDENT_A:
                continue
            total += 1
            for k in range(3):
                along = 0.5 * overlap * vectors[p, k] / length
                moves[i, k] -= along
                moves[j, k] += along
                for m in range(3):
                    strain[k, m] += overlap * vectors[p, k] * vectors[p, m] / length**3
            contacts[i] += 1
            contacts[j] += 1
        if total == 0:
            break
        for i in range(sites):
            # The mean of many contacts would hardly move an atom that sits in a corner.
            moves[i] /= max(1.0, np.sqrt(contacts[i]))
        strain = strain / total * 0.5
        strain -= np.eye(3) * (strain[0, 0] + strain[1, 1] + strain[2, 2]) / 3
        strain *= min(1.0, _LARGEST_STRAIN / max(np.abs(strain).max(), 1e-300))
        positions = positions + moves @ np.linalg.inv(cell)
        cell = cell @ (np.eye(3) + strain)
        cell *= (volume / abs(np.linalg.det(cell))) ** (1 / 3)
        cell, positions = compact(cell, positions)
    return cell, positions
