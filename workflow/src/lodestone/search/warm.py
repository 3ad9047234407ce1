"""Compiles what the search compiles, on a crystal of two atoms; see `lodestone.caches`."""

from __future__ import annotations

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.fingerprint import fingerprint
from lodestone.search.operators import REGISTRY
from lodestone.search.packing import settled
from lodestone.search.settings import SearchSettings


def warm_up() -> None:
    """Run every compiled function once."""
    settings = SearchSettings.of({"min_atoms": 2, "max_atoms": 3, "max_minority_fraction": 0.5})
    crystal = Crystal(settings.numbers.copy(), 3.4 * np.eye(3), np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]))
    settled(crystal, settings, steps=2)
    fingerprint(crystal, settings.kinds(crystal.numbers))
    rng = np.random.default_rng(0)
    for name in ("heredity", "add_atom"):
        operator = REGISTRY[name]
        operator.apply(rng, [crystal] * operator.parents, settings)
