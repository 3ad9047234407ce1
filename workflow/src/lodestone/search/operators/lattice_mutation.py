"""Lattice mutation: the cell is strained, the atoms are displaced a little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1
_STRAIN = (0.05, 0.35)
_RATTLE_A = (0.0, 0.6)


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Strain by a symmetric matrix of normal numbers and rattle; small and large changes are as frequent."""
    (parent,) = parents
    strain = rng.normal(scale=rng.uniform(*_STRAIN), size=(3, 3))
    deformation = np.eye(3) + (strain + strain.T) / 2
    if np.linalg.det(deformation) < 0.1:
        return None
    lattice = parent.lattice_A @ deformation
    rattle = rng.normal(scale=rng.uniform(*_RATTLE_A), size=(len(parent), 3))
    sites = parent.fractional + rattle @ np.linalg.inv(lattice)
    return shaped(Crystal(parent.numbers, lattice, sites), settings, volume_ratio(parent, settings))
