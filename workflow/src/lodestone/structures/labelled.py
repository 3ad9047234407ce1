"""Shipped crystals with published labels by DFT, one JSON record a line.

A record of a file has what one of the snapshot has (`lodestone.structures.snapshot`), and the labels of its
`Publication`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.structures import files, likeness, snapshot
from lodestone.structures.errors import StructureError
from lodestone.structures.snapshot import Record


@dataclass(frozen=True)
class Publication:
    """Labels that were published together.

    Attributes
    ----------
    labels : tuple of str
        Columns of a `LabelledSet`.
    labels_from : str
        What computed them.
    groups_are_systems : bool
        Whether crystals of one chemical system make a group; otherwise those of one reduced formula do.
    """

    labels: tuple[str, ...]
    labels_from: str
    groups_are_systems: bool = False


PROPERTIES = Publication(
    ("formation_energy_eV_per_atom", "moment_muB_per_atom"),
    "DFT of the Materials Project and Novamag, as collected for MagGen",
)
# A search is for a system that no label is of: what is kept aside must be new in the same way.
ANISOTROPY = Publication(("anisotropy_MJ_m3",), "DFT with spin-orbit coupling of Novamag", groups_are_systems=True)
# Crystals with these bond differently from alloys; a small training has no room for them.
_NO_METALS = "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Te I Xe Sb At Rn"


def records(path: str | Path, publication: Publication = PROPERTIES) -> Iterator[Record]:
    """Read the records of a labelled file.

    Raises
    ------
    StructureError
        If the file is absent, or a line is no record or has no labels; it names the file and the line.
    """
    for number, record in enumerate(snapshot.records(path), start=1):
        wrong = [key for key in publication.labels if not isinstance(record.get(key), int | float)]
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
    publication: Publication = PROPERTIES,
    alike_first: bool = False,
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
    publication : Publication
        Labels that every record must have.
    alike_first : bool
        Whether crystals of elements like those of the excluded system, two symbols, come before others; see `likeness`.
    """
    excluded = set(excluded_system)
    fitting = [r for r in records(path, publication) if _fits(r, max_sites, metals_only, excluded)]
    if not fitting:
        raise StructureError(str(path), f"no crystal of up to {max_sites} sites fits, expected one at least")
    order = rng.permutation(len(fitting))
    if alike_first:
        ranks = likeness.ranks([record["species"] for record in fitting], *excluded_system)
        order = order[np.argsort(np.array(ranks)[order], kind="stable")]
    return [fitting[k] for k in order[: count or len(order)]]


def gather(path: str, publication: Publication, seed: int, settings: Mapping[str, Any], algorithm: int) -> LabelledSet:
    """Choose records and put them into an artifact; `settings` are those of the rules that gather labels."""
    chosen = select(
        path,
        count=settings["structures"],
        max_sites=settings["max_sites"],
        metals_only=settings["metals_only"],
        excluded_system=[settings["minority"], settings["majority"]],
        rng=random.stream(seed, "published_labels"),
        publication=publication,
        alike_first=settings["alike_first"],
    )
    provenance = Provenance.of(publication.labels_from, seed, settings, files.parent_names([path]), algorithm)
    return pack(chosen, provenance, publication)


def pack(chosen: Sequence[Record], provenance: Provenance, publication: Publication = PROPERTIES) -> LabelledSet:
    """Put records into an artifact."""
    by_system = publication.groups_are_systems
    return LabelledSet.of(
        lattices=[record["lattice"] for record in chosen],
        atomic_numbers=[[atomic_numbers[symbol] for symbol in record["species"]] for record in chosen],
        fractional=[record["frac_coords"] for record in chosen],
        names=[record["id"] for record in chosen],
        columns={key: [float(record[key]) for record in chosen] for key in publication.labels},
        labels_from=publication.labels_from,
        provenance=provenance,
        groups=[frozenset(record["species"]) for record in chosen] if by_system else None,
    )


def _fits(record: Record, max_sites: int, metals_only: bool, excluded: set[str]) -> bool:
    """Whether a record may be chosen; a single element of the excluded system may, its compounds may not."""
    elements = set(record["species"])
    if len(record["species"]) > max_sites or (metals_only and elements & set(_NO_METALS.split())):
        return False
    return not (len(elements) > 1 and elements <= excluded)
