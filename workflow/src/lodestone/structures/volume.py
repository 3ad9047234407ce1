"""Volumes of crystals that are not known yet, from those of crystals of the same elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import atomic_numbers
from pymatgen.core import Structure
from scipy.optimize import nnls

from lodestone.artifacts.structure_set import StructureSet


def atomic_volumes_A3(known: StructureSet, elements: Sequence[str]) -> dict[str, float]:
    """Volume that an atom of each element takes, so that a crystal has the sum of the volumes of its atoms.

    Non-negative least squares of the volume per atom over all crystals of these elements alone. Several crystals
    of one composition count as one, with the median of their volumes: a data base has many hypothetical polymorphs.

    Parameters
    ----------
    known : StructureSet
        Relaxed crystals, such as the shipped snapshot.
    elements : sequence of str
        Element symbols.

    Returns
    -------
    dict of str to float
        Cubic angstrom an atom.

    Raises
    ------
    ValueError
        If an element occurs in no crystal of these elements alone.
    """
    numbers = np.array([atomic_numbers[symbol] for symbol in elements])
    counts = _counts(known, numbers)
    atoms = known.site_counts()
    only = np.flatnonzero(counts.sum(axis=1) == atoms)
    present = np.any(counts[only], axis=0).tolist()
    if not all(present):
        missing = ", ".join(symbol for symbol, here in zip(elements, present, strict=True) if not here)
        raise ValueError(
            f"volume of {missing}: found no crystal of {'-'.join(elements)} with it, expected one at least"
        )
    shares, which = np.unique(np.round(counts[only] / atoms[only, None], 6), axis=0, return_inverse=True)
    per_atom = known.volumes_A3()[only] / atoms[only]
    medians = np.array([np.median(per_atom[which.ravel() == i]) for i in range(len(shares))])
    return dict(zip(elements, nnls(shares, medians)[0].tolist(), strict=True))


def volume_A3(structure: Structure, volumes_A3: Mapping[str, float]) -> float:
    """Sum of the volumes of all atoms of a cell, cubic angstrom."""
    return float(sum(volumes_A3[element.symbol] * count for element, count in structure.composition.items()))


def rescaled(structure: Structure, cell_volume_A3: float) -> Structure:
    """Return the structure stretched alike in all directions to another volume."""
    return Structure.from_sites(structure.sites).scale_lattice(cell_volume_A3)


def _counts(known: StructureSet, numbers: np.ndarray) -> np.ndarray:
    """Atoms of each of these elements in each structure (structure, element)."""
    hits = (known.atomic_number[:, None] == numbers).astype(np.int64)
    return np.add.reduceat(hits, known.site_offset[:-1], axis=0) if len(known) else np.zeros((0, len(numbers)), int)
