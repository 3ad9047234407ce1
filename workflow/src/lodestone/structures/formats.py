"""File formats of crystal structures, read by the parsers of pymatgen and ASE, and held to what they let pass."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from pymatgen.core import Structure

from lodestone.structures import files
from lodestone.structures.errors import StructureError

SUFFIXES = (".cif", ".mcif", ".vasp", ".poscar", ".xyz", ".extxyz", ".json")
_OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_LONGEST_REASON = 300
_SYMBOL = re.compile(r"([A-Za-z]+)((?:\d*[-+])|(?:[-+]\d*))?")
# CIF writes deuterium so; every table of elements has hydrogen.
_ELEMENTS = {*atomic_numbers, "D"} - {"X"}
_CELL = [f"_cell_{name}" for name in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")]


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
            crystals = _parser(Path(files.plain_name(path.name)))(path)
    except StructureError:
        raise
    except Exception as error:  # parsers raise whatever they like
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise StructureError(str(path), f"cannot be read ({type(error).__name__}: {reason})") from None
    if not crystals:
        raise StructureError(str(path), "no structure in it, expected one at least")
    return crystals


def _parser(name: Path) -> Any:
    """Reader of files of this name, whatever compresses them."""
    suffix = name.suffix.lower()
    if suffix in (".cif", ".mcif"):
        return _read_cif
    if suffix == ".json":
        return _read_json
    if suffix in (".vasp", ".poscar") or re.search("POSCAR|CONTCAR", name.name):
        return _read_poscar
    return _read_ase


def _text(path: Path) -> str:
    """Text of a file, unpacked; letters that are no UTF-8 stand in comments, or the parser will say so."""
    with _OPEN.get(path.suffix.lower(), open)(path, "rb") as stream:
        return stream.read().decode("utf-8-sig", errors="replace")


def _read_cif(path: Path) -> list[Structure]:
    """Structures of a CIF, with all its atoms: pymatgen leaves out those whose element it does not know."""
    from pymatgen.io.cif import CifParser

    parser = CifParser.from_str(_blocks_with_atoms(_text(path)), check_cif=False)
    for block in parser.as_dict().values():
        _require_cell(path, block)
        _require_elements(path, block.get("_atom_site_type_symbol"), whole=True)
        if "_atom_site_type_symbol" not in block:
            _require_elements(path, block.get("_atom_site_label"), whole=False)
    return parser.parse_structures(primitive=False, on_error="raise")


def _blocks_with_atoms(text: str) -> str:
    """Return a CIF without blocks that hold no crystal, as journals and programs write them for title and authors."""
    head, *blocks = re.split(r"(?mi)^(?=data_)", text)
    return head + "".join([block for block in blocks if "_atom_site" in block] or blocks)


def _require_cell(path: Path, block: Mapping[str, Any]) -> None:
    """Edges and angles are there and are positive numbers, perhaps with an uncertainty in brackets."""
    for key in _CELL:
        found = str(block.get(key, "nothing"))
        try:
            good = float(found.partition("(")[0]) > 0
        except ValueError:
            good = False
        if not good:
            raise StructureError(str(path), f"{key}: found {found}, allowed: a number above 0")


def _require_elements(path: Path, labels: list[str] | None, *, whole: bool) -> None:
    """Labels begin with the symbol of an element; if `whole`, nothing but digits may follow, and no charge."""
    unknown, charged = set(), set()
    for label in labels or []:
        match = _SYMBOL.match(label)
        word = match[1].capitalize() if match else ""
        if word not in _ELEMENTS and (whole or not {word[:2], word[:1]} & _ELEMENTS):
            unknown.add(label)
        elif whole and match and match[2] and match[2].strip("+-") != "0":
            charged.add(label)
    if unknown:
        names = ", ".join(sorted(unknown))
        raise StructureError(str(path), f"unknown elements {names}, allowed: those of the periodic table")
    if charged:
        names = ", ".join(sorted(charged))
        raise StructureError(
            str(path), f"charged sites ({names}), allowed: neutral atoms; leave out the oxidation states"
        )


def _read_poscar(path: Path) -> list[Structure]:
    """One POSCAR; without element symbols pymatgen would guess them, which is refused."""
    from pymatgen.io.vasp.inputs import Poscar

    text = _text(path)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="(?i)elements in poscar cannot")
        crystal = Poscar.from_str(text, read_velocities=False).structure
    _require_no_more_atoms(path, text.splitlines(), len(crystal))
    return [Structure(crystal.lattice, crystal.species, crystal.frac_coords)]


def _require_no_more_atoms(path: Path, lines: list[str], count: int) -> None:
    """Right behind as many positions as were announced stands no further one; velocities follow an empty line."""
    numbered = 5 if lines[5].split()[0].isdigit() else 6
    kind = numbered + (2 if lines[numbered + 1].strip()[:1] in ("s", "S") else 1)
    after = lines[kind + 1 + count :][:1]
    if after and re.fullmatch(r"\s*(?:[-+.\deE]+\s+){2}[-+.\deE]+.*", after[0]):
        raise StructureError(str(path), f"more than the {count} positions announced, line {kind + 2 + count}")


def _read_json(path: Path) -> list[Structure]:
    """Pymatgen's JSON of one structure or a list of them, or of what holds one as its `structure`."""
    content = json.loads(_text(path))
    return [_from_json(entry) for entry in (content if isinstance(content, list) else [content])]


def _from_json(entry: Any) -> Structure:
    """One structure of a JSON file."""
    inner = entry.get("structure", entry) if isinstance(entry, dict) else entry
    if not isinstance(inner, dict) or not {"lattice", "sites"} <= set(inner):
        raise ValueError("found no lattice and sites, expected pymatgen's Structure")
    return Structure.from_dict(inner)


def _read_ase(path: Path) -> list[Structure]:
    """All images of a file that ASE knows."""
    import ase.io

    suffix = Path(files.plain_name(path.name)).suffix.lower()
    extended = suffix in (".xyz", ".extxyz")
    try:
        images = ase.io.read(path, index=":", format="extxyz" if extended else None)
    except KeyError as error:
        raise ValueError(f"unknown element or key {error}") from None
    return list(_from_ase(path, images, zeros_count=extended))


def _from_ase(path: Path, images: Any, *, zeros_count: bool) -> Iterator[Structure]:
    """Convert images of ASE; moments of a calculation come before start moments.

    Readers of many input files give every atom a start moment of 0 where the file says none; `zeros_count` says
    whether zeros are meant.
    """
    for number, atoms in enumerate(images, start=1):
        where = f"{path}, structure {number}" if len(images) > 1 else str(path)
        if atoms.cell.rank != 3 or not atoms.pbc.all():
            raise StructureError(where, "no periodic cell, expected three lattice vectors")
        charges = atoms.get_initial_charges()
        if np.any(charges) or atoms.info.get("charge"):
            raise StructureError(where, "charged sites or cell, allowed: neutral atoms")
        results = atoms.calc.results if atoms.calc is not None else {}
        initial = atoms.arrays.get("initial_magmoms")
        if initial is not None and not zeros_count and not np.any(initial):
            initial = None
        moments = results.get("magmoms", initial)
        yield Structure(
            atoms.cell.array,
            atoms.get_chemical_symbols(),
            atoms.get_scaled_positions(wrap=False),
            site_properties=None if moments is None else {"magmom": list(moments)},
        )
