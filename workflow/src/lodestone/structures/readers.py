"""Structures from files: CIF, POSCAR, extended XYZ and other formats of ASE, pymatgen's JSON, and our snapshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ase.data import chemical_symbols
from pymatgen.core import Structure

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import checks, files, formats, snapshot
from lodestone.structures.distances import DistanceRule
from lodestone.structures.errors import StructureError, raise_all


@dataclass(frozen=True)
class Entry:
    """A structure with its name and where it came from."""

    name: str
    source: str
    structure: Structure


def find_files(paths: Iterable[str | Path]) -> list[Path]:
    """Files named, and those of a known format in folders named (not in folders below), sorted within a folder.

    Raises
    ------
    StructureError, StructuresRefused
        For what does not exist and for a folder without structures.
    """
    found = list(map(Path, files.expand(paths)))
    formats_text = ", ".join(files.PATTERNS)
    raise_all(
        [
            StructureError(
                str(path), f"a folder without structures, expected {formats_text}" if path.is_dir() else "no such file"
            )
            for path in found
            if not path.is_file()
        ]
    )
    return found


def read_files(
    paths: Iterable[str | Path],
    distances: DistanceRule | None = None,
    refusal: Callable[[Structure], str] | None = None,
) -> list[Entry]:
    """Read and check all structures of files and folders.

    Parameters
    ----------
    paths : iterable of str or Path
        Files and folders.
    distances : DistanceRule, optional
        Smallest distances by pair of elements.
    refusal : callable, optional
        What else may be wrong with a structure, in words; empty where nothing is.

    Returns
    -------
    list of Entry
        With unique names made from the names of the files.

    Raises
    ------
    StructureError, StructuresRefused
        With all files that cannot be read and all structures that cannot be calculated, each with the reason.
    """
    found: list[Entry] = []
    problems: list[StructureError] = []
    for path in find_files(paths):
        try:
            found.extend(read_file(path))
        except StructureError as error:
            problems.append(error)
    return with_unique_names(usable(found, distances, problems, refusal))


def usable(
    entries: Iterable[Entry],
    distances: DistanceRule | None = None,
    problems: Sequence[StructureError] = (),
    refusal: Callable[[Structure], str] | None = None,
) -> list[Entry]:
    """Return the structures as bare atoms with collinear moments.

    Raises
    ------
    StructureError, StructuresRefused
        If any cannot be calculated, with the reasons for each; after the `problems` already found.
    """
    found, fit = list(problems), []
    for entry in entries:
        reasons = checks.refusals(entry.structure, distances)
        if not reasons and refusal is not None and (reason := refusal(entry.structure)):
            reasons = [reason]
        if reasons:
            found.append(StructureError(entry.source, "; ".join(reasons)))
        else:
            fit.append(replace(entry, structure=_with_collinear_moments(entry.structure)))
    raise_all(found)
    return fit


def read_file(path: str | Path) -> Iterator[Entry]:
    """All structures of one file as they stand, disordered and charged ones too.

    Raises
    ------
    StructureError
        If the file cannot be read, naming it and the parser's reason.
    """
    path = Path(path)
    if path.name.lower().endswith((".jsonl", ".jsonl.gz")):
        for record in snapshot.records(path):
            crystal = Structure(record["lattice"], record["species"], record["frac_coords"])
            yield Entry(folder_name(record["id"]), f"{record['id']} of {path}", crystal)
        return
    crystals = formats.parse(path)
    for number, crystal in enumerate(crystals, start=1):
        several = len(crystals) > 1
        yield Entry(
            folder_name(f"{_stem(path)}-{number}" if several else _stem(path)),
            f"{path}, structure {number}" if several else str(path),
            crystal,
        )


def with_unique_names(entries: Sequence[Entry]) -> list[Entry]:
    """Append -2, -3 ... to the names that came before."""
    taken: set[str] = set()
    renamed = []
    for entry in entries:
        name, number = entry.name, 1
        while name in taken:
            number += 1
            name = f"{entry.name}-{number}"
        taken.add(name)
        renamed.append(replace(entry, name=name))
    return renamed


def folder_name(text: str) -> str:
    """Turn any text into a name that can name a folder."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "_", text).lstrip("._+-") or "structure"


def pack(entries: Sequence[Entry], provenance: Provenance) -> StructureSet:
    """Return the entries as an artifact."""
    return StructureSet.from_structures(
        [entry.structure for entry in entries],
        [entry.name for entry in entries],
        provenance,
        [entry.source for entry in entries],
    )


def unpack(structures: StructureSet) -> list[Entry]:
    """Entries of an artifact."""
    return list(map(Entry, structures.names(), structures.sources(), structures.structures()))


def _stem(path: Path) -> str:
    """Name of a file without its format; POSCAR and CONTCAR alone are named by their folder."""
    name = Path(files.plain_name(path.name))
    if name.name in ("POSCAR", "CONTCAR"):
        return path.absolute().parent.name
    return name.stem if name.suffix.lower() in formats.SUFFIXES else name.name


def _with_collinear_moments(structure: Structure) -> Structure:
    """Return bare atoms with one number a site as start moment, if there are moments; spins of species are such."""
    moments = structure.site_properties.get("magmom")
    spins = [getattr(site.specie, "spin", None) for site in structure]
    if moments is None and any(spin is not None for spin in spins):
        moments = [spin or 0.0 for spin in spins]
    along = None if moments is None else checks.collinear(moments)
    return Structure(
        structure.lattice,
        [chemical_symbols[z] for z in structure.atomic_numbers],
        structure.frac_coords,
        site_properties=None if along is None else {"magmom": along.tolist()},
    )
