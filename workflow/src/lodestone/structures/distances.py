"""Distances between atoms of a crystal, by pair of elements, periodic images included."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase.data import chemical_symbols, covalent_radii

Pair = tuple[str, str]

# Covalent radii by Cordero et al., Dalton Trans. 2008, 2832 (angstrom); ase.data has 0.2 where there is none.
_UNKNOWN_RADIUS_A = 0.2
_FALLBACK_RADIUS_A = 1.5
# Beyond so many images in a direction the cell is worth reducing first.
_MANY_IMAGES = 2
# No two nuclei of matter are nearer: a shorter lattice vector is an overlap, and its images need no search.
_TOUCHING_A = 0.3
# A table of all pairs is the quicker way for fewer sites, and fills the memory for many thousands.
_MANY_SITES = 400
_CENTRES_AT_ONCE = 1000
# A stretched crystal is to pass the check that it was stretched for.
_ROUNDING = 1 + 1e-9


@dataclass(frozen=True)
class DistanceRule:
    """Smallest distance that two atoms may have.

    Attributes
    ----------
    ratio : float
        Part of the sum of the covalent radii.
    minimum_A : mapping of (str, str) to float
        Distances of single pairs of elements, such as ``{("Fe", "Fe"): 2.0}``, in place of that; symbols in
        alphabetical order.
    """

    ratio: float = 0.6
    minimum_A: Mapping[Pair, float] = field(default_factory=dict)

    def allowed_A(self, first: str, second: str) -> float:
        """Smallest distance between these two elements, angstrom."""
        pair = pair_of(first, second)
        if pair in self.minimum_A:
            return self.minimum_A[pair]
        return self.ratio * (radius_A(first) + radius_A(second))

    def broken(self, lattice_A: np.ndarray, fractional: np.ndarray, atomic_numbers: Sequence[int]) -> list[str]:
        """Say for every pair of elements that is too close what was found and what is allowed."""
        return [
            f"{'-'.join(pair)} {distance:.3f} angstrom apart, allowed are {allowed:.3f} or more"
            for pair, distance, allowed in self._pairs(lattice_A, fractional, atomic_numbers)
            if distance < allowed
        ]

    def stretch(self, lattice_A: np.ndarray, fractional: np.ndarray, atomic_numbers: Sequence[int]) -> float:
        """Factor of all lengths that moves all atoms far enough apart: 1 where they are, infinite if none does."""
        ratios = [
            allowed * _ROUNDING / distance if distance > 0 else np.inf
            for _, distance, allowed in self._pairs(lattice_A, fractional, atomic_numbers)
            if distance < allowed
        ]
        return float(max(ratios, default=1.0))

    def _pairs(
        self, lattice_A: np.ndarray, fractional: np.ndarray, atomic_numbers: Sequence[int]
    ) -> list[tuple[Pair, float, float]]:
        """Pairs of elements that may be too close, with the distance found and the one allowed."""
        symbols = [chemical_symbols[z] for z in np.unique(atomic_numbers)]
        allowed = {pair_of(a, b): self.allowed_A(a, b) for a, b in itertools.product(symbols, repeat=2)}
        found = closest_pairs(lattice_A, fractional, atomic_numbers, max(allowed.values()))
        return [(pair, distance, allowed[pair]) for pair, distance in sorted(found.items())]


def pair_of(first: str, second: str) -> Pair:
    """Two elements in alphabetical order."""
    return (first, second) if first <= second else (second, first)


def radius_A(symbol: str) -> float:
    """Covalent radius of an element, angstrom; 1.5 for the few without one."""
    z = chemical_symbols.index(symbol)
    radius = float(covalent_radii[z]) if z < len(covalent_radii) else _UNKNOWN_RADIUS_A
    return radius if radius > _UNKNOWN_RADIUS_A else _FALLBACK_RADIUS_A


def closest_pairs(
    lattice_A: np.ndarray, fractional: np.ndarray, atomic_numbers: Sequence[int], cutoff_A: float
) -> dict[Pair, float]:
    """Shortest distance of every pair of elements, as far as it is below a cutoff.

    Parameters
    ----------
    lattice_A : array (3, 3)
        Lattice vectors as rows, angstrom.
    fractional : array (site, 3)
        Positions along them.
    atomic_numbers : sequence (site,)
        Atomic numbers.
    cutoff_A : float
        Distances up to this are found, angstrom.

    Returns
    -------
    dict of (str, str) to float
        Distance by pair in alphabetical order; an atom and its own image count as a pair.
    """
    numbers = np.asarray(atomic_numbers)
    lattice, positions = _compact(np.asarray(lattice_A, float), np.asarray(fractional, float), cutoff_A)
    if len(numbers) > _MANY_SITES:
        return _closest_of_many(lattice, positions, numbers, cutoff_A)
    separation = _shortest(lattice, positions, cutoff_A)
    kinds = np.unique(numbers)
    found = {}
    for a, b in itertools.combinations_with_replacement(kinds, 2):
        distance = float(separation[np.ix_(numbers == a, numbers == b)].min())
        if distance <= cutoff_A:
            found[pair_of(chemical_symbols[a], chemical_symbols[b])] = distance
    return found


def _closest_of_many(
    lattice: np.ndarray, fractional: np.ndarray, numbers: np.ndarray, cutoff_A: float
) -> dict[Pair, float]:
    """Do the same for large cells, in time that grows with the number of sites and not with its square."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    kinds, kind = np.unique(numbers, return_inverse=True)
    shortest = np.full((len(kinds), len(kinds)), np.inf)
    cartesian = np.ascontiguousarray(fractional @ lattice)
    periodic, lattice = np.ones(3, dtype=np.int64), np.ascontiguousarray(lattice)
    for first in range(0, len(cartesian), _CENTRES_AT_ONCE):
        centres = cartesian[first : first + _CENTRES_AT_ONCE]
        i, j, image, distance = find_points_in_spheres(cartesian, centres, cutoff_A, periodic, lattice)
        other = (i + first != j) | image.any(axis=1)
        np.minimum.at(shortest, (kind[i + first][other], kind[j][other]), distance[other])
    symbols = [chemical_symbols[z] for z in kinds]
    return {
        pair_of(symbols[a], symbols[b]): float(shortest[a, b])
        for a, b in itertools.combinations_with_replacement(range(len(kinds)), 2)
        if shortest[a, b] <= cutoff_A
    }


def _reach(lattice: np.ndarray, cutoff_A: float) -> np.ndarray:
    """Images (3,) to search along each vector for positions that are within half a cell of each other."""
    heights = 1 / np.linalg.norm(np.linalg.inv(lattice), axis=0)
    return np.floor(cutoff_A / heights + 0.5).astype(int)


def _compact(lattice: np.ndarray, fractional: np.ndarray, cutoff_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the same crystal in a cell that is not skew, if the one given needs many images."""
    if _reach(lattice, cutoff_A).max() <= _MANY_IMAGES:
        return lattice, fractional
    from pymatgen.core import Lattice

    reduced = Lattice(lattice).get_lll_reduced_lattice().matrix
    return reduced, fractional @ lattice @ np.linalg.inv(reduced)


def _shortest(lattice: np.ndarray, fractional: np.ndarray, cutoff_A: float) -> np.ndarray:
    """Distance (site, site) to the nearest image, exact below the cutoff; the diagonal is the nearest own image."""
    sites = len(fractional)
    own = float(np.linalg.norm(lattice, axis=1).min())
    if own < _TOUCHING_A:
        return np.full((sites, sites), own)
    shift = fractional[:, None] - fractional[None]
    cartesian = (shift - np.round(shift)) @ lattice
    shortest = np.full((sites, sites), np.inf)
    for image in itertools.product(*(range(-n, n + 1) for n in _reach(lattice, cutoff_A))):
        squared = ((cartesian + np.array(image) @ lattice) ** 2).sum(axis=2)
        if not any(image):
            np.fill_diagonal(squared, np.inf)
        np.minimum(shortest, squared, out=shortest)
    return np.sqrt(shortest)
