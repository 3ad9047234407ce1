"""Symmetry, primitive and conventional cells; moments count: atoms of one element with other moments are others."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib
from ase.data import chemical_symbols
from pymatgen.core import Lattice, Structure

CELLS = ("as_given", "primitive", "conventional")
# Moments that differ by less are the same (Bohr magnetons).
_SAME_MOMENT_MUB = 0.05


@dataclass(frozen=True)
class Symmetry:
    """Space group of a crystal and which of its sites are equivalent.

    Attributes
    ----------
    number, symbol : int, str
        International number (1 to 230) and short symbol.
    equivalent : array (site,)
        First site that symmetry maps each site to.
    wyckoff : tuple of str
        Wyckoff letter of each site.
    """

    number: int
    symbol: str
    equivalent: np.ndarray
    wyckoff: tuple[str, ...]


def symmetry(structure: Structure, symprec_A: float = 0.01) -> Symmetry:
    """Space group of a structure whose site property `magmom`, if any, tells atoms of an element apart.

    Raises
    ------
    ValueError
        If no symmetry is found, as for overlapping atoms.
    """
    found = _asked(spglib.get_symmetry_dataset, _cell(structure)[0], symprec=symprec_A)
    if found is None:
        raise ValueError(f"{structure.composition.formula}: found no symmetry within {symprec_A} angstrom")
    return Symmetry(int(found.number), str(found.international), found.equivalent_atoms, tuple(found.wyckoffs))


def cell(structure: Structure, kind: str, symprec_A: float = 0.01) -> Structure:
    """Return the same crystal in another cell, not turned and not idealised for `primitive`.

    Parameters
    ----------
    structure : pymatgen Structure
        Ordered; the site property `magmom`, one number a site, is kept.
    kind : str
        ``as_given``, ``primitive`` (fewest atoms, reduced by Niggli) or ``conventional`` (that of the International
        Tables, in standard orientation).
    symprec_A : float
        How far atoms may be from their symmetric positions, angstrom.

    Raises
    ------
    ValueError
        For another kind, or if no symmetry is found.
    """
    if kind == "as_given":
        return structure
    if kind not in CELLS:
        raise ValueError(f"cell: found {kind!r}, allowed: {', '.join(CELLS)}")
    given, kinds = _cell(structure)
    if kind == "primitive":
        found = _reduced(_asked(spglib.find_primitive, given, symprec=symprec_A))
    else:
        found = _asked(spglib.standardize_cell, given, to_primitive=False, no_idealize=False, symprec=symprec_A)
    if found is None:
        raise ValueError(f"{structure.composition.formula}: found no symmetry within {symprec_A} angstrom")
    lattice, fractional, indices = found
    symbols = [chemical_symbols[kinds[index - 1][0]] for index in indices]
    moments = {"magmom": [kinds[index - 1][1] for index in indices]} if _has_moments(structure) else None
    return Structure(Lattice(lattice), symbols, np.mod(fractional, 1), site_properties=moments)


def _asked(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Answer of spglib, None where it finds none; versions before 2.9 warn that later ones will raise instead."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning)
        try:
            return function(*arguments, **options)
        except spglib.SpglibError:
            return None


def _reduced(found: Any) -> Any:
    """Lattice, positions and kinds along the vectors of Niggli's reduced cell; None for None."""
    lattice = None if found is None else _asked(spglib.niggli_reduce, found[0])
    return None if lattice is None else (lattice, found[1] @ found[0] @ np.linalg.inv(lattice), found[2])


def _has_moments(structure: Structure) -> bool:
    """Whether every site has a start moment."""
    return structure.site_properties.get("magmom") is not None


def _cell(structure: Structure) -> tuple[tuple, list[tuple[int, float]]]:
    """Cell for spglib, whose kinds of atoms are element and moment; kind i + 1 is entry i of the list."""
    moments = structure.site_properties.get("magmom") or [0.0] * len(structure)
    wanted = list(zip(structure.atomic_numbers, map(float, moments), strict=True))
    kinds: list[tuple[int, float]] = []
    indices = []
    for number, moment in wanted:
        known = (i for i, (z, m) in enumerate(kinds) if z == number and abs(m - moment) < _SAME_MOMENT_MUB)
        index = next(known, len(kinds))
        if index == len(kinds):
            kinds.append((number, moment))
        indices.append(index + 1)
    return (structure.lattice.matrix, structure.frac_coords, indices), kinds
