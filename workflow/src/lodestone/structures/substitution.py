"""Prototypes by element substitution: known binary crystals with other elements on their sites.

Ito et al. (Nd-Fe search): "arbitrary binary structures derived from the Materials Project with a composition ratio of
1:5 or higher (Fe-rich), substituting the constituent elements with Nd and Fe". Fe comes on the sites of the majority
(`direct`); `swapped` puts it on those of the minority and is not Fe-rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from pymatgen.core import Structure

from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import cells, duplicates, volume
from lodestone.structures.distances import DistanceRule
from lodestone.structures.readers import Entry, with_unique_names

DECORATIONS = ("direct", "swapped")


@dataclass(frozen=True)
class Substitution:
    """How prototypes are made.

    Attributes
    ----------
    minority, majority : str
        Elements that replace those of a binary crystal, by the number of their sites.
    min_ratio : float
        Smallest number of majority sites for each minority site.
    decorations : sequence of str
        ``direct``, ``swapped`` or both.
    max_sites : int
        Largest primitive cell that is kept.
    max_volume_ratio : float
        Atoms that are too close are moved apart by stretching the crystal, up to this multiple of the likely volume;
        what would need more is left out. 1 leaves out everything crowded.
    distances, tolerance
        What is too close, and what is the same.
    """

    minority: str = "Nd"
    majority: str = "Fe"
    min_ratio: float = 5.0
    decorations: Sequence[str] = ("direct",)
    max_sites: int = 100
    max_volume_ratio: float = 1.5
    distances: DistanceRule = field(default_factory=DistanceRule)
    tolerance: duplicates.Tolerance = field(default_factory=duplicates.Tolerance)


@dataclass(frozen=True)
class Prototypes:
    """What substitution gave.

    Attributes
    ----------
    entries : list of Entry
        Different crystals; those that most source crystals are like come first, of these those of few atoms.
    binaries, decorated, too_large, too_close, duplicates : int
        Crystals that fit; structures made of them; those left out by size, by distances, as duplicates.
    """

    entries: list[Entry]
    binaries: int
    decorated: int
    too_large: int
    too_close: int
    duplicates: int


def prototypes(known: StructureSet, substitution: Substitution) -> Prototypes:
    """Decorate all binary crystals that fit, give them a likely volume, and leave out what is crowded or twice.

    Of duplicates, the one is kept whose source has the same elements, then the one whose volume changed least.

    Raises
    ------
    ValueError
        If `known` has no crystal from which to take the volume of an element.
    """
    volumes_A3 = volume.atomic_volumes_A3(known, [substitution.minority, substitution.majority])
    chosen = binaries(known, substitution.min_ratio)
    made = [
        (_changes(known, which, entry, volumes_A3), entry)
        for which in chosen
        for entry in decorated(known, which, substitution)
    ]
    small = [(rank, entry) for rank, entry in made if len(entry.structure) <= substitution.max_sites]
    scaled = [_scaled(entry, volumes_A3, substitution) for _, entry in sorted(small, key=lambda item: item[0])]
    apart = [entry for entry in scaled if entry is not None]
    groups = duplicates.groups([entry.structure for entry in apart], substitution.tolerance)
    groups.sort(key=lambda members: (-len(members), *_order(apart[members[0]])))
    return Prototypes(
        entries=with_unique_names([_first(apart, members) for members in groups]),
        binaries=len(chosen),
        decorated=len(made),
        too_large=len(made) - len(small),
        too_close=len(scaled) - len(apart),
        duplicates=len(apart) - len(groups),
    )


def binaries(known: StructureSet, min_ratio: float) -> list[int]:
    """Structures of two elements with at least `min_ratio` atoms of one for each atom of the other."""
    chosen = []
    for which in range(len(known)):
        counts = np.unique(known.atomic_number[known.sites(which)], return_counts=True)[1]
        if len(counts) == 2 and counts.max() >= min_ratio * counts.min():
            chosen.append(which)
    return chosen


def compounds(known: StructureSet, first: str, second: str) -> list[Entry]:
    """Return the known crystals of just these two elements."""
    pair, sources = sorted(atomic_numbers[symbol] for symbol in (first, second)), known.sources()
    return [
        Entry(known.name(which), sources[which], known.structure(which))
        for which in range(len(known))
        if np.unique(known.atomic_number[known.sites(which)]).tolist() == pair
    ]


def decorated(known: StructureSet, which: int, substitution: Substitution) -> list[Entry]:
    """Primitive cells of one binary crystal with the new elements, not rescaled yet."""
    rows = known.sites(which)
    numbers = known.atomic_number[rows]
    kinds, counts = np.unique(numbers, return_counts=True)
    # Of as many atoms of both, the lighter element counts as the minority.
    rare, frequent = kinds[np.argsort(counts, kind="stable")]
    new = {"direct": (substitution.minority, substitution.majority)}
    new["swapped"] = new["direct"][::-1]
    made = []
    for decoration in substitution.decorations:
        on_rare, on_frequent = new[decoration]
        symbols = [on_rare if z == rare else on_frequent for z in numbers]
        structure = Structure(known.lattice_A[which], symbols, known.fractional[rows])
        structure = cells.cell(structure, "primitive")
        source = (
            f"{known.name(which)} ({known.formula(which)}) with {on_rare} for {chemical_symbols[rare]}"
            f" and {on_frequent} for {chemical_symbols[frequent]}"
        )
        made.append(Entry(f"{structure.composition.reduced_formula}-{known.name(which)}", source, structure))
    return made


def _changes(known: StructureSet, which: int, entry: Entry, volumes_A3: dict[str, float]) -> tuple:
    """Rank of a decorated crystal: foreign elements, change of volume, name."""
    before = set(known.atomic_number[known.sites(which)].tolist())
    foreign = before != {atomic_numbers[symbol] for symbol in volumes_A3}
    cell_A3 = abs(float(np.linalg.det(known.lattice_A[which])))
    per_atom = cell_A3 / (known.site_offset[which + 1] - known.site_offset[which])
    wanted = volume.volume_A3(entry.structure, volumes_A3) / len(entry.structure)
    return foreign, abs(float(np.log(wanted / per_atom))), entry.name


def _scaled(entry: Entry, volumes_A3: dict[str, float], substitution: Substitution) -> Entry | None:
    """Give a crystal its likely volume, or the larger one that its atoms need; None if that is too large."""
    likely_A3 = volume.volume_A3(entry.structure, volumes_A3)
    structure = volume.rescaled(entry.structure, likely_A3)
    stretch = substitution.distances.stretch(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers)
    if stretch**3 > substitution.max_volume_ratio:
        return None
    if stretch > 1:
        structure = volume.rescaled(structure, likely_A3 * stretch**3)
    return Entry(entry.name, entry.source, structure)


def _first(entries: Sequence[Entry], members: Sequence[int]) -> Entry:
    """First of a group, with a word on how many are like it."""
    entry = entries[members[0]]
    if len(members) == 1:
        return entry
    return Entry(entry.name, f"{entry.source}; {len(members) - 1} more are like it", entry.structure)


def _order(entry: Entry) -> tuple[int, str]:
    """Small cells first, then by name."""
    return len(entry.structure), entry.name
