"""Crystals away from equilibrium in cell, positions and moments, which a magnetic potential is fitted to.

Two kinds: snapshots of molecular dynamics, whose moments are left free, and perturbed crystals, whose moments are held
(Kotykhov et al., section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import readers, thermal
from lodestone.structures.distances import DistanceRule
from lodestone.structures.errors import StructureError
from lodestone.structures.readers import Entry

Settings = Mapping[str, Any]
Streams = Callable[[int], np.random.Generator]
Make = Callable[[Sequence[Entry], Settings, Streams, Provenance], StructureSet]
LABEL = "orderings on bcc, perturbed by lodestone"
_DISTANCE_RATIO = 0.6
# Displacements shrink with every try; the last try leaves the atoms where they are.
_TRIES = 20
# Edges of a cell that differ by less are equal.
_EQUAL_A = 0.05
# Mean moment of the host below which it induces none.
_MAGNETIC_MUB = 0.1


def from_relaxed(
    paths: Sequence[str], make: Make, stage: str, seed: int, settings: Settings, algorithm: int
) -> StructureSet:
    """Make configurations of the relaxed crystals in files, with `snapshots` or `perturbed`.

    Parameters
    ----------
    paths : sequence of str
        `Calculations` artifacts of the relaxed crystals.
    make : callable
        One of the two.
    stage : str
        Random streams.
    seed, settings, algorithm
        Of the rule.
    """
    provenance = Provenance.of(LABEL, seed, settings, paths, algorithm)
    entries = relaxed_crystals([Calculations.read(path) for path in paths])
    return make(entries, settings, lambda number: random.stream(seed, stage, number), provenance)


def relaxed_crystals(batches: Sequence[Calculations]) -> list[Entry]:
    """Return the relaxed crystals with the moments that they ended with.

    Raises
    ------
    StructureError
        If one did not converge or came without moments: nothing can start from it.
    """
    entries = []
    for calculations in batches:
        names, messages = calculations.names(), calculations.messages()
        for row, name in enumerate(names):
            if int(calculations.status[row]) != Status.CONVERGED:
                raise StructureError(name, f"not relaxed ({messages[row]}), expected a relaxed crystal")
            if not calculations.has_moments[row]:
                raise StructureError(name, "relaxed without moments, expected a back end that knows moments")
            entries.append(Entry(name, f"relaxed by {calculations.backend}", calculations.structure(row)))
    return entries


def shares(entries: Sequence[Entry], count: int) -> list[int]:
    """Return how many of `count` configurations each crystal gets: all crystals the same time, about.

    The time of a small cell grows with the cube of the number of its atoms.
    """
    weights = np.array([1.0 / len(entry.structure) ** 3 for entry in entries])
    edges = np.round(np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum() * count).astype(int)
    return np.diff(edges).tolist()


def snapshots(entries: Sequence[Entry], settings: Settings, streams: Streams, provenance: Provenance) -> StructureSet:
    """Crystals as they are at a temperature; the relaxed ones come first, unchanged.

    Parameters
    ----------
    entries : sequence of Entry
        Relaxed crystals with moments.
    settings : mapping
        snapshots (their number), temperature_K, snapshot_interval (steps between two).
    streams : callable
        Random stream of crystal number k.
    provenance : Provenance
        Of the set.
    """
    made = list(entries)
    for number, (entry, count) in enumerate(zip(entries, shares(entries, settings["snapshots"]), strict=True)):
        found = thermal.snapshots(
            entry.structure, count, settings["temperature_K"], settings["snapshot_interval"], streams(number)
        )
        for k, structure in enumerate(found, start=1):
            structure.add_site_property("magmom", list(entry.structure.site_properties["magmom"]))
            made.append(Entry(f"{entry.name}+t{k}", f"{entry.name}: {thermal.LABEL}", structure))
    return readers.pack(made, provenance)


def perturbed(entries: Sequence[Entry], settings: Settings, streams: Streams, provenance: Provenance) -> StructureSet:
    """Strained crystals with displaced atoms and moments that are to be held.

    Parameters
    ----------
    entries : sequence of Entry
        Relaxed crystals with moments.
    settings : mapping
        perturbed (their number), rattle_A, strain, volume_range, one_axis, wide, moment_range_muB,
        moment_spread_muB, flips.
    streams : callable
        Random stream of crystal number k.
    provenance : Provenance
        Of the set.
    """
    made = []
    for number, (entry, count) in enumerate(zip(entries, shares(entries, settings["perturbed"]), strict=True)):
        rng = streams(number)
        for k in range(1, count + 1):
            one_axis = bool(rng.random() < settings["one_axis"])
            structure = _moved(entry.structure, settings, one_axis, rng)
            structure.add_site_property("magmom", _targets(entry.structure, settings, rng))
            made.append(Entry(f"{entry.name}+h{k}", f"{entry.name}: strained, moments held", structure))
    return readers.pack(made, provenance)


def _moved(crystal: Any, settings: Settings, one_axis: bool, rng: np.random.Generator) -> Any:
    """Strain the cell and displace the atoms; `one_axis` keeps right angles and moves atoms along one edge only.

    Mirrors across the other edges and time reversal then leave an eighth of the k points. The edge is the longest one:
    along it lie the repeated cells.
    """
    from pymatgen.core import Lattice, Structure

    rule = DistanceRule(_DISTANCE_RATIO, {})
    low, high = settings["volume_range"]
    scale = rng.uniform(low, high) ** (1 / 3)
    raw = rng.normal(scale=settings["strain"], size=(3, 3))
    strain = np.diag(np.diag(raw)) if one_axis else (raw + raw.T) / 2
    lattice = Lattice(scale * crystal.lattice.matrix @ (np.eye(3) + strain))
    shift = rng.normal(scale=settings["rattle_A"], size=(len(crystal), 3))
    if one_axis:
        lengths = np.array(crystal.lattice.abc)
        shift *= np.arange(3) == rng.choice(np.flatnonzero(lengths > lengths.max() - _EQUAL_A))
    for k in range(_TRIES):
        moved = shift * (1.0 - k / (_TRIES - 1)) @ np.linalg.inv(lattice.matrix)
        structure = Structure(lattice, crystal.species, crystal.frac_coords + moved)
        if not rule.broken(lattice.matrix, structure.frac_coords, structure.atomic_numbers):
            break
    return structure


def _targets(crystal: Any, settings: Settings, rng: np.random.Generator) -> list[float]:
    """Moments to hold: near those in equilibrium, or, for a share `wide`, host moments anywhere and some reversed.

    A solute has next to no moment of its own and holds stiffly the one that the host induces: that follows the mean
    moment of the host, and its spread is a tenth of the host's.
    """
    free = np.asarray(crystal.site_properties["magmom"], float)
    host = np.array([site.specie.symbol == settings["host"] for site in crystal])
    wide = bool(rng.random() < settings["wide"])
    spread = settings["moment_spread_muB"] * rng.normal(size=len(free))
    level = rng.uniform(*settings["moment_range_muB"])
    shift = settings["moment_spread_muB"] * rng.normal()
    signs = np.where(rng.random(len(free)) < settings["flips"], -1.0, 1.0)
    held = (level + spread) * signs if wide else free + shift + spread
    usual = free[host].mean()
    induced = free * (held[host].mean() / usual if abs(usual) > _MAGNETIC_MUB else 1.0)
    return np.where(host, held, induced + 0.1 * spread).tolist()
