"""Exchange couplings from other programs, each converted to H = - sum over i != j of J_ij e_i.e_j (ij and ji counted).

UppASD and RSPt use the same Hamiltonian, in mRy. TB2J uses it too, in meV. VAMPIRE counts every pair once,
H = - sum over i < j, in J: its values are twice ours.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.lines import NUMBER, OutputError, number, numbers
from lodestone.magnetism.units import E_CHARGE, RYDBERG_MEV

_MEV_PER_MRY = RYDBERG_MEV * 1e-3
_MEV_PER_J = 1e3 / E_CHARGE


# Volume per atom: no solid lies outside. Beyond: a wrong unit of length.
_ATOM_A3 = (2.0, 200.0)


def _text(path: Path) -> list[str]:
    """Lines of a file, packed or not."""
    try:
        if path.suffix == ".gz":
            return gzip.decompress(path.read_bytes()).decode().splitlines()
        return path.read_text().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise OutputError(str(path), 1, str(problem), "a text file that can be read") from None


def _exactly(path: Path, line: int, text: str, least: int, what: str, at_most: int | None = None) -> list[float]:
    """Numbers of a line with nothing else on it, at least so many, all finite."""
    try:
        values = [float(token) for token in text.split()]
    except ValueError:
        values = []
    if len(values) < least or not np.isfinite(values).all() or (at_most is not None and len(values) > at_most):
        raise OutputError(str(path), line, text, what)
    return values


def _check_volume(path: Path, line: int, lattice: NDArray[np.float64], atoms: int) -> None:
    """Refuse a cell that cannot hold its atoms, or is far too large for them."""
    each = abs(float(np.linalg.det(lattice))) / max(atoms, 1)
    if not _ATOM_A3[0] <= each <= _ATOM_A3[1]:
        raise OutputError(
            str(path), line, f"{each:.4g} A^3 for each of {atoms} atoms", f"{_ATOM_A3[0]:g} to {_ATOM_A3[1]:g} A^3"
        )


def _rows(path: Path, least: int, what: str) -> Iterator[list[float]]:
    """Numbers of every line that is neither blank nor a comment."""
    for at, line in enumerate(_text(path)):
        text = line.split("#")[0].split("!")[0].strip()
        if text:
            yield _exactly(path, at + 1, text, least, what)


def read_uppasd(folder: str | Path, provenance: Provenance, name: str | None = None) -> Exchange:
    """Read the input of an UppASD run, as RSPt writes it: ``inpsd.dat`` and the files that it names.

    Couplings by number of the atoms and cell (``maptype`` 2 or 3), positions in lattice coordinates or Cartesian, in
    units of ``alat``; files may be packed (``.gz``). Every bond must be listed (``sym`` 0).

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    base = Path(folder)
    base = base.parent if base.is_file() else base
    keys = _uppasd_keys(base / "inpsd.dat")
    lattice = np.array(keys["cell"], float)
    inputs = base / "inpsd.dat"
    for key, allowed in (("maptype", ("2", "3")), ("sym", ("0",))):
        # UppASD's own defaults: maptype 1, sym 0.
        found = keys.get(key, [{"maptype": "1", "sym": "0"}[key]])[0]
        if found not in allowed:
            raise OutputError(str(inputs), 1, f"{key} {found}", f"{key} {' or '.join(allowed)}")
    scale = _exactly(inputs, 1, keys["alat"][0].lower().replace("d", "e"), 1, "a number: alat, in m")[0] * 1e10
    positions = np.array([row[2:5] for row in _rows(_named(base, keys, "posfile"), 5, "atom, type, three coordinates")])
    if keys.get("posfiletype", ["C"])[0].upper() != "D":
        positions = positions @ np.linalg.inv(lattice)
    moments = [row[2] for row in _rows(_named(base, keys, "momfile"), 3, "atom, 1, moment")]
    couplings = _named(base, keys, "exchange")
    rows = np.array([row[:6] for row in _rows(couplings, 6, "two atoms, three cells, J in mRy")])
    if not len(rows):
        raise OutputError(str(couplings), 1, "no line", "two atoms, three cells, J in mRy")
    if len(moments) != len(positions) or rows[:, :2].max() > len(positions) or rows[:, :2].min() < 1:
        raise OutputError(
            str(couplings), 1, f"{len(moments)} moments, {len(positions)} positions", "equal numbers of atoms"
        )
    _check_volume(inputs, 1, lattice * scale, len(positions))
    return from_bonds(
        lattice_A=lattice * scale,
        fractional=positions,
        moment_muB=moments,
        source=rows[:, 0] - 1,
        target=rows[:, 1] - 1,
        cell=rows[:, 2:5],
        meV=rows[:, 5] * _MEV_PER_MRY,
        name=name or base.name,
        provenance=provenance,
    )


def _uppasd_keys(path: Path) -> dict[str, list[str]]:
    """Keys of an ``inpsd.dat`` with their values; ``cell`` has nine."""
    keys: dict[str, list[str]] = {}
    lines = [line.split("#")[0] for line in _text(path)]
    for at, line in enumerate(lines):
        key, *values = line.split() or [""]
        if key.lower() == "cell":
            rows = [numbers(text)[:3] for text in (" ".join(values), *lines[at + 1 : at + 3])]
            if any(len(row) != 3 for row in rows):
                raise OutputError(str(path), at + 1, line, "three lattice vectors")
            keys["cell"] = [str(value) for row in rows for value in row]
        elif key and values:
            keys.setdefault(key.lower(), values)
    for wanted in ("cell", "alat", "posfile", "momfile", "exchange"):
        if wanted not in keys:
            raise OutputError(str(path), 1, ", ".join(keys), f"the key {wanted}")
    keys["cell"] = [keys["cell"][3 * i : 3 * i + 3] for i in range(3)]  # type: ignore[misc]
    return keys


def _named(base: Path, keys: dict[str, list[str]], key: str) -> Path:
    """Path of a file that the input names; ``jfile`` stands in for couplings under another name."""
    for candidate in (base / keys[key][0], base / f"{keys[key][0]}.gz", base / "jfile.gz", base / "jfile"):
        if candidate.is_file() and (key == "exchange" or not candidate.name.startswith("jfile")):
            return candidate
    raise OutputError(str(base / "inpsd.dat"), 1, f"{key} {keys[key][0]}", "a file that is there")


def _count(path: Path, line: int, text: str) -> int:
    """Whole number above 0 at the beginning of a line."""
    first = text.split()[0]
    if not first.isdigit() or int(first) == 0:
        raise OutputError(str(path), line, text, "a number from 1 at the beginning")
    return int(first)


def read_vampire(path: str | Path, provenance: Provenance, moment_muB: float | list[float] = 1.0) -> Exchange:
    """Read a VAMPIRE unit cell file (``.UCF``) with isotropic, vectorial or tensorial couplings (a third of the trace).

    Parameters
    ----------
    path : path
        The file.
    provenance : Provenance
        Where the couplings came from.
    moment_muB : float or list of float
        Moments, which VAMPIRE keeps in its material file: one for all, or one for each material number.

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    where = Path(path)
    lines = [(at + 1, text) for at, line in enumerate(_text(where)) if (text := line.split("#")[0].strip())]
    if len(lines) < 6:
        raise OutputError(str(where), 1, lines[0][1] if lines else "", "a unit cell file")
    size = _exactly(where, *lines[0], 3, "three edges in angstrom")[:3]
    axes = np.array([_exactly(where, *line, 3, "a lattice vector", 3) for line in lines[1:4]])
    count = _count(where, *lines[4])
    if len(lines) < 6 + count:
        raise OutputError(str(where), lines[-1][0], lines[-1][1], f"{count} atoms and a line with the interactions")
    atoms = [_exactly(where, *line, 4, "number, three coordinates, material") for line in lines[5 : 5 + count]]
    _check_volume(where, lines[0][0], axes * np.array(size)[:, None], count)
    head_at, head = lines[5 + count]
    table = _vampire_bonds(where, head_at, head, lines[6 + count :], count)
    one_for_all = isinstance(moment_muB, int | float)
    materials = [int(atom[4]) if len(atom) > 4 else 0 for atom in atoms]
    if not one_for_all and not all(0 <= one < len(moment_muB) for one in materials):  # type: ignore[arg-type]
        raise OutputError(
            str(where), lines[5][0], f"materials {sorted(set(materials))}", f"moments of all of them, not {moment_muB}"
        )
    moments = [moment_muB if one_for_all else moment_muB[one] for one in materials]  # type: ignore[index]
    return from_bonds(
        lattice_A=axes * np.array(size)[:, None],
        fractional=np.array([atom[1:4] for atom in atoms]),
        moment_muB=[float(moment) for moment in moments],  # type: ignore[arg-type]
        source=table[:, 0],
        target=table[:, 1],
        cell=table[:, 2:5],
        meV=table[:, 5] * _MEV_PER_J / 2,
        name=where.stem,
        provenance=provenance,
    )


def _vampire_bonds(
    where: Path, head_at: int, head: str, rows: list[tuple[int, str]], count: int
) -> NDArray[np.float64]:
    """Two atoms, three cells and J of every interaction, (bond, 6)."""
    at = head_at
    kind = (head.split() + ["isotropic"])[1].lower()
    columns = {
        "isotropic": (0,),
        "0": (0,),
        "vectorial": (0, 1, 2),
        "1": (0, 1, 2),
        "tensorial": (0, 4, 8),
        "2": (0, 4, 8),
    }
    if kind not in columns:
        raise OutputError(str(where), head_at, head, "isotropic, vectorial or tensorial")
    bonds = []
    for at, text in rows:
        values = _exactly(where, at, text, 7 + max(columns[kind]), "number, two atoms, three cells and J")
        if not all(0 <= atom < count for atom in values[1:3]):
            raise OutputError(str(where), at, text, f"atoms 0 to {count - 1}")
        bonds.append([*values[1:6], float(np.mean([values[6 + column] for column in columns[kind]]))])
    announced = _count(where, head_at, head)
    if len(bonds) != announced:
        raise OutputError(str(where), at, f"{len(bonds)} interactions", f"{announced} as line {head!r} says")
    return np.array(bonds)


_TB2J_ATOM = re.compile(rf"\s*(\w+?)\s+(({NUMBER})(\s+({NUMBER}))*)\s*$")
_TB2J_BOND = re.compile(rf"\s*(\w+)\s+(\w+)\s+\(\s*({NUMBER}),\s*({NUMBER}),\s*({NUMBER})\)\s+({NUMBER})\s+\(")


def read_tb2j(path: str | Path, provenance: Provenance) -> Exchange:
    """Read ``exchange.out`` of TB2J: cell, atoms with charge and moment, and the isotropic couplings.

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    where = Path(path)
    lines = _text(where)
    cell_at = next((i for i, line in enumerate(lines) if line.startswith("Cell")), None)
    if cell_at is None:
        raise OutputError(str(where), 1, lines[0] if lines else "", "a line 'Cell (Angstrom):' of TB2J's exchange.out")
    if len(lines) < cell_at + 4:
        raise OutputError(str(where), len(lines), lines[-1], "three lattice vectors")
    lattice = np.array([_exactly(where, cell_at + k + 1, lines[cell_at + k], 3, "a vector", 3) for k in (1, 2, 3)])
    atoms: dict[str, tuple[list[float], float]] = {}
    source, target, cells, meV = [], [], [], []
    for at, line in enumerate(lines[cell_at + 4 :], cell_at + 5):
        if match := _TB2J_BOND.match(line):
            if match[1] not in atoms or match[2] not in atoms:
                raise OutputError(str(where), at, line, f"atoms among {', '.join(atoms)}")
            order = list(atoms)
            source.append(order.index(match[1]))
            target.append(order.index(match[2]))
            cells.append([int(match[3]), int(match[4]), int(match[5])])
            meV.append(number(match[6]))
            if not np.isfinite(meV[-1]):
                raise OutputError(str(where), at, line, "a coupling in meV")
        elif (words := line.split()) and words[0] in atoms and "(" in line:
            raise OutputError(str(where), at, line, "two atoms, a cell (i, j, k), J in meV and a vector")
        elif not source and (match := _TB2J_ATOM.match(line)) and len(numbers(match[2])) >= 4:
            values = numbers(match[2])
            if len(values) not in (5, 7) or not np.isfinite(values).all():
                if match[1] != "Total":
                    raise OutputError(str(where), at, line, "x, y, z, charge and a moment or its three components")
            elif match[1] != "Total":
                # x, y, z, charge, then one moment or three components.
                atoms[match[1]] = (values[:3], values[4] if len(values) == 5 else float(np.linalg.norm(values[4:7])))
    if not source:
        raise OutputError(str(where), len(lines), lines[-1], "a table of exchange parameters")
    _check_volume(where, cell_at + 2, lattice, len(atoms))
    used = sorted({*source, *target})
    return from_bonds(
        lattice_A=lattice,
        fractional=np.array([list(atoms.values())[k][0] for k in used]) @ np.linalg.inv(lattice),
        moment_muB=[list(atoms.values())[k][1] for k in used],
        source=[used.index(k) for k in source],
        target=[used.index(k) for k in target],
        cell=cells,
        meV=meV,
        name=where.parent.name or "TB2J",
        provenance=provenance,
    )
