"""How well atoms are bonded, by the lengths of their bonds alone: cheap stand-ins for a model.

A bond of length r between atoms whose covalent radii add up to r0 counts exp((r0 - r) / 0.37 A), the bond valence of
Brown and Altermatt, Acta Cryst. B 41, 244; its second derivative is the spring of the soft modes.
"""

from __future__ import annotations

import numba
import numpy as np
from ase.data import chemical_symbols

from lodestone.search.candidate import Crystal
from lodestone.search.contacts import pairs
from lodestone.search.lattices import compact, reach
from lodestone.structures.distances import radius_A

SOFTNESS_A = 0.37
_REACH = 1.7
_GRID_A = 0.6
# The nearest atom of any place in a metal is nearer than this.
_NEAREST_A = 4.5


def radii_A(numbers: np.ndarray) -> np.ndarray:
    """Covalent radius of each atom (site,), angstrom."""
    kinds, which = np.unique(numbers, return_inverse=True)
    return np.array([radius_A(chemical_symbols[int(z)]) for z in kinds])[which]


def _bonds(crystal: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """First and second atom, vector and strength of every bond."""
    radii = radii_A(crystal.numbers)
    first, second, vectors = pairs(
        np.ascontiguousarray(crystal.lattice_A), np.ascontiguousarray(crystal.fractional), 2 * _REACH * radii.max()
    )
    length = np.linalg.norm(vectors, axis=1)
    strength = np.exp(np.clip((radii[first] + radii[second] - length) / SOFTNESS_A, -20, 5))
    return first, second, vectors, strength


def valences(crystal: Crystal) -> np.ndarray:
    """Sum of the strengths of the bonds of each atom (site,)."""
    first, second, _, strength = _bonds(crystal)
    size = len(crystal)
    return np.bincount(first, strength, size) + np.bincount(second, strength, size)


def soft_modes(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """Vibrations of the crystal as balls and springs, softest first, without translations.

    Returns
    -------
    tuple of array (mode,) and array (mode, site, 3)
        Eigenvalues, and displacements of unit norm.
    """
    first, second, vectors, strength = _bonds(crystal)
    size = len(crystal)
    unit = vectors / np.linalg.norm(vectors, axis=1)[:, None]
    springs = strength[:, None, None] * unit[:, :, None] * unit[:, None, :]
    hessian = np.zeros((size, size, 3, 3))
    # An atom and its own images move together: such a bond adds and takes away the same.
    np.add.at(hessian, (first, first), springs)
    np.add.at(hessian, (second, second), springs)
    np.subtract.at(hessian, (first, second), springs)
    np.subtract.at(hessian, (second, first), springs)
    matrix = hessian.transpose(0, 2, 1, 3).reshape(3 * size, 3 * size)
    # Translations become the stiffest of all, so that they are the last three.
    shift = np.kron(np.full((size, size), 1 / size), np.eye(3)) * (np.trace(matrix) + 1.0)
    values, modes = np.linalg.eigh(matrix + shift)
    kept = max(0, 3 * size - 3)
    return values[:kept], modes.T[:kept].reshape(kept, size, 3)


@numba.njit(cache=True, nogil=True)
def _clearance(lattice: np.ndarray, fractional: np.ndarray, radii: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance of each point to the surface of the nearest atom, angstrom."""
    cell, positions = compact(lattice, fractional)
    images = reach(cell, _NEAREST_A)
    inverse = np.linalg.inv(cell)
    places = (points @ lattice) @ inverse
    room = np.empty(len(points))
    for p in range(len(points)):
        least = 1e9
        for i in range(len(positions)):
            shift = places[p] - positions[i]
            shift -= np.round(shift)
            nearest = 1e18
            for a in range(-images[0], images[0] + 1):
                for b in range(-images[1], images[1] + 1):
                    for c in range(-images[2], images[2] + 1):
                        squared = 0.0
                        for k in range(3):
                            x = (shift[0] + a) * cell[0, k] + (shift[1] + b) * cell[1, k] + (shift[2] + c) * cell[2, k]
                            squared += x * x
                        nearest = min(nearest, squared)
            least = min(least, np.sqrt(nearest) - radii[i])
        room[p] = least
    return room


def voids(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """Places of a grid over the cell with their distance to the nearest atom, roomiest first.

    Returns
    -------
    tuple of array (point, 3) and array (point,)
        Fractional coordinates, and distances to the surfaces of atoms with covalent radii, angstrom.
    """
    lengths = np.linalg.norm(crystal.lattice_A, axis=1)
    axes = [np.arange(n) / n for n in np.maximum(2, np.ceil(lengths / _GRID_A)).astype(int)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    room = _clearance(
        np.ascontiguousarray(crystal.lattice_A),
        np.ascontiguousarray(crystal.fractional),
        radii_A(crystal.numbers),
        points,
    )
    order = np.argsort(-room, kind="stable")
    return points[order], room[order]
