"""Settings and crystals that the tests of the search share."""

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings

PROVENANCE = Provenance(backend="a test", seed=0, config_sha256="0" * 64)


def settings(**changes):
    """Small settings; seeds of random space groups."""
    given = {"population": 8, "elite": 5, "objectives": ["formation_energy"], "seeds": {"random": 1.0, "topology": 0.0}}
    return SearchSettings.of({**given, **changes})


def at(minority, majority, **changes):
    """Settings of a search at one composition."""
    atoms = minority + majority
    bounds = {"min_minority_fraction": minority / atoms, "max_minority_fraction": minority / atoms}
    return settings(min_atoms=atoms, max_atoms=atoms, **bounds, **changes)


def crystal(rng, minority=2, majority=4, edge_A=4.8):
    """Atoms at random in a cell that is not too skew."""
    lattice = edge_A * (np.eye(3) + 0.2 * rng.normal(size=(3, 3)))
    if np.linalg.det(lattice) < 0:
        lattice = -lattice
    numbers = np.repeat([60, 26], [minority, majority])
    return Crystal(numbers, lattice, rng.random((minority + majority, 3)))


def laves(edge_A=7.3):
    """NdFe2, the cubic Laves phase, in its primitive cell."""
    lattice = edge_A / 2 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    sites = np.array([[0.125] * 3, [0.875] * 3, [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Crystal(np.array([60, 60, 26, 26, 26, 26]), lattice, sites)


def turned(rng, given):
    """The same crystal in another cell, orientation, origin and order of atoms."""
    steps = np.eye(3, dtype=int)
    for _ in range(3):
        a, b = rng.choice(3, 2, replace=False)
        steps[a] += rng.choice([-1, 1]) * steps[b]
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    sites = given.fractional @ np.linalg.inv(steps) + rng.random(3)
    order = rng.permutation(len(given))
    return Crystal(given.numbers[order], steps @ given.lattice_A @ rotation, sites[order])
