"""Add atom: one more atom in one of the largest voids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.bonds import voids
from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1
# Voids with at least this share of the room of the largest are as good.
_ROOMY = 0.8


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Add an atom of an element that the composition allows; None if it allows neither."""
    (parent,) = parents
    kinds = settings.kinds(parent.numbers)
    counts = int((kinds == 0).sum()), int((kinds == 1).sum())
    allowed = [k for k in (0, 1) if settings.compositions.allows(counts[0] + (k == 0), counts[1] + (k == 1))]
    if not allowed:
        return None
    points, room = voids(parent)
    best = points[room >= max(room[0] * _ROOMY, 0.0) if room[0] > 0 else room >= room[0]]
    place = best[int(rng.integers(len(best)))]
    numbers = np.append(parent.numbers, settings.numbers[int(rng.choice(allowed))])
    grown = Crystal(numbers, parent.lattice_A, np.vstack([parent.fractional, place]))
    return shaped(grown, settings, volume_ratio(parent, settings))
