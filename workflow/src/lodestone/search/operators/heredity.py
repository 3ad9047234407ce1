"""Heredity: a slab of one crystal joined to a slab of another along a random plane (cut and splice)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.contacts import pairs
from lodestone.search.lattices import reduced, standard
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

PARENTS = 2
_THINNEST = 0.25
_SKEW = 0.5
_NEAR_A = 4.0


def apply(rng: np.random.Generator, parents: Sequence[Crystal], settings: SearchSettings) -> Crystal | None:
    """Join two crystals; the cell lies between theirs, the composition is the nearest that is allowed.

    Each parent is turned to a random one of the planes of its reduced cell, and shifted at random along and across it.
    """
    first, second = (_turned(rng, parent) for parent in parents)
    cut, weight = rng.uniform(_THINNEST, 1 - _THINNEST), rng.uniform(0.0, 1.0)
    lattice = weight * first.lattice_A + (1 - weight) * second.lattice_A
    if np.linalg.det(lattice) < 0.3 * min(first.volume_A3, second.volume_A3):
        return None
    taken = first.fractional[:, 0] < cut, second.fractional[:, 0] >= cut
    sites = np.concatenate([first.fractional[taken[0]], second.fractional[taken[1]]])
    kinds = settings.kinds(np.concatenate([first.numbers[taken[0]], second.numbers[taken[1]]]))
    if not len(sites):
        return None
    rest = np.concatenate([first.fractional[~taken[0]], second.fractional[~taken[1]]])
    target = settings.compositions.nearest(int((kinds == 0).sum()), int((kinds == 1).sum()))
    sites, kinds = repaired(rng, lattice, sites, kinds, rest, target)
    volume = float(np.mean([volume_ratio(parent, settings) for parent in parents]))
    return shaped(Crystal(settings.numbers[kinds], lattice, sites), settings, volume)


def _turned(rng: np.random.Generator, parent: Crystal) -> Crystal:
    """Return a parent in another cell of its lattice, in standard orientation and with another origin."""
    _, steps = reduced(np.ascontiguousarray(parent.lattice_A))
    steps = steps[rng.permutation(3)] * rng.choice([-1, 1], (3, 1))
    if rng.random() < _SKEW:
        # One vector more or less turns the plane of the cut, which the other two span.
        source, target = rng.choice(3, 2, replace=False)
        steps[target] += rng.choice([-1, 1]) * steps[source]
    cell = steps @ parent.lattice_A
    sites = parent.fractional @ np.linalg.inv(steps) + rng.random(3)
    if np.linalg.det(cell) < 0:
        cell, sites = -cell, -sites
    return Crystal(parent.numbers, standard(cell), sites - np.floor(sites))


def repaired(
    rng: np.random.Generator,
    lattice: np.ndarray,
    sites: np.ndarray,
    kinds: np.ndarray,
    spare: np.ndarray,
    target: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a crystal to a composition.

    Atoms on top of others go first; then atoms change their element; missing ones take the parents' spare places.

    Parameters
    ----------
    lattice, sites, kinds : arrays (3, 3), (site, 3), (site,)
        The crystal.
    spare : array (place, 3)
        Places to put atoms, as fractional coordinates.
    target : (int, int)
        Minority and majority atoms wanted.
    """
    surplus = len(sites) - sum(target)
    if surplus > 0:
        drop = _crowded(rng, lattice, sites)[:surplus]
        sites, kinds = np.delete(sites, drop, axis=0), np.delete(kinds, drop)
    elif surplus < 0:
        places = np.concatenate([spare[rng.permutation(len(spare))], rng.random((-surplus, 3))])[:-surplus]
        short = target[0] - int((kinds == 0).sum())
        fresh = (np.arange(-surplus) >= short).astype(np.int64)
        sites, kinds = np.concatenate([sites, places]), np.concatenate([kinds, fresh])
    kinds = kinds.copy()
    wrong = int((kinds == 0).sum()) - target[0]
    if wrong:
        from_kind = 0 if wrong > 0 else 1
        chosen = rng.choice(np.flatnonzero(kinds == from_kind), abs(wrong), replace=False)
        kinds[chosen] = 1 - from_kind
    return sites, kinds


def _crowded(rng: np.random.Generator, lattice: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """Sites in the order in which they should go: one of the closest two, then of the next closest."""
    first, second, vectors = pairs(np.ascontiguousarray(lattice), np.ascontiguousarray(sites), _NEAR_A)
    order: list[int] = []
    for pair in np.argsort((vectors**2).sum(axis=1), kind="stable"):
        a, b = int(first[pair]), int(second[pair])
        if a != b and a not in order and b not in order:
            order.append(a if rng.random() < 0.5 else b)
    return np.array([*order, *(int(k) for k in rng.permutation(len(sites)) if k not in order)])
