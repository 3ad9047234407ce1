"""Transmutation: atoms become atoms of the other element; the volume follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Change one or more atoms, small changes of the composition most often; None if no other one is allowed."""
    (parent,) = parents
    kinds = settings.kinds(parent.numbers)
    minority, atoms = int((kinds == 0).sum()), len(kinds)
    others = [k for k in range(atoms + 1) if k != minority and settings.compositions.allows(k, atoms - k)]
    if not others:
        return None
    change = np.abs(np.array(others) - minority)
    weights = 0.5 ** (change - change.min())
    target = others[int(rng.choice(len(others), p=weights / weights.sum()))]
    from_kind = 0 if target < minority else 1
    kinds = kinds.copy()
    kinds[rng.choice(np.flatnonzero(kinds == from_kind), abs(target - minority), replace=False)] = 1 - from_kind
    changed = Crystal(settings.numbers[kinds], parent.lattice_A, parent.fractional)
    return shaped(changed, settings, volume_ratio(parent, settings))
