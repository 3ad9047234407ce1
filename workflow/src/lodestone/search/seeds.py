"""Crystals to begin with: random space groups, known topologies, the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.search import skeletons, space_groups
from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import distances_allowed, shaped
from lodestone.structures import readers

_TRIES = 12


def draws_topology(rng: np.random.Generator, settings: SearchSettings) -> bool:
    """Whether the next seed stands on a known topology, by the weights of the kinds of seeds."""
    weights = settings.seeds
    return bool(rng.random() * (weights.random + weights.topology) < weights.topology)


def draw(
    rng: np.random.Generator, settings: SearchSettings, counts: tuple[int, int], by_topology: bool = False
) -> Crystal:
    """One new crystal; always ends.

    Parameters
    ----------
    rng : numpy Generator
        The item's own stream.
    settings : SearchSettings
        Compositions, distances, excluded topologies.
    counts : (int, int)
        Minority and majority atoms.
    by_topology : bool
        On the sites of a known crystal instead of in a random space group; where no known crystal has as many sites,
        a space group it is.
    """
    for _ in range(_TRIES):
        crystal = skeletons.draw(rng, counts, settings) if by_topology else None
        if crystal is None:
            crystal = space_groups.draw(rng, counts, settings)
        made = None if crystal is None else shaped(crystal, settings)
        if made is not None:
            return made
    return _last_resort(rng, counts, settings)


def _last_resort(rng: np.random.Generator, counts: tuple[int, int], settings: SearchSettings) -> Crystal:
    """Atoms at random places, or, if they cannot be pushed apart, on a lattice wide enough for any of them."""
    numbers = np.repeat(settings.numbers, counts)
    for _ in range(_TRIES):
        lattice = np.eye(3) + 0.25 * rng.normal(size=(3, 3))
        if np.linalg.det(lattice) > 0.3:
            made = shaped(Crystal(numbers, lattice, rng.random((len(numbers), 3))), settings)
            if made is not None:
                return made
    return _spacious(rng, numbers, settings)


def _spacious(rng: np.random.Generator, numbers: np.ndarray, settings: SearchSettings) -> Crystal:
    """Atoms in random order on a face-centred cubic lattice whose neighbours are as far apart as any must be."""
    spacing = float(settings.allowed_A.max()) * 1.01
    cell = spacing / np.sqrt(2) * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    lattice, fractional = skeletons.repeated(rng, cell, np.zeros((1, 3)), len(numbers))
    order = rng.permutation(len(numbers))
    sites = fractional[order]
    return Crystal(numbers, lattice, sites - np.floor(sites))


def read_user_seeds(paths: Sequence[str | Path], settings: SearchSettings) -> list[tuple[Crystal, str]]:
    """Crystals of the user's files, each with its source.

    Raises
    ------
    StructureError, StructuresRefused
        For files that cannot be read and for crystals with overlapping atoms, other elements or a composition out of
        range: by file and reason, all of them.
    """
    entries = readers.read_files(paths, settings.distances, lambda one: refusal(_crystal(one), settings))
    return [(_ordered(_crystal(entry.structure), settings), entry.source) for entry in entries]


def _crystal(structure: Any) -> Crystal:
    """Structure of pymatgen as a crystal of the search."""
    return Crystal(
        np.array(structure.atomic_numbers), np.array(structure.lattice.matrix), np.array(structure.frac_coords)
    )


def refusal(crystal: Crystal, settings: SearchSettings) -> str:
    """Why a crystal is no seed of this search; empty if it is."""
    from ase.data import chemical_symbols

    others = sorted({chemical_symbols[int(z)] for z in crystal.numbers} - set(settings.elements))
    if others:
        return f"elements {', '.join(others)}, allowed: {' and '.join(settings.elements)}"
    kinds = settings.kinds(crystal.numbers)
    minority, majority = int((kinds == 0).sum()), int((kinds == 1).sum())
    allowed = settings.compositions
    if not allowed.allows(minority, majority):
        found = f"{minority} {settings.elements[0]} and {majority} {settings.elements[1]} atoms"
        bounds = f"{allowed.min_atoms} to {allowed.max_atoms} atoms"
        share = f"a share of {settings.elements[0]} of {allowed.min_fraction:g} to {allowed.max_fraction:g}"
        return f"{found}, allowed: {bounds} with {share}"
    return "" if distances_allowed(crystal, settings) else "overlapping atoms, allowed: those of min_distances"


def _ordered(crystal: Crystal, settings: SearchSettings) -> Crystal:
    """Minority atoms first, otherwise as given."""
    order = np.argsort(settings.kinds(crystal.numbers), kind="stable")
    return Crystal(crystal.numbers[order], crystal.lattice_A, crystal.fractional[order])
