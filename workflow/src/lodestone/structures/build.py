"""A structure set from what the config asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import Logger
from pathlib import Path
from typing import Any

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import cells, checks, duplicates, materials_project, readers, snapshot, substitution
from lodestone.structures.distances import DistanceRule, pair_of
from lodestone.structures.errors import StructureError, raise_all
from lodestone.structures.readers import Entry

Settings = Mapping[str, Any]
LABELS = {
    "prototypes": "Materials Project snapshot, elements substituted by lodestone",
    "snapshot": "Materials Project snapshot",
    "materials_project": "Materials Project",
    "files": "files of the user",
}


def build(settings: Settings, files: Sequence[str | Path], provenance: Provenance, log: Logger) -> StructureSet:
    """Read or make structures, check them, bring them to the wanted cell, remove duplicates.

    Parameters
    ----------
    settings : mapping
        The section ``electronic_structure.structures`` of the config.
    files : sequence of path
        Files and folders of the source ``files``; the kept answer of the Materials Project; else snapshots.
    provenance : Provenance
        Of the set.
    log : Logger
        Told how many structures each stage leaves.

    Raises
    ------
    StructureError, StructuresRefused
        With every structure that cannot be calculated, by file and reason; or if none is left.
    """
    rule = distance_rule(settings)
    entries = _SOURCES[settings["source"]](settings, files, rule, log)
    log.info("%d structures from %s", len(entries), LABELS[settings["source"]])
    entries = [_in_cell(entry, settings) for entry in entries]
    if settings["source"] in ("snapshot", "materials_project"):
        entries = _by_size(entries)
    limit = settings["max_sites"]
    small = [entry for entry in entries if len(entry.structure) <= limit]
    log.info("%d structures of more than %d sites left out", len(entries) - len(small), limit)
    if settings["remove_duplicates"]:
        groups = duplicates.groups([entry.structure for entry in small], tolerance(settings))
        log.info("%d duplicates removed", len(small) - len(groups))
        small = [small[members[0]] for members in groups]
    most = settings["max_structures"] or len(small)
    log.info("%d structures kept, %d beyond max_structures left out", min(most, len(small)), max(len(small) - most, 0))
    if not small:
        raise StructureError("electronic_structure.structures", "no structure is left, expected one at least")
    return readers.pack(readers.with_unique_names(small[:most]), provenance)


def distance_rule(settings: Settings) -> DistanceRule:
    """Smallest distances by pair of elements that the config sets."""
    pairs = {pair_of(*entry["pair"].split("-")): entry["distance_A"] for entry in settings["min_distances"]}
    return DistanceRule(settings["min_distance_ratio"], pairs)


def tolerance(settings: Settings) -> duplicates.Tolerance:
    """When two structures count as the same; relaxed crystals of other volume are others."""
    return duplicates.Tolerance(scale=settings["source"] == "prototypes")


def _from_files(settings: Settings, files: Sequence[str | Path], rule: DistanceRule, log: Logger) -> list[Entry]:
    """Structures of the user's files; one that cannot be calculated stops the job."""
    return readers.read_files(files, rule)


def _from_snapshot(settings: Settings, files: Sequence[str | Path], rule: DistanceRule, log: Logger) -> list[Entry]:
    """Structures of the shipped snapshot in the chemical systems of the config."""
    wanted = snapshot.of_systems(settings["systems"])
    parts = [snapshot.read(path, Provenance.of(LABELS["snapshot"], 0, {}), wanted) for path in files]
    raise_all([problem for known in parts for problem in checks.problems(known, rule)])
    return [entry for known in parts for entry in readers.unpack(known)]


def _from_materials_project(
    settings: Settings, files: Sequence[str | Path], rule: DistanceRule, log: Logger
) -> list[Entry]:
    """Structures of the kept answer; the Materials Project holds disordered ones no more, so each must be usable."""
    entries = [entry for path in files for entry in materials_project.entries(path)]
    return readers.usable(entries, rule)


def _from_prototypes(settings: Settings, files: Sequence[str | Path], rule: DistanceRule, log: Logger) -> list[Entry]:
    """Decorate binary crystals of the snapshot; the known crystals of the two elements come first."""
    chosen = settings["prototypes"]
    provenance = Provenance.of(LABELS["snapshot"], 0, {})
    known = StructureSet.concatenate([snapshot.read(path, provenance) for path in files], provenance)
    made = substitution.prototypes(
        known,
        substitution.Substitution(
            minority=chosen["minority"],
            majority=chosen["majority"],
            min_ratio=chosen["min_ratio"],
            decorations=chosen["decorations"],
            max_sites=settings["max_sites"],
            max_volume_ratio=chosen["max_volume_ratio"],
            distances=rule,
            tolerance=tolerance(settings),
        ),
    )
    log.info("%d binary structures of ratio %g or more in the snapshot", made.binaries, chosen["min_ratio"])
    log.info("%d decorated; left out: %d too large, %d too close", made.decorated, made.too_large, made.too_close)
    log.info("%d of them duplicates of others, %d prototypes", made.duplicates, len(made.entries))
    if not chosen["known_compounds"]:
        return made.entries
    return [*_by_size(substitution.compounds(known, chosen["minority"], chosen["majority"])), *made.entries]


def _in_cell(entry: Entry, settings: Settings) -> Entry:
    """Bring one structure to the wanted cell."""
    try:
        structure = cells.cell(entry.structure, settings["cell"], settings["symprec_A"])
    except ValueError as error:
        raise StructureError(entry.source, str(error)) from None
    return Entry(entry.name, entry.source, structure)


def _by_size(entries: list[Entry]) -> list[Entry]:
    """Small cells first."""
    return sorted(entries, key=lambda entry: (len(entry.structure), entry.name))


_SOURCES = {
    "prototypes": _from_prototypes,
    "files": _from_files,
    "materials_project": _from_materials_project,
    "snapshot": _from_snapshot,
}
