"""Voids of a crystal: vertices and face centres of the Voronoi cells of its atoms.

A vertex is as far as possible from all atoms around it. The octahedral void of the bcc lattice, in which carbon and
nitrogen sit, is none: it is the centre of a square face, between two atoms a lattice parameter apart.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Structure
from scipy.spatial import Voronoi, cKDTree

from lodestone.structures import cells

_SYMPREC_A = 0.1
_SAME_A = 0.1


@dataclass(frozen=True)
class Void:
    """Centre of a void in units of the lattice vectors, its distance to the nearest atom, how many are like it."""

    fractional: np.ndarray
    radius_A: float
    multiplicity: int


def voids(structure: Structure, min_radius_A: float) -> list[Void]:
    """Voids that symmetry does not map onto each other, the largest first.

    Parameters
    ----------
    structure : pymatgen Structure
        Crystal.
    min_radius_A : float
        Smallest distance from the centre to the nearest atom.

    Returns
    -------
    list of Void
        Equal radii are told apart by the distances to all atoms within twice the radius.
    """
    lattice = structure.lattice.matrix
    centres, radii = _vertices(structure)
    kept = radii >= min_radius_A
    centres, radii = _distinct(centres[kept], radii[kept], lattice)
    groups: dict[tuple, list[int]] = {}
    for k in np.lexsort((*centres.T.round(4), -radii.round(3))):
        groups.setdefault(_surroundings(structure, centres[k], radii[k]), []).append(int(k))
    found = [Void(centres[members[0]], float(radii[members[0]]), len(members)) for members in groups.values()]
    return sorted(found, key=lambda void: (-round(void.radius_A, 3), void.multiplicity, tuple(void.fractional)))


def filled(structure: Structure, void: Void, element: str) -> Structure:
    """Return the crystal with an atom of the element in the void, in its primitive cell."""
    made = Structure(structure.lattice, structure.species, structure.frac_coords)
    made.append(element, void.fractional)
    return cells.cell(made, "primitive", _SYMPREC_A)


def _vertices(structure: Structure) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and face centres of the Voronoi cells (point, 3) in the unit cell, fractional, and radii in angstrom."""
    lattice = structure.lattice.matrix
    steps = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    images = ((structure.frac_coords % 1.0)[:, None, :] + steps).reshape(-1, 3)
    atoms = images @ lattice
    diagram = Voronoi(atoms)
    faces = [diagram.vertices[face].mean(axis=0) for face in diagram.ridge_vertices if -1 not in face]
    fractional = np.concatenate([diagram.vertices, faces]) @ np.linalg.inv(lattice)
    inside = np.all((fractional > -1e-6) & (fractional < 1 - 1e-6), axis=1)
    radii, _ = cKDTree(atoms).query(fractional[inside] @ lattice)
    return fractional[inside] % 1.0, np.asarray(radii)


def _distinct(fractional: np.ndarray, radii: np.ndarray, lattice: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop vertices that lie on top of others, as in crystals of high symmetry."""
    kept: list[int] = []
    for k in np.argsort(-radii, kind="stable"):
        difference = fractional[k] - fractional[kept].reshape(-1, 3)
        nearest = np.linalg.norm((difference - difference.round()) @ lattice, axis=1).min(initial=np.inf)
        if nearest > _SAME_A:
            kept.append(int(k))
    return fractional[kept], radii[kept]


def _surroundings(structure: Structure, fractional: np.ndarray, radius_A: float) -> tuple:
    """Elements and distances around a point, rounded: equal for equivalent voids."""
    point = structure.lattice.get_cartesian_coords(fractional)
    around = structure.get_sites_in_sphere(point, 2 * radius_A)
    return tuple(sorted((site.specie.symbol, round(float(site.nn_distance) * 5) / 5) for site in around))
