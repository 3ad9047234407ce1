"""Directions of the magnetisation from which an anisotropy constant can be told: along the unique axis and across it.

The vectors of a primitive cell will not do in all crystals: those of a rhombohedral one make one angle with its axis.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import spglib

from lodestone.dft.calculation import Calculation

if TYPE_CHECKING:
    from pymatgen.core import Structure

_CUBIC = range(195, 231)
# Energies differ by K_1 V times the range of sin^2 theta: below this part of K_1 V the error is ten times its own.
SMALLEST_RANGE = 0.1


def unique_axis(structure: Structure, symprec_A: float = 0.01) -> np.ndarray | None:
    """Cartesian axis of the only 3-, 4- or 6-fold rotation; None for crystals that have none or several.

    The moments are left aside: they point along each axis in turn.
    """
    found = _symmetry(structure, symprec_A)
    if found is None or found.number in _CUBIC:
        return None
    lattice = structure.lattice.matrix
    for rotation in found.rotations:
        proper = rotation * round(np.linalg.det(rotation))
        # The trace of a proper rotation by phi is 1 + 2 cos phi: 2, 1 and 0 for 6, 4 and 3 fold.
        if np.trace(proper) in (0, 1, 2):
            values, vectors = np.linalg.eig(lattice.T @ proper @ np.linalg.inv(lattice.T))
            return np.real(vectors[:, np.argmin(abs(values - 1))])
    return None


def is_cubic(structure: Structure, symprec_A: float = 0.01) -> bool:
    """Whether the space group is cubic, so that the second-order constant vanishes."""
    found = _symmetry(structure, symprec_A)
    return found is not None and found.number in _CUBIC


def _symmetry(structure: Structure, symprec_A: float) -> Any:
    """Dataset of spglib, None where it finds none; versions before 2.9 warn that later ones will raise instead."""
    cell: Any = (structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning)
        try:
            return spglib.get_symmetry_dataset(cell, symprec=symprec_A)
        except spglib.SpglibError:
            return None


def for_crystal(structure: Structure, calculation: Calculation) -> Calculation:
    """Return the calculation with axes that tell the crystal's constant: its own ones wherever they do.

    Where all of them make nearly one angle with the unique axis, the same number of others takes their place: the
    unique axis first, then directions perpendicular to it, the first below the lattice vector furthest from the axis.

    Parameters
    ----------
    structure : pymatgen Structure
        The crystal as it is prepared: the same geometry gives the same axes in every step of the work.
    calculation : Calculation
        Of any kind; only ``anisotropy`` with two axes or more is changed.
    """
    if calculation.kind != "anisotropy" or len(calculation.axes) < 2:
        return calculation
    axis = unique_axis(structure)
    if axis is None:
        return calculation
    lattice = structure.lattice.matrix
    cosines = _units(np.array(calculation.axes) @ lattice) @ axis
    if np.ptp(cosines**2) >= SMALLEST_RANGE:
        return calculation
    across = lattice - np.outer(lattice @ axis, axis)
    first = across[np.argmax(np.linalg.norm(across, axis=1).round(6))]
    first = first / np.linalg.norm(first)
    angles = np.pi * np.arange(len(calculation.axes) - 1) / (len(calculation.axes) - 1)
    others = np.outer(np.cos(angles), first) + np.outer(np.sin(angles), np.cross(axis, first))
    chosen = np.vstack([axis, others]) @ np.linalg.inv(lattice)
    return dataclasses.replace(calculation, axes=tuple(map(tuple, chosen.tolist())))


def cartesian(structure: Structure, calculation: Calculation) -> np.ndarray:
    """Cartesian unit vectors (n, 3) of the directions that are computed for a crystal."""
    return _units(np.array(for_crystal(structure, calculation).axes) @ structure.lattice.matrix)


def _units(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, 3) at unit length."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
