"""What a crystal must be before any calculation: ordered, neutral, of known elements, without overlapping atoms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from pymatgen.core import DummySpecies, Element, Structure

from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures.distances import DistanceRule
from lodestone.structures.errors import StructureError

# bcc hydrogen at hundreds of gigapascals has 1.5 cubic angstrom an atom.
_SMALLEST_VOLUME_A3 = 1.0
# Caesium has 116 cubic angstrom an atom, a molecule in a box of 2 nm some thousands: no crystal to compute.
_LARGEST_VOLUME_A3 = 1000.0
# Components of a moment across the common axis, of its length: rounding of files, not a canted spin.
_CANTED = 0.01


def refusals(structure: Structure, distances: DistanceRule | None = None) -> list[str]:
    """Reasons why a structure cannot be calculated; empty if it can.

    Parameters
    ----------
    structure : pymatgen Structure
        As it was read.
    distances : DistanceRule, optional
        Smallest distances by pair of elements.

    Returns
    -------
    list of str
        In words: what was found, and what is allowed.
    """
    reasons = [*_empty(structure), *_species(structure)] or [*_geometry(structure, distances or DistanceRule())]
    return [*reasons, *_moments(structure)]


def require_usable(structure: Structure, name: str, distances: DistanceRule | None = None) -> None:
    """Raise a `StructureError` with all reasons against the structure `name`, if there are any."""
    reasons = refusals(structure, distances)
    if reasons:
        raise StructureError(name, "; ".join(reasons))


def problems(structures: StructureSet, distances: DistanceRule | None = None) -> list[StructureError]:
    """Structures of a set whose atoms are too close or whose cell is too small, with the reasons."""
    rule, found = distances or DistanceRule(), []
    for which in range(len(structures)):
        rows = structures.sites(which)
        parts = structures.lattice_A[which], structures.fractional[rows], structures.atomic_number[rows].tolist()
        reasons = list(_crowded(*parts, rule))
        if reasons:
            found.append(StructureError(structures.name(which), "; ".join(reasons)))
    return found


def _empty(structure: Structure) -> Iterator[str]:
    """No atoms at all."""
    if len(structure) == 0:
        yield "no atoms, allowed: one or more"


def _species(structure: Structure) -> Iterator[str]:
    """Elements that are none, mixed or partly filled sites, charges."""
    strange = {str(s) for site in structure for s in site.species if isinstance(s, DummySpecies)}
    if strange:
        yield f"unknown elements {', '.join(sorted(strange))}, allowed: those of the periodic table"
    mixed = [site.species_string for site in structure if not site.is_ordered]
    if mixed:
        yield (
            f"disordered sites ({len(mixed)}, the first {mixed[0]}), allowed: one atom on each site; AkaiKKR takes"
            " random alloys of whole sites from exchange.akaikkr.alloys"
        )
    charged = sorted({str(s) for site in structure for s in site.species if _charge(s)})
    if charged:
        yield f"charged sites ({', '.join(charged)}), allowed: neutral atoms; leave out the oxidation states"
    total = getattr(structure, "_charge", None)
    if total:
        yield f"charge {total:g} of the cell, allowed: a neutral cell"


def _charge(species: Any) -> float:
    """Oxidation state that a species declares; 0 for a bare element."""
    return 0.0 if isinstance(species, Element | DummySpecies) else float(species.oxi_state or 0)


def _geometry(structure: Structure, rule: DistanceRule) -> Iterator[str]:
    """Cells and positions."""
    yield from _crowded(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers, rule)


def _crowded(lattice: np.ndarray, fractional: np.ndarray, numbers: Sequence[int], rule: DistanceRule) -> Iterator[str]:
    """Refuse numbers that are none, a cell that is too small or too large, atoms that are too close."""
    if not (np.isfinite(lattice).all() and np.isfinite(fractional).all()):
        yield "coordinates that are no finite numbers"
        return
    volume = abs(float(np.linalg.det(lattice))) / len(numbers)
    if not _SMALLEST_VOLUME_A3 <= volume <= _LARGEST_VOLUME_A3:
        allowed = f"{_SMALLEST_VOLUME_A3:g} to {_LARGEST_VOLUME_A3:g}"
        yield f"{volume:.3g} cubic angstrom an atom, allowed are {allowed}"
        return
    broken = rule.broken(lattice, fractional, numbers)
    if broken:
        yield f"overlapping atoms: {', '.join(broken)}"


def _moments(structure: Structure) -> Iterator[str]:
    """Moments that are not one finite number a site, and that no axis makes so."""
    moments = structure.site_properties.get("magmom")
    if moments is None:
        return
    if any(moment is None for moment in moments):
        yield "start moments on some sites only, allowed: on all or none"
        return
    if not np.isfinite(_vectors(moments)).all():
        yield "start moments that are no finite numbers"
    elif collinear(moments) is None:
        yield "start moments that are not collinear, allowed: up and down along one axis"


def _vectors(moments: Sequence[Any]) -> np.ndarray:
    """Moments as they were given: (site, 1) for numbers, (site, 3) for vectors."""
    return np.array([np.atleast_1d(getattr(m, "moment", m)) for m in moments], dtype=float)


def collinear(moments: Sequence[Any]) -> np.ndarray | None:
    """Moments (site,) along their common axis, mu_B; None where there is none or a moment is not finite.

    Numbers stay as they are. Vectors are measured along the longest of them, which counts as up if its largest
    component is positive.
    """
    vectors = _vectors(moments)
    if not np.isfinite(vectors).all():
        return None
    if vectors.shape[1] == 1:
        return vectors[:, 0]
    lengths = np.linalg.norm(vectors, axis=1)
    if lengths.max() == 0:
        return np.zeros(len(vectors))
    axis = vectors[lengths.argmax()] / lengths.max()
    axis *= np.sign(axis[np.abs(axis).argmax()])
    along = vectors @ axis
    across = np.linalg.norm(vectors - along[:, None] * axis, axis=1)
    return along if bool((across <= _CANTED * lengths.max()).all()) else None
