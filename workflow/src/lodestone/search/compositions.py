"""Numbers of atoms that a cell may have: all whole ones between the bounds on size and share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np

# Bounds such as 0.05 stand for 1/20, which no float is.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Compositions:
    """Cells with `min_atoms` to `max_atoms` atoms and a bounded share of the minority element."""

    min_atoms: int
    max_atoms: int
    min_fraction: float
    max_fraction: float

    @cached_property
    def all(self) -> np.ndarray:
        """Minority and majority atoms of every allowed cell (composition, 2), small cells first."""
        rows = [
            (minority, atoms - minority)
            for atoms in range(self.min_atoms, self.max_atoms + 1)
            for minority in range(atoms + 1)
            if self.min_fraction * atoms <= minority + _ROUNDING and minority - _ROUNDING <= self.max_fraction * atoms
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def _set(self) -> frozenset[tuple[int, int]]:
        return frozenset((int(a), int(b)) for a, b in self.all)

    def allows(self, minority: int, majority: int) -> bool:
        """Whether a cell may have these atoms."""
        return (int(minority), int(majority)) in self._set

    @property
    def fixed(self) -> bool:
        """Whether there is only one."""
        return len(self.all) == 1

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """One at random: first the number of atoms, then the share, so that small cells are as frequent as large."""
        sizes = self.all.sum(axis=1)
        rows = np.flatnonzero(sizes == rng.choice(np.unique(sizes)))
        minority, majority = self.all[rng.choice(rows)]
        return int(minority), int(majority)

    def nearest(self, minority: int, majority: int) -> tuple[int, int]:
        """Return the one that needs the fewest atoms added, removed or changed; the smaller cell of two as near."""
        change = np.abs(self.all - np.array([minority, majority]))
        # An atom that changes its element counts once, not as one removed and one added.
        cost = np.maximum(change.max(axis=1), np.abs(self.all.sum(axis=1) - minority - majority))
        a, b = self.all[int(np.argmin(cost))]
        return int(a), int(b)


def formula_of(minority: int, majority: int) -> tuple[int, int]:
    """Smallest whole numbers in the same ratio: equal for a cell and its supercells."""
    divisor = max(1, gcd(int(minority), int(majority)))
    return int(minority) // divisor, int(majority) // divisor
