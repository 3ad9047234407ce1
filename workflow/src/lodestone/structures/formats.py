"""File formats of crystal structures, read by the parsers of pymatgen and ASE, and held to what they let pass."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from pymatgen.core import Structure

from lodestone.structures.errors import StructureError

SUFFIXES = (".cif", ".mcif", ".vasp", ".poscar", ".xyz", ".extxyz", ".json")
_LONGEST_REASON = 300
_LETTERS = re.compile(r"[A-Za-z]+")
# CIF writes deuterium so; every table of elements has hydrogen.
_ELEMENTS = {*atomic_numbers, "D"} - {"X"}


def parse(path: Path) -> list[Structure]:
    """All structures of a file: CIF, POSCAR, extended XYZ, pymatgen's JSON by name, others as ASE guesses them.

    Raises
    ------
    StructureError
        If the file cannot be read; it names the file and the reason.
    """
    try:
        with warnings.catch_warnings():
            # They tell of rounded coordinates and missing optional parts; what matters is checked afterwards.
            warnings.filterwarnings("ignore", module=r"(pymatgen|ase|monty)\b")
            crystals = _parser(path)(path)
    except StructureError:
        raise
    except Exception as error:  # parsers raise whatever they like
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise StructureError(str(path), f"cannot be read ({type(error).__name__}: {reason})") from None
    if not crystals:
        raise StructureError(str(path), "no structure in it, expected one at least")
    return crystals


def _parser(path: Path) -> Any:
    """Reader of files of this name."""
    suffix = path.suffix.lower()
    if suffix in (".cif", ".mcif"):
        return _read_cif
    if suffix == ".json":
        return _read_json
    if suffix in (".vasp", ".poscar") or re.search("POSCAR|CONTCAR", path.name):
        return _read_poscar
    return _read_ase


def _read_cif(path: Path) -> list[Structure]:
    """Structures of a CIF, with all its atoms: pymatgen leaves out those whose element it does not know."""
    from pymatgen.io.cif import CifParser

    parser = CifParser(path, check_cif=False)
    for block in parser.as_dict().values():
        _require_elements(path, block.get("_atom_site_type_symbol"), whole=True)
        if "_atom_site_type_symbol" not in block:
            _require_elements(path, block.get("_atom_site_label"), whole=False)
    return parser.parse_structures(primitive=False, on_error="raise")


def _require_elements(path: Path, labels: list[str] | None, *, whole: bool) -> None:
    """Labels begin with the symbol of an element; if `whole`, nothing but digits and signs follows."""
    unknown = []
    for label in labels or []:
        letters = _LETTERS.match(label)
        word = letters[0].capitalize() if letters else ""
        if word not in _ELEMENTS and (whole or not {word[:2], word[:1]} & _ELEMENTS):
            unknown.append(label)
    if unknown:
        names = ", ".join(sorted(set(unknown)))
        raise StructureError(str(path), f"unknown elements {names}, allowed: those of the periodic table")


def _read_poscar(path: Path) -> list[Structure]:
    """One POSCAR; without element symbols pymatgen would guess them, which is refused."""
    from pymatgen.io.vasp.inputs import Poscar

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(?i)elements in poscar cannot")
        poscar = Poscar.from_str(path.read_text(), read_velocities=False)
    return [Structure(poscar.structure.lattice, poscar.structure.species, poscar.structure.frac_coords)]


def _read_json(path: Path) -> list[Structure]:
    """Pymatgen's JSON of one structure or a list of them."""
    content = json.loads(path.read_text())
    return [Structure.from_dict(entry) for entry in (content if isinstance(content, list) else [content])]


def _read_ase(path: Path) -> list[Structure]:
    """All images of a file that ASE knows."""
    import ase.io

    name = "extxyz" if path.suffix.lower() in (".xyz", ".extxyz") else None
    try:
        images = ase.io.read(path, index=":", format=name)
    except KeyError as error:
        raise ValueError(f"unknown element or key {error}") from None
    return list(_from_ase(path, images))


def _from_ase(path: Path, images: Any) -> Iterator[Structure]:
    """Convert images of ASE; moments of a calculation come before start moments."""
    for number, atoms in enumerate(images, start=1):
        where = f"{path}, structure {number}" if len(images) > 1 else str(path)
        if atoms.cell.rank != 3 or not atoms.pbc.all():
            raise StructureError(where, "no periodic cell, expected three lattice vectors")
        charges = atoms.get_initial_charges()
        if np.any(charges) or atoms.info.get("charge"):
            raise StructureError(where, "charged sites or cell, allowed: neutral atoms")
        results = atoms.calc.results if atoms.calc is not None else {}
        moments = results.get("magmoms", atoms.arrays.get("initial_magmoms"))
        yield Structure(
            atoms.cell.array,
            atoms.get_chemical_symbols(),
            atoms.get_scaled_positions(wrap=False),
            site_properties=None if moments is None else {"magmom": list(moments)},
        )
