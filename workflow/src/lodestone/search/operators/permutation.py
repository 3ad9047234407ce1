"""Permutation: atoms of unlike elements change places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Exchange one pair half of all times, two a quarter, and so on; None for a crystal of one element."""
    (parent,) = parents
    kinds = settings.kinds(parent.numbers)
    minority, majority = np.flatnonzero(kinds == 0), np.flatnonzero(kinds == 1)
    most = min(len(minority), len(majority))
    if most == 0:
        return None
    count = min(most, int(rng.geometric(0.5)))
    kinds = kinds.copy()
    kinds[rng.choice(minority, count, replace=False)] = 1
    kinds[rng.choice(majority, count, replace=False)] = 0
    changed = Crystal(settings.numbers[kinds], parent.lattice_A, parent.fractional)
    return shaped(changed, settings, volume_ratio(parent, settings))
