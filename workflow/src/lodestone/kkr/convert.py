"""Exchange couplings from other programs, each converted to H = - sum over i != j of J_ij e_i.e_j (ij and ji counted).

UppASD and RSPt use the same Hamiltonian, in mRy. TB2J uses it too, in meV. VAMPIRE counts every pair once,
H = - sum over i < j, in J: its values are twice ours.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.lines import NUMBER, OutputError, numbers
from lodestone.magnetism.units import E_CHARGE, RYDBERG_MEV

_MEV_PER_MRY = RYDBERG_MEV * 1e-3
_MEV_PER_J = 1e3 / E_CHARGE


def _text(path: Path) -> list[str]:
    """Lines of a file, packed or not."""
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes()).decode().splitlines()
    return path.read_text().splitlines()


def _rows(path: Path, least: int, what: str) -> Iterator[list[float]]:
    """Numbers of every line that is neither blank nor a comment."""
    for at, line in enumerate(_text(path)):
        text = line.split("#")[0].split("!")[0].strip()
        if text:
            try:
                values = [float(token) for token in text.split()]
            except ValueError:
                raise OutputError(str(path), at + 1, line, what) from None
            if len(values) < least:
                raise OutputError(str(path), at + 1, line, what)
            yield values


def read_uppasd(folder: str | Path, provenance: Provenance, name: str | None = None) -> Exchange:
    """Read the input of an UppASD run, as RSPt writes it: ``inpsd.dat`` and the files that it names.

    Couplings by number of the atoms and cell (``maptype`` 2 or 3), positions in lattice coordinates or Cartesian, in
    units of ``alat``; files may be packed (``.gz``).

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    base = Path(folder)
    base = base.parent if base.is_file() else base
    keys = _uppasd_keys(base / "inpsd.dat")
    lattice = np.array(keys["cell"], float)
    scale = float(keys.get("alat", ["1e-10"])[0]) * 1e10
    positions = np.array([row[2:5] for row in _rows(_named(base, keys, "posfile"), 5, "atom, type, three coordinates")])
    if keys.get("posfiletype", ["C"])[0].upper() != "D":
        positions = positions @ np.linalg.inv(lattice)
    moments = [row[2] for row in _rows(_named(base, keys, "momfile"), 3, "atom, 1, moment")]
    couplings = _named(base, keys, "exchange")
    rows = np.array([row[:6] for row in _rows(couplings, 6, "two atoms, three cells, J in mRy")])
    if keys.get("maptype", ["1"])[0] not in ("2", "3"):
        raise OutputError(str(base / "inpsd.dat"), 1, "maptype " + keys.get("maptype", ["1"])[0], "maptype 2 or 3")
    if len(moments) != len(positions) or rows[:, :2].max() > len(positions):
        raise OutputError(
            str(couplings), 1, f"{len(moments)} moments, {len(positions)} positions", "equal numbers of atoms"
        )
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
    for wanted in ("cell", "posfile", "momfile", "exchange"):
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
    size = numbers(lines[0][1])
    axes = np.array([numbers(text) for _, text in lines[1:4]])
    count = int(numbers(lines[4][1])[0])
    atoms = [numbers(text) for _, text in lines[5 : 5 + count]]
    at, head = lines[5 + count]
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
        raise OutputError(str(where), at, head, "isotropic, vectorial or tensorial")
    bonds = []
    for at, text in lines[6 + count :]:
        values = [float(token) for token in text.split()]
        if len(values) < 6 + max(columns[kind]) + 1:
            raise OutputError(str(where), at, text, "number, two atoms, three cells and J")
        bonds.append([*values[1:6], float(np.mean([values[6 + column] for column in columns[kind]]))])
    if len(bonds) != int(numbers(head)[0]):
        raise OutputError(
            str(where), at, f"{len(bonds)} interactions", f"{int(numbers(head)[0])} as line {head!r} says"
        )
    table = np.array(bonds)
    one_for_all = isinstance(moment_muB, int | float)
    moments = [moment_muB if one_for_all else moment_muB[int(atom[4])] for atom in atoms]  # type: ignore[index]
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
    lattice = np.array([numbers(line) for line in lines[cell_at + 1 : cell_at + 4]])
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
            meV.append(float(match[6]))
        elif not source and (match := _TB2J_ATOM.match(line)) and len(numbers(match[2])) >= 4:
            values = numbers(match[2])
            if match[1] != "Total":
                # x, y, z, charge, then one moment or three components.
                atoms[match[1]] = (values[:3], values[4] if len(values) == 5 else float(np.linalg.norm(values[4:7])))
    if not source:
        raise OutputError(str(where), len(lines), lines[-1], "a table of exchange parameters")
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
