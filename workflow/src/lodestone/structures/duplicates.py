"""Crystals that are the same up to scale, cell, origin and small displacements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure


@dataclass(frozen=True)
class Tolerance:
    """When two crystals count as the same, as pymatgen's `StructureMatcher` measures it.

    Attributes
    ----------
    length : float
        Relative difference of cell edges.
    site : float
        Distance of atoms, in units of the cube root of the volume per atom.
    angle_deg : float
        Difference of cell angles, degrees.
    scale : bool
        Whether crystals of other volume may be the same.
    """

    length: float = 0.2
    site: float = 0.3
    angle_deg: float = 5.0
    scale: bool = True


def groups(structures: Sequence[Structure], tolerance: Tolerance | None = None) -> list[list[int]]:
    """Group structures that match the first of their group.

    Only crystals of one composition and with as many atoms in the primitive cell are compared, so that thousands
    are quick.

    Parameters
    ----------
    structures : sequence of pymatgen Structure
        Earlier ones are preferred as the first of a group.
    tolerance : Tolerance, optional
        When two are the same.

    Returns
    -------
    list of list of int
        Indices of each group in rising order; the groups in the order of their first members.
    """
    matcher = _matcher(tolerance or Tolerance())
    buckets: dict[tuple, list[tuple[Structure, list[int]]]] = defaultdict(list)
    for index, structure in enumerate(structures):
        reduced = structure.get_reduced_structure().get_primitive_structure().get_reduced_structure()
        bucket = buckets[(reduced.composition.reduced_formula, len(reduced))]
        for first, members in bucket:
            if matcher.fit(first, reduced, skip_structure_reduction=True):
                members.append(index)
                break
        else:
            bucket.append((reduced, [index]))
    found = [members for bucket in buckets.values() for _, members in bucket]
    return sorted(found, key=lambda members: members[0])


def same(first: Structure, second: Structure, tolerance: Tolerance | None = None) -> bool:
    """Whether two crystals are the same."""
    return bool(_matcher(tolerance or Tolerance()).fit(first, second))


def _matcher(tolerance: Tolerance) -> Any:
    """Pymatgen's matcher with these tolerances."""
    return StructureMatcher(
        ltol=tolerance.length,
        stol=tolerance.site,
        angle_tol=tolerance.angle_deg,
        primitive_cell=True,
        scale=tolerance.scale,
    )
