"""Ordered crystals of a binary alloy on the sites of bcc, which a magnetic potential is fitted to."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import duplicates, readers
from lodestone.structures.readers import Entry

LABEL = "orderings on bcc by lodestone"
# Where there are no more arrangements than these all are compared; otherwise so many are drawn.
_MOST_ARRANGEMENTS = 200


def orderings(
    settings: Mapping[str, Any], streams: Callable[[int], np.random.Generator], provenance: Provenance
) -> StructureSet:
    """Return different orderings of solute atoms in supercells of bcc, the pure host first.

    Parameters
    ----------
    settings : mapping
        host, solute, cells (multiples of the cubic cell of two atoms), max_solute_fraction, orderings (most of one
        composition in one cell), lattice_A (edge of the host), solute_expansion (relative change of the edge per
        fraction of solute), host_moment_muB and solute_moment_muB (start moments).
    streams : callable
        Random stream of cell number k.
    provenance : Provenance
        Of the set.
    """
    entries: list[Entry] = []
    for number, cell in enumerate(settings["cells"]):
        rng = streams(number)
        sites = 2 * math.prod(cell)
        for solutes in range(math.floor(settings["max_solute_fraction"] * sites + 1e-9) + 1):
            candidates = [_crystal(settings, cell, chosen) for chosen in _arrangements(sites, solutes, rng)]
            firsts = [members[0] for members in duplicates.groups(candidates)][: settings["orderings"]]
            new = [candidates[k] for k in firsts if not _known(candidates[k], [entry.structure for entry in entries])]
            for rank, structure in enumerate(new, start=1):
                name = f"{structure.composition.formula.replace(' ', '')}-{rank}"
                entries.append(Entry(name, f"{LABEL}, cell {'x'.join(map(str, cell))}", structure))
    return readers.pack(readers.with_unique_names(entries), provenance)


def _known(structure: Any, others: Sequence[Any]) -> bool:
    """Whether a smaller cell holds the same crystal."""
    return any(len(members) > 1 and members[-1] == len(others) for members in duplicates.groups([*others, structure]))


def _arrangements(sites: int, solutes: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All choices of solute sites, or as many at random as are worth comparing."""
    if math.comb(sites, solutes) <= _MOST_ARRANGEMENTS:
        return list(itertools.combinations(range(sites), solutes))
    drawn = {tuple(sorted(rng.permutation(sites)[:solutes].tolist())): None for _ in range(_MOST_ARRANGEMENTS)}
    return list(drawn)


def _crystal(settings: Mapping[str, Any], cell: Sequence[int], solute_sites: Sequence[int]) -> Any:
    """One supercell with solute atoms on these sites and start moments everywhere."""
    from pymatgen.core import Lattice, Structure

    host, solute = settings["host"], settings["solute"]
    corners = np.array(list(itertools.product(*map(range, cell))), float)
    positions = np.concatenate([corners, corners + 0.5]) / np.asarray(cell, float)
    species = [solute if k in set(solute_sites) else host for k in range(len(positions))]
    edge = settings["lattice_A"] * (1 + settings["solute_expansion"] * len(solute_sites) / len(positions))
    moments = [settings["solute_moment_muB" if symbol == solute else "host_moment_muB"] for symbol in species]
    lattice = Lattice.orthorhombic(*(edge * np.asarray(cell, float)))
    return Structure(lattice, species, positions, site_properties={"magmom": moments})
