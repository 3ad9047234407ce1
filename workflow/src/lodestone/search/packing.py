"""Crystals as packings of atoms with the sizes that they have in their elements: a model that costs nothing.

Atoms repel and attract each other as the eighth and fourth power of their distance, softer than those of Lennard and
Jones. The best distance is that of a close packing with the element's volume; unlike atoms attract somewhat more. The
model knows no chemistry, but metals like to be packed well: among many trials those of low packing energy are good more
often, and from their relaxed form the real model has fewer steps to go.
"""

from __future__ import annotations

import numba
import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.contacts import pairs
from lodestone.search.lattices import compact
from lodestone.search.settings import SearchSettings

STEPS = 80
# Depth of unlike pairs over that of like ones.
_MIXING = 1.2
_REACH = 1.8
# Below this part of the best distance the wall is a straight slope, so that no force is absurd.
_INNER = 0.7
# Energy per atom of equal atoms in a close packing, in units of the depth; for mixtures, times the mean depth.
_CLOSE_PACKING = -3.441
_DT, _DT_MAX, _LONGEST_A = 0.15, 0.6, 0.3
# Neighbours are looked up again after so many steps, among all that can come into reach until then.
_LOOK_UP, _SKIN_A = 6, 0.9


@numba.njit(cache=True, nogil=True)
def _neighbours(
    cell: np.ndarray, positions: np.ndarray, kinds: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs within reach (pair,), with the whole numbers of lattice vectors (pair, 3) to the second atom's image."""
    first, second, vectors = pairs(cell, positions, _REACH * sizes.max() + _SKIN_A)
    kept = np.empty(len(first), np.bool_)
    for p in range(len(first)):
        reach = _REACH * sizes[kinds[first[p]], kinds[second[p]]] + _SKIN_A
        kept[p] = (vectors[p] ** 2).sum() < reach * reach
    first, second, vectors = first[kept], second[kept], vectors[kept]
    images = vectors @ np.linalg.inv(cell)
    for p in range(len(first)):
        images[p] -= positions[second[p]] - positions[first[p]]
    return first, second, np.round(images)


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _forces(
    cell: np.ndarray,
    positions: np.ndarray,
    kinds: np.ndarray,
    sizes: np.ndarray,
    depths: np.ndarray,
    near: tuple[np.ndarray, np.ndarray, np.ndarray],
    force: np.ndarray,
) -> float:
    """Energy of the packing; writes forces on atoms, and the virial over their number, to `force` (site + 3, 3)."""
    first, second, images = near
    sites, energy = len(kinds), 0.0
    force[:] = 0.0
    vector = np.empty(3)
    for p in range(len(first)):
        i, j = first[p], second[p]
        size, depth = sizes[kinds[i], kinds[j]], depths[kinds[i], kinds[j]]
        squared = 0.0
        for k in range(3):
            vector[k] = 0.0
            for m in range(3):
                vector[k] += (positions[j, m] - positions[i, m] + images[p, m]) * cell[m, k]
            squared += vector[k] * vector[k]
        if squared >= (_REACH * size) ** 2:
            continue
        length = np.sqrt(squared)
        inner = max(length, _INNER * size)
        ratio, end = (size / inner) ** 4, (1.0 / _REACH) ** 4
        slope = -8 * depth * (ratio * ratio - ratio) / inner
        last = -8 * depth * (end * end - end) / (_REACH * size)
        energy += depth * (ratio * ratio - 2 * ratio - end * end + 2 * end)
        energy += slope * (length - inner) - last * (length - _REACH * size)
        pull = (slope - last) / max(length, 1e-12)
        for k in range(3):
            force[i, k] += pull * vector[k]
            force[j, k] -= pull * vector[k]
            for m in range(3):
                force[sites + k, m] -= pull * vector[k] * vector[m] / sites
    return energy


@numba.njit(cache=True, nogil=True)
def _settle(
    lattice: np.ndarray, fractional: np.ndarray, kinds: np.ndarray, sizes: np.ndarray, depths: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Relax cell and positions by FIRE; every step treats atoms and cell as one vector, so that symmetry stays."""
    cell, positions = compact(lattice, fractional)
    sites = len(positions)
    velocity, force = np.zeros((sites + 3, 3)), np.zeros((sites + 3, 3))
    dt, mixing, downhill, energy = _DT, 0.1, 0, 0.0
    for number in range(steps):
        if number % _LOOK_UP == 0:
            cell, positions = compact(cell, positions)
            near = _neighbours(cell, positions, kinds, sizes)
        energy = _forces(cell, positions, kinds, sizes, depths, near, force)
        if (force * velocity).sum() > 0:
            speed, strength = np.sqrt((velocity**2).sum()), np.sqrt((force**2).sum())
            velocity = (1 - mixing) * velocity + mixing * speed / max(strength, 1e-300) * force
            downhill += 1
            if downhill > 5:
                dt, mixing = min(1.1 * dt, _DT_MAX), 0.99 * mixing
        else:
            velocity[:] = 0.0
            dt, mixing, downhill = max(0.5 * dt, 1e-3), 0.1, 0
        velocity += dt * force
        step = dt * velocity
        longest = np.sqrt(max(1e-300, (step**2).sum(axis=1).max()))
        step *= min(1.0, _LONGEST_A / longest)
        positions = positions + step[:sites] @ np.linalg.inv(cell)
        strain = step[sites:] / sites
        cell = cell @ (np.eye(3) + 0.5 * (strain + strain.T))
    return cell, positions, energy


def settled(crystal: Crystal, settings: SearchSettings, steps: int = STEPS) -> tuple[Crystal, float]:
    """Relax a crystal as a packing.

    Parameters
    ----------
    crystal : Crystal
        Atoms that do not overlap.
    settings : SearchSettings
        Elements and their volumes.
    steps : int
        Steps of the relaxation.

    Returns
    -------
    (Crystal, float)
        The packing, and its energy per atom less that of a close packing with the same mixture of neighbours, in units
        of the depth of a bond: comparable between compositions.
    """
    kinds = settings.kinds(crystal.numbers)
    edges = (np.sqrt(2) * np.asarray(settings.volumes_A3)) ** (1 / 3)
    sizes = (edges[:, None] + edges[None]) / 2
    depths = np.array([[1.0, _MIXING], [_MIXING, 1.0]])
    lattice, sites = np.ascontiguousarray(crystal.lattice_A), np.ascontiguousarray(crystal.fractional)
    cell, positions, energy = _settle(lattice, sites, kinds, sizes, depths, steps)
    share = np.bincount(kinds, minlength=2) / len(kinds)
    ideal = _CLOSE_PACKING * float(share @ depths @ share)
    return Crystal(crystal.numbers, cell, positions), energy / len(kinds) - ideal
