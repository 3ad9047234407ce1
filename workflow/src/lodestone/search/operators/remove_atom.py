"""Remove atom: one of the atoms that are bonded least like others of their element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.bonds import valences
from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Remove an atom of an element that the composition can spare; None if it can spare neither."""
    (parent,) = parents
    kinds = settings.kinds(parent.numbers)
    counts = int((kinds == 0).sum()), int((kinds == 1).sum())
    allowed = [k for k in (0, 1) if settings.compositions.allows(counts[0] - (k == 0), counts[1] - (k == 1))]
    sites = np.flatnonzero(np.isin(kinds, allowed))
    if not len(sites):
        return None
    bonded = valences(parent)
    typical = np.array([np.median(bonded[kinds == k]) if (kinds == k).any() else 0.0 for k in (0, 1)])
    strange = np.abs(bonded - typical[kinds])[sites]
    order = sites[np.argsort(-(strange + 1e-3 * rng.random(len(sites))), kind="stable")]
    gone = order[min(len(order) - 1, int(rng.geometric(0.5)) - 1)]
    kept = np.arange(len(parent)) != gone
    smaller = Crystal(parent.numbers[kept], parent.lattice_A, parent.fractional[kept])
    return shaped(smaller, settings, volume_ratio(parent, settings))
