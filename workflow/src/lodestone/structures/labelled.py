"""Shipped crystals with published labels: formation energy and magnetisation by DFT, one JSON record a line.

A record of the file has what one of the snapshot has (`lodestone.structures.snapshot`), and
`formation_energy_eV_per_atom` and `moment_muB_per_atom`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.structures import snapshot
from lodestone.structures.errors import StructureError
from lodestone.structures.snapshot import Record

LABELS = ("formation_energy_eV_per_atom", "moment_muB_per_atom")
LABELS_FROM = "DFT of the Materials Project and Novamag, as collected for MagGen"
# Crystals with these bond differently from alloys; a small training has no room for them.
_NO_METALS = "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Te I Xe Sb At Rn"


def records(path: str | Path) -> Iterator[Record]:
    """Read the records of a labelled file.

    Raises
    ------
    StructureError
        If the file is absent, or a line is no record or has no labels; it names the file and the line.
    """
    for number, record in enumerate(snapshot.records(path), start=1):
        wrong = [key for key in LABELS if not isinstance(record.get(key), int | float)]
        if wrong:
            raise StructureError(f"{path}, record {number}", f"no number {', '.join(wrong)}, expected one")
        yield record


def select(
    path: str | Path,
    *,
    count: int,
    max_sites: int,
    metals_only: bool,
    excluded_system: Sequence[str],
    rng: np.random.Generator,
) -> list[Record]:
    """Choose records for a training, in random order that depends on the generator alone.

    Parameters
    ----------
    path : path
        Labelled file.
    count : int
        Number of records; 0 takes all.
    max_sites : int
        Largest cell.
    metals_only : bool
        Whether crystals with non-metals and metalloids are left out.
    excluded_system : sequence of str
        Elements of which no compound is taken: what a model is tested on must not be among its training data.
    rng : numpy.random.Generator
        Draws the order.
    """
    excluded = set(excluded_system)
    fitting = [record for record in records(path) if _fits(record, max_sites, metals_only, excluded)]
    if not fitting:
        raise StructureError(str(path), f"no crystal of up to {max_sites} sites fits, expected one at least")
    order = rng.permutation(len(fitting))
    return [fitting[k] for k in order[: count or len(order)]]


def pack(chosen: Sequence[Record], provenance: Provenance) -> LabelledSet:
    """Put records into an artifact; crystals of one reduced formula make a group."""
    return LabelledSet.of(
        lattices=[record["lattice"] for record in chosen],
        atomic_numbers=[[atomic_numbers[symbol] for symbol in record["species"]] for record in chosen],
        fractional=[record["frac_coords"] for record in chosen],
        names=[record["id"] for record in chosen],
        columns={key: [float(record[key]) for record in chosen] for key in LABELS},
        labels_from=LABELS_FROM,
        provenance=provenance,
    )


def _fits(record: Record, max_sites: int, metals_only: bool, excluded: set[str]) -> bool:
    """Whether a record may be chosen; a single element of the excluded system may, its compounds may not."""
    elements = set(record["species"])
    if len(record["species"]) > max_sites or (metals_only and elements & set(_NO_METALS.split())):
        return False
    return not (len(elements) > 1 and elements <= excluded)
