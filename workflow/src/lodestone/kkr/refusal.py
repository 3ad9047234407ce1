"""Crystals without couplings: what a search found must not stop a run, so that a refusal travels on as a status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.exchange import CONVENTION, Exchange
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.archives import write_archive

if TYPE_CHECKING:
    from pymatgen.core import Structure

FILE = "refused.json"


def named(crystals: StructureSet, name: str) -> Structure:
    """Crystal of this name.

    Raises
    ------
    ValueError
        If there is none.
    """
    names = crystals.names()
    if name not in names:
        raise ValueError(f"exchange.crystals: found {name}, allowed are {', '.join(names[:20])}")
    return crystals.structure(names.index(name))


def write(archive: str | Path, crystals: StructureSet, name: str, reason: str) -> None:
    """Write an archive that says why a crystal has no inputs."""
    known = crystals.structure(crystals.names().index(name)).as_dict() if name in crystals.names() else None
    content = json.dumps({"reason": reason, "crystal": known}, sort_keys=True)
    write_archive(archive, {FILE: content.encode()})


def is_in(folder: Path) -> bool:
    """Whether a crystal's inputs are a refusal."""
    return (folder / FILE).is_file()


def read(folder: Path, name: str, provenance: Provenance) -> Exchange:
    """Exchange artifact of a crystal that was refused; without sites if there is no such crystal."""
    from pymatgen.core import Structure

    found = json.loads((folder / FILE).read_text())
    structure = Structure.from_dict(found["crystal"]) if found["crystal"] else None
    return without_couplings(structure, name, Status.REFUSED, found["reason"], provenance)


def without_couplings(
    structure: Structure | None,
    name: str,
    status: Status,
    message: str,
    provenance: Provenance,
    energy_eV: float | None = None,
) -> Exchange:
    """Exchange artifact with a geometry and a status, and nothing that follows from couplings."""
    count = len(structure) if structure is not None else 0
    zeros, none = np.zeros(count), np.zeros(0, np.int64)
    numbers = [site.specie.Z for site in structure] if structure is not None else []
    return Exchange(
        component_site=np.arange(count),
        atomic_number=np.array(numbers, np.uint8),
        concentration=np.ones(count),
        moment_muB=zeros,
        orbital_moment_muB=zeros,
        f_moment_muB=zeros,
        lattice_A=structure.lattice.matrix if structure is not None else np.eye(3),
        fractional=structure.frac_coords if structure is not None else np.zeros((0, 3)),
        bond_source=none,
        bond_target=none,
        bond_cell=np.zeros((0, 3), np.int64),
        bond_meV=np.zeros(0),
        name=name,
        convention=CONVENTION,
        complete=0,
        printed_Tc_K=0.0,
        printed_field_Tc_K=0.0,
        has_energy=int(energy_eV is not None),
        total_energy_eV=energy_eV or 0.0,
        status=int(status),
        message=message,
        provenance=provenance,
    )
