"""Structure sets from which models of a binary system learn, made from the shipped snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import build, cells, duplicates, perturbation, readers, snapshot
from lodestone.structures.distances import DistanceRule
from lodestone.structures.errors import StructureError
from lodestone.structures.readers import Entry

Settings = Mapping[str, Any]
Streams = Callable[[int], np.random.Generator]
LABEL = "Materials Project snapshot, changed by lodestone"
# Copies are pressed, but not into one another.
_COPY_DISTANCE_RATIO = 0.6
_SYMPREC_A = 0.01
_RARE_EARTHS = "Y La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu"


def prototypes(
    settings: Settings, path: str | Path, streams: Streams, provenance: Provenance, log: Logger
) -> StructureSet:
    """Known binary crystals with the two elements on their sites, each followed by its copies.

    Parameters
    ----------
    settings : mapping
        minority, majority, structures (0 takes all), max_sites, min_ratio, max_minority_fraction (of known compounds:
        models are asked about nothing beyond), copies, rattle_A, strain.
    path : path
        Snapshot.
    streams : callable
        Random stream of the copies of crystal number k.
    provenance : Provenance
        Of the set.
    log : Logger
        Told how many crystals each stage leaves.
    """
    wanted = {
        "source": "prototypes",
        "prototypes": {
            "minority": settings["minority"],
            "majority": settings["majority"],
            "min_ratio": settings["min_ratio"],
            "decorations": ["direct"],
            "max_volume_ratio": 1.5,
            "known_compounds": True,
        },
        "cell": "primitive",
        "symprec_A": _SYMPREC_A,
        "min_distance_ratio": _COPY_DISTANCE_RATIO,
        "min_distances": [],
        "remove_duplicates": True,
        "max_sites": settings["max_sites"],
        "max_structures": 0,
    }
    made = readers.unpack(build.build(wanted, [path], provenance, log))
    limit = settings["max_minority_fraction"]
    entries = [e for e in made if e.structure.composition.get_atomic_fraction(settings["minority"]) <= limit]
    if len(entries) < len(made):
        log.info("%d known compounds left out: more %s than %g", len(made) - len(entries), settings["minority"], limit)
    entries = entries[: settings["structures"] or None]
    return _with_copies(entries, settings["copies"], settings, streams, provenance, log)


def others(settings: Settings, path: str | Path, streams: Streams, provenance: Provenance, log: Logger) -> StructureSet:
    """Crystals of the elements and of other rare earths and 3d metals, none a compound of the two elements.

    Parameters
    ----------
    settings : mapping
        minority, majority, force_field_structures, force_field_max_sites, force_field_copies, rattle_A, strain.
    path, streams, provenance, log
        As for `prototypes`; stream 0 draws which crystals are taken.
    """
    pair = {settings["minority"], settings["majority"]}
    # The two elements by themselves, and then compounds of their likes: two thirds with one of the two.
    known = [r for r in snapshot.records(path) if len(r["species"]) <= settings["force_field_max_sites"]]
    elements = [r for r in known if set(r["species"]) <= pair and len(set(r["species"])) == 1]
    compounds = [r for r in known if _related(set(r["species"]), pair)]
    near = [r for r in compounds if set(r["species"]) & pair]
    far = [r for r in compounds if not set(r["species"]) & pair]
    rng = streams(0)
    count = max(0, settings["force_field_structures"] - len(elements))
    chosen = [*elements, *_some(near, count - min(len(far), count // 3), rng)]
    chosen += _some(far, settings["force_field_structures"] - len(chosen), rng)
    if not chosen:
        limit = settings["force_field_max_sites"]
        raise StructureError(str(path), f"no crystal of up to {limit} sites for the force field, expected one at least")
    entries = [_entry(record) for record in chosen]
    groups = duplicates.groups([entry.structure for entry in entries])
    entries = [entries[members[0]] for members in groups]
    log.info("%d crystals: %d elements, %d with one of the two", len(entries), len(elements), len(near))
    copies = settings["force_field_copies"]
    return _with_copies(entries, copies, settings, lambda k: streams(k + 1), provenance, log)


def references(settings: Settings, path: str | Path, elements: Sequence[Entry], provenance: Provenance) -> StructureSet:
    """Crystals of the elements, and the known compounds of the two that are searched.

    Parameters
    ----------
    settings : mapping
        minority, majority, max_sites.
    path : path
        Snapshot.
    elements : sequence of Entry
        A crystal of each element.
    provenance : Provenance
        Of the set.
    """
    pair = [settings["minority"], settings["majority"]]
    known = [
        _entry(record)
        for record in snapshot.records(path)
        if set(record["species"]) == set(pair) and len(record["species"]) <= settings["max_sites"]
    ]
    kept = [known[members[0]] for members in duplicates.groups([entry.structure for entry in known])]
    return readers.pack(readers.with_unique_names([*elements, *kept]), provenance)


def _related(elements: set[str], pair: set[str]) -> bool:
    """Whether a record is a binary compound of a rare earth and a magnetic metal, and not of the two themselves."""
    rare = elements & set(_RARE_EARTHS.split())
    return len(elements) == 2 and len(rare) == 1 and elements != pair


def _some(records: Sequence[Any], count: int, rng: np.random.Generator) -> list[Any]:
    """Take some of the records at random, in their order."""
    if count >= len(records):
        return list(records)
    return [records[k] for k in sorted(rng.permutation(len(records))[: max(0, count)])]


def _entry(record: Mapping[str, Any]) -> Entry:
    """Record of the snapshot as a primitive crystal."""
    from pymatgen.core import Structure

    structure = Structure(record["lattice"], record["species"], record["frac_coords"])
    structure = cells.cell(structure, "primitive", _SYMPREC_A)
    name = f"{structure.composition.reduced_formula}-{record['id']}"
    return Entry(name, f"{record['id']} of the snapshot", structure)


def _with_copies(
    entries: Sequence[Entry], copies: int, settings: Settings, streams: Streams, provenance: Provenance, log: Logger
) -> StructureSet:
    """Add the perturbed copies and pack."""
    rule = DistanceRule(_COPY_DISTANCE_RATIO, {})
    how = perturbation.Perturbation(copies, settings["rattle_A"], settings["strain"])

    def fits(structure: Any) -> bool:
        return not rule.broken(structure.lattice.matrix, structure.frac_coords, structure.atomic_numbers)

    made = perturbation.perturbed(entries, how, streams, fits)
    log.info("%d crystals and %d copies", len(entries), len(made) - len(entries))
    return readers.pack(made, provenance)
