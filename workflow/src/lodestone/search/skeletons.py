"""Sites of known crystals, whatever atoms sit there: topologies for new crystals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.search.candidate import Crystal
from lodestone.search.lattices import reduced
from lodestone.search.settings import SearchSettings
from lodestone.structures import snapshot

_SYMPREC_A = 0.05
# A skeleton of an element whose cell is repeated too often is that element with defects at random.
_MOST_COPIES = 32
_TRIES = 12


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Primitive cell of a crystal without its atoms."""

    lattice_A: np.ndarray
    fractional: np.ndarray

    def __len__(self) -> int:
        """Return the number of sites."""
        return len(self.fractional)


@lru_cache(maxsize=4)
def library(path: str | Path = snapshot.SNAPSHOT, exclude: Sequence[str] = ()) -> dict[int, tuple[Skeleton, ...]]:
    """Skeletons of a snapshot by their number of sites, without those of the chemical systems excluded.

    Parameters
    ----------
    path : str or Path
        Snapshot of crystals.
    exclude : tuple of str
        Systems such as ``Nd-Fe``; their elements and all compounds among them are left out.
    """
    refused = snapshot.of_systems(exclude)
    known = snapshot.read(path, Provenance.of("snapshot", 0, {}), lambda record: not refused(record))
    found: dict[int, list[Skeleton]] = {}
    for row in range(len(known)):
        skeleton = _skeleton(known, row)
        found.setdefault(len(skeleton), []).append(skeleton)
    return {sites: tuple(group) for sites, group in sorted(found.items())}


def _skeleton(known: StructureSet, row: int) -> Skeleton:
    """One crystal of the snapshot, whose cells are primitive."""
    rows = known.sites(row)
    return Skeleton(known.lattice_A[row], known.fractional[rows])


def draw(rng: np.random.Generator, counts: tuple[int, int], settings: SearchSettings) -> Crystal | None:
    """Put atoms on the sites of a random skeleton, or of its repeated cell.

    Parameters
    ----------
    rng : numpy Generator
        Random numbers.
    counts : (int, int)
        Minority and majority atoms.
    settings : SearchSettings
        Elements, and systems that are no skeletons.

    Returns
    -------
    Crystal or None
        With the volume of the skeleton; None if no skeleton fits.
    """
    atoms = sum(counts)
    by_size = library(exclude=settings.seeds.exclude_systems)
    sizes = [n for n in by_size if atoms % n == 0 and atoms // n <= _MOST_COPIES]
    if not sizes:
        return None
    weights = np.array([np.sqrt(len(by_size[n])) for n in sizes])
    size = sizes[int(rng.choice(len(sizes), p=weights / weights.sum()))]
    skeleton = by_size[size][int(rng.integers(len(by_size[size])))]
    lattice, fractional = repeated(rng, skeleton.lattice_A, skeleton.fractional, atoms // size)
    minority = _decorate(rng, lattice, fractional, counts[0])
    numbers = np.where(minority, settings.numbers[0], settings.numbers[1])
    return Crystal(numbers, lattice, fractional)


def repeated(
    rng: np.random.Generator, lattice: np.ndarray, fractional: np.ndarray, copies: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a random supercell of so many cells; compact ones are preferred.

    The shape is a random Hermite normal form, the shortest of a few by its longest reduced vector.
    """
    if copies == 1:
        return lattice, fractional
    best, longest = None, np.inf
    for _ in range(_TRIES):
        shape = hermite(rng, copies)
        vectors, _ = reduced(np.ascontiguousarray(shape @ lattice))
        length = np.linalg.norm(vectors, axis=1).max() * rng.uniform(1.0, 1.3)
        if length < longest:
            best, longest = shape, length
    assert best is not None
    offsets = np.array([(i, j, k) for i in range(best[0, 0]) for j in range(best[1, 1]) for k in range(best[2, 2])])
    sites = (fractional[:, None] + offsets[None]).reshape(-1, 3)
    return best @ lattice, sites @ np.linalg.inv(best)


def hermite(rng: np.random.Generator, determinant: int) -> np.ndarray:
    """Random lower triangular whole matrix (3, 3) of this determinant, a supercell by its rows."""
    divisors = [n for n in range(1, determinant + 1) if determinant % n == 0]
    a = int(rng.choice(divisors))
    b = int(rng.choice([n for n in divisors if (determinant // a) % n == 0]))
    c = determinant // (a * b)
    return np.array([[a, 0, 0], [rng.integers(a), b, 0], [rng.integers(a), rng.integers(b), c]])


def _decorate(rng: np.random.Generator, lattice: np.ndarray, fractional: np.ndarray, minority: int) -> np.ndarray:
    """Sites (site,) of the minority element: whole orbits of equivalent sites as far as they fit, then single ones."""
    chosen = np.zeros(len(fractional), bool)
    left = minority
    for orbit in _orbits(rng, lattice, fractional):
        if len(orbit) <= left:
            chosen[orbit] = True
            left -= len(orbit)
    if left:
        chosen[rng.choice(np.flatnonzero(~chosen), left, replace=False)] = True
    return chosen


def _orbits(rng: np.random.Generator, lattice: np.ndarray, fractional: np.ndarray) -> list[np.ndarray]:
    """Equivalent sites of the bare skeleton, in random order; single sites half of the time."""
    if rng.random() < 0.5:
        return []
    from lodestone.search.symmetric import symmetry_of

    found = symmetry_of(lattice, fractional, np.ones(len(fractional), int), _SYMPREC_A)
    if found is None:
        return []
    same = np.asarray(found.equivalent_atoms)
    return [np.flatnonzero(same == first) for first in rng.permutation(np.unique(same))]
