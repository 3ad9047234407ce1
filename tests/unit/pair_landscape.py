"""A made-up binary alloy of Lennard-Jones atoms, with forces and stress, whose best crystals are known."""

from dataclasses import dataclass

import numba
import numpy as np

from lodestone.dft.relaxation import Evaluation
from lodestone.search.contacts import pairs


@numba.njit(cache=True)
def _sum_up(first, second, vectors, kinds, depth, size, cutoff):
    forces, virial, energy = np.zeros((len(kinds), 3)), np.zeros((3, 3)), 0.0
    for p in range(len(first)):
        i, j = first[p], second[p]
        a, b = kinds[i], kinds[j]
        length = np.sqrt((vectors[p] ** 2).sum())
        # Below 0.6 of the best distance the wall is a straight slope, so that no force is absurd.
        inner = max(length, 0.6 * size[a, b])
        ratio = (size[a, b] / inner) ** 6
        end = (size[a, b] / cutoff) ** 6
        value = depth[a, b] * (ratio * ratio - 2 * ratio)
        slope = -12 * depth[a, b] * (ratio * ratio - ratio) / inner
        last = depth[a, b] * (end * end - 2 * end)
        last_slope = -12 * depth[a, b] * (end * end - end) / cutoff
        energy += value + slope * (length - inner) - last - last_slope * (length - cutoff)
        pull = (slope - last_slope) / max(length, 1e-12)
        for k in range(3):
            forces[i, k] += pull * vectors[p, k]
            forces[j, k] -= pull * vectors[p, k]
            for m in range(3):
                virial[k, m] += pull * vectors[p, k] * vectors[p, m]
    return energy, forces, virial


@dataclass
class PairLandscape:
    """Depths (eV) and best distances (A) by pair of kinds; counts its evaluations."""

    minority: int
    depth: np.ndarray
    size_A: np.ndarray
    cutoff_A: float = 6.0
    calls: int = 0
    crystals: int = 0

    def one(self, geometry):
        lattice, fractional = np.ascontiguousarray(geometry.lattice_A), np.ascontiguousarray(geometry.fractional)
        kinds = (geometry.atomic_numbers != self.minority).astype(np.int64)
        volume = abs(np.linalg.det(lattice))
        if not np.isfinite(volume) or volume < 1.0 * len(kinds):
            return Evaluation(failure="collapsed")
        found = pairs(lattice, fractional, self.cutoff_A)
        energy, forces, virial = _sum_up(*found, kinds, self.depth, self.size_A, self.cutoff_A)
        return Evaluation(float(energy), forces, virial / volume, np.zeros(0))

    def __call__(self, geometries):
        self.calls += 1
        self.crystals += len(geometries)
        return [self.one(geometry) for geometry in geometries]


def ordered_alloy(minority=60):
    """Atoms of one size that like the other element: CsCl at 1:1."""
    return PairLandscape(minority, np.array([[0.2, 0.4], [0.4, 0.2]]), np.array([[3.0, 2.6], [2.6, 3.0]]))


def laves_alloy(minority=60):
    """Sizes as those of neodymium and iron: Laves phases at 1:2."""
    return PairLandscape(minority, np.array([[0.35, 0.4], [0.4, 0.35]]), np.array([[3.15, 2.9], [2.9, 2.5]]))
