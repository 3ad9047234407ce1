"""Crystals on their way through the search: bare ones, and candidates with their ancestry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.candidates import ORIGINS, STRIDE, Candidates, name_of, pack_candidates


@dataclass(frozen=True, eq=False)
class Crystal:
    """Atomic numbers (site,), lattice vectors (3, 3) as rows in angstrom, positions (site, 3) along them."""

    numbers: np.ndarray
    lattice_A: np.ndarray
    fractional: np.ndarray

    @property
    def volume_A3(self) -> float:
        """Volume of the cell."""
        return abs(float(np.linalg.det(self.lattice_A)))

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.numbers)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A crystal before its relaxation.

    Attributes
    ----------
    id : int
        ``generation * STRIDE + index``: unique, and the same however the work is shared out.
    crystal : Crystal
        Its geometry.
    operator : str
        What made it, of `ORIGINS`.
    parents : tuple of int
        Ids of the crystals that it was made from, two at most.
    """

    id: int
    crystal: Crystal
    operator: str
    parents: tuple[int, ...] = ()

    @property
    def generation(self) -> int:
        """Generation in which it was born."""
        return self.id // STRIDE

    @property
    def index(self) -> int:
        """Number within its generation."""
        return self.id % STRIDE

    @property
    def name(self) -> str:
        """Name that can name a folder."""
        return name_of(self.id)


def id_of(generation: int, index: int) -> int:
    """Id of a candidate."""
    return generation * STRIDE + index


def pack(candidates: Sequence[Candidate], provenance: Provenance) -> Candidates:
    """Return candidates as an artifact."""
    return pack_candidates(
        ids=[candidate.id for candidate in candidates],
        parents=[candidate.parents for candidate in candidates],
        operators=[candidate.operator for candidate in candidates],
        lattices=[candidate.crystal.lattice_A for candidate in candidates],
        atomic_numbers=[candidate.crystal.numbers for candidate in candidates],
        fractional=[candidate.crystal.fractional for candidate in candidates],
        provenance=provenance,
    )


def unpack(candidates: Candidates) -> list[Candidate]:
    """Candidates of an artifact."""
    return [
        Candidate(
            int(candidates.id[row]),
            crystal_of(candidates, row),
            ORIGINS[int(candidates.operator[row])],
            tuple(int(parent) for parent in candidates.parent[row] if parent >= 0),
        )
        for row in range(len(candidates))
    ]


def crystal_of(candidates: Candidates, row: int) -> Crystal:
    """Geometry of one row of an artifact."""
    sites = candidates.sites(row)
    return Crystal(
        candidates.atomic_number[sites].astype(np.int64),
        candidates.lattice_A[row].copy(),
        candidates.fractional[sites].copy(),
    )
