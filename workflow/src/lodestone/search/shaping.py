"""Last step of every operator: a compact cell of the expected volume, with no atoms too close."""

from __future__ import annotations

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.contacts import closest_ratio, push_apart
from lodestone.search.lattices import compact
from lodestone.search.settings import SearchSettings

# Atoms are pushed somewhat farther apart than they must be: a relaxation from there takes fewer steps.
_WANTED = 1.15
_STEPS = 25
# What still overlaps is stretched up to so much of the expected volume.
_LARGEST_STRETCH = 1.4
_ROUNDING = 1 + 1e-9
# Volumes of parents tell those of their offspring within these factors.
_VOLUME_LIMITS = (0.75, 1.3)


def shaped(
    crystal: Crystal, settings: SearchSettings, volume_ratio: float = 1.0, wanted: float = _WANTED
) -> Crystal | None:
    """Bring a crystal to its expected volume and push its atoms apart.

    Parameters
    ----------
    crystal : Crystal
        As an operator made it; atoms may overlap.
    settings : SearchSettings
        Volumes, distances and the compositions that are allowed.
    volume_ratio : float
        Volume over that expected from the elements, as the parents have it.
    wanted : float
        Distance, in units of the smallest one, up to which atoms are pushed apart.

    Returns
    -------
    Crystal or None
        Minority atoms first, in a reduced cell; None if the composition is not allowed or atoms still overlap.
    """
    kinds = settings.kinds(crystal.numbers)
    if not settings.compositions.allows(int((kinds == 0).sum()), int((kinds == 1).sum())):
        return None
    order = np.argsort(kinds, kind="stable")
    kinds, fractional = kinds[order], np.ascontiguousarray(crystal.fractional[order], dtype=float)
    volume = settings.volume_A3(kinds) * float(np.clip(volume_ratio, *_VOLUME_LIMITS))
    found = abs(float(np.linalg.det(crystal.lattice_A)))
    if not (np.isfinite(found) and found > 1e-6 and np.isfinite(fractional).all()):
        return None
    lattice = np.ascontiguousarray(crystal.lattice_A * (volume / found) ** (1 / 3))
    lattice, fractional = push_apart(lattice, fractional, kinds, settings.allowed_A * wanted, _STEPS)
    ratio = closest_ratio(lattice, fractional, kinds, settings.allowed_A)
    if ratio < 1:
        if ratio <= 0 or ratio**-3 > _LARGEST_STRETCH:
            return None
        lattice = lattice / ratio * _ROUNDING
    return Crystal(settings.numbers[kinds], lattice, fractional)


def volume_ratio(crystal: Crystal, settings: SearchSettings) -> float:
    """Volume of a crystal over that expected from its elements."""
    return crystal.volume_A3 / settings.volume_A3(settings.kinds(crystal.numbers))


def distances_allowed(crystal: Crystal, settings: SearchSettings, slack: float = 0.0) -> bool:
    """Whether no atoms are closer than allowed, up to a share `slack`."""
    lattice, fractional = compact(np.ascontiguousarray(crystal.lattice_A), np.ascontiguousarray(crystal.fractional))
    kinds = settings.kinds(crystal.numbers)
    return bool(closest_ratio(lattice, fractional, kinds, settings.allowed_A) >= (1 - slack) / _ROUNDING)
