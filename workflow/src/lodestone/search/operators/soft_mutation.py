"""Soft mutation: atoms are displaced far along one of the softest vibrations of a ball-and-spring model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.bonds import soft_modes
from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 1
_MOVE_A = (0.5, 1.8)


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Follow one mode: the softest most often, stiffer ones with falling probability; None for a single atom."""
    (parent,) = parents
    values, modes = soft_modes(parent)
    if not len(modes):
        return None
    chosen = min(len(modes) - 1, int(rng.geometric(min(1.0, 4.0 / (len(modes) + 3)))) - 1)
    mode = modes[chosen]
    # Modes that are as soft may be mixed at will; a mixture breaks the symmetry that each alone might keep.
    partner = min(len(modes) - 1, chosen + 1)
    if abs(values[partner] - values[chosen]) < 1e-6 * max(values[-1], 1e-12):
        angle = rng.uniform(0, 2 * np.pi)
        mode = np.cos(angle) * mode + np.sin(angle) * modes[partner]
    length = rng.uniform(*_MOVE_A) * rng.choice([-1, 1])
    step = mode * length / max(np.linalg.norm(mode, axis=1).max(), 1e-12)
    sites = parent.fractional + step @ np.linalg.inv(parent.lattice_A)
    return shaped(Crystal(parent.numbers, parent.lattice_A, sites), settings, volume_ratio(parent, settings))
