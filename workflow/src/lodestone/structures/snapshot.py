"""The shipped snapshot of crystal structures: one JSON record a line, gzipped.

A record has `id`, `lattice` (3 vectors, angstrom), `species` (element of each site) and `frac_coords`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures.errors import StructureError, raise_all

SNAPSHOT = Path(__file__).resolve().parents[4] / "config" / "data" / "structures" / "snapshot.jsonl.gz"
KEYS = ("id", "lattice", "species", "frac_coords")
Record = dict[str, Any]
_ELEMENTS = set(atomic_numbers) - {"X"}  # ASE's dummy


def records(path: str | Path) -> Iterator[Record]:
    """Read the records of a snapshot (JSON lines, gzipped or not).

    Raises
    ------
    StructureError
        If the file is absent or a line is no record; it names the file and the line.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        kind = "gzipped JSON lines" if path.suffix == ".gz" else "JSON lines in UTF-8"
        raise StructureError(str(path), f"{error}, expected {kind}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _record(line, f"{path}, line {number}")


def _record(line: str, where: str) -> Record:
    """Check one record."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise StructureError(where, f"no JSON ({error}), expected one record a line") from None
    missing = [key for key in KEYS if not isinstance(record, dict) or key not in record]
    if missing:
        raise StructureError(where, f"no {', '.join(missing)}, expected {', '.join(KEYS)}")
    sites, positions = record["species"], record["frac_coords"]
    if not isinstance(sites, list) or not isinstance(positions, list) or not isinstance(record["id"], str):
        raise StructureError(where, "values of other kinds, expected id as text, species and frac_coords as lists")
    if not sites or len(sites) != len(positions):
        raise StructureError(where, f"{len(sites)} species and {len(positions)} positions, expected as many, 1 or more")
    unknown = sorted({str(symbol) for symbol in sites} - _ELEMENTS)
    if unknown:
        raise StructureError(where, f"unknown elements {', '.join(unknown)}, allowed: those of the periodic table")
    for key, shape in (("lattice", (3, 3)), ("frac_coords", (len(sites), 3))):
        _require_numbers(record[key], shape, f"{where}: {key}")
    return record


def _require_numbers(values: Any, shape: tuple[int, int], where: str) -> None:
    """Refuse what is no table of finite numbers of this shape."""
    expected = f"expected {shape[0]} rows of {shape[1]} finite numbers"
    try:
        table = np.array(values, float)
    except (TypeError, ValueError) as error:
        raise StructureError(where, f"{error}, {expected}") from None
    if table.shape != shape or not np.isfinite(table).all():
        raise StructureError(where, f"shape {table.shape} with {np.isfinite(table).sum()} finite numbers, {expected}")


def read(path: str | Path, provenance: Provenance, wanted: Callable[[Record], bool] | None = None) -> StructureSet:
    """Read a snapshot, or those of its records that are wanted, as a structure set.

    Parameters
    ----------
    path : str or Path
        File of records.
    provenance : Provenance
        Of the structure set.
    wanted : callable, optional
        Says of a record whether it is taken.
    """
    chosen = [record for record in records(path) if wanted is None or wanted(record)]
    name = Path(path).name
    return StructureSet.from_arrays(
        lattices=[record["lattice"] for record in chosen],
        atomic_numbers=[[atomic_numbers[symbol] for symbol in record["species"]] for record in chosen],
        fractional=[record["frac_coords"] for record in chosen],
        moments=[None] * len(chosen),
        names=[record["id"] for record in chosen],
        sources=[f"{record['id']} of {name}" for record in chosen],
        provenance=provenance,
    )


def of_systems(systems: Iterable[str]) -> Callable[[Record], bool]:
    """Choose records whose elements all belong to one of these chemical systems, such as ``["Nd-Fe"]``."""
    allowed = [set(system.split("-")) for system in systems]
    return lambda record: any(set(record["species"]) <= system for system in allowed)


def is_binary(record: Mapping[str, Any], min_ratio: float) -> bool:
    """Whether a record has two elements and at least so many atoms of one for each atom of the other."""
    counts = sorted(record["species"].count(symbol) for symbol in set(record["species"]))
    return len(counts) == 2 and counts[1] >= min_ratio * counts[0]


def select(structures: Iterable[Record], every: set[str]) -> list[Record]:
    """Choose what the shipped snapshot holds, sorted by id.

    Taken are crystals of one element, binary ones with five or more atoms of one element for each of the other, and
    those whose id is in `every`; all of the Materials Project.

    Parameters
    ----------
    structures : iterable of records
        Later records of one id replace earlier ones.
    every : set of str
        Ids that are taken whatever their composition.
    """
    by_id = {record["id"]: record for record in structures if record["id"].startswith(("mp-", "mvc-"))}
    chosen = [
        {key: record[key] for key in KEYS}
        for record in by_id.values()
        if len(set(record["species"])) == 1 or record["id"] in every or is_binary(record, 5)
    ]
    return sorted(chosen, key=lambda record: (record["id"].split("-")[0], int(record["id"].split("-")[1])))


def write(path: str | Path, chosen: Iterable[Record]) -> None:
    """Write records, sorted keys, no times: equal records give equal bytes."""
    lines = [json.dumps(record, sort_keys=True, separators=(",", ":")) for record in chosen]
    names = [record["id"] for record in map(json.loads, lines)]
    twice = [StructureError(str(path), f"{n} more than once") for n in sorted(set(names)) if names.count(n) > 1]
    raise_all(twice)
    Path(path).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
