"""Couplings of UppASD, RSPt and VAMPIRE, converted to H = - sum over i != j of J_ij e_i.e_j (ij and ji counted).

UppASD and RSPt use the same Hamiltonian, in mRy. VAMPIRE counts every pair once, H = - sum over i < j, in J: its values
are twice ours. TB2J has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.lines import OutputError, numbers
from lodestone.kkr.text_files import check_volume, exactly, read_lines
from lodestone.magnetism.units import E_CHARGE, RYDBERG_MEV

_MEV_PER_MRY = RYDBERG_MEV * 1e-3
_MEV_PER_J = 1e3 / E_CHARGE


def _rows(path: Path, least: int, what: str) -> Iterator[list[float]]:
    """Numbers of every line that is neither blank nor a comment."""
    for at, line in enumerate(read_lines(path)):
        text = line.split("#")[0].split("!")[0].strip()
        if text:
            yield exactly(path, at + 1, text, least, what)


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
    scale = exactly(inputs, 1, keys["alat"][0].lower().replace("d", "e"), 1, "a number: alat, in m")[0] * 1e10
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
    check_volume(inputs, 1, lattice * scale, len(positions))
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
    lines = [line.split("#")[0] for line in read_lines(path)]
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
    lines = [(at + 1, text) for at, line in enumerate(read_lines(where)) if (text := line.split("#")[0].strip())]
    if len(lines) < 6:
        raise OutputError(str(where), 1, lines[0][1] if lines else "", "a unit cell file")
    size = exactly(where, *lines[0], 3, "three edges in angstrom")[:3]
    axes = np.array([exactly(where, *line, 3, "a lattice vector", 3) for line in lines[1:4]])
    count = _count(where, *lines[4])
    if len(lines) < 6 + count:
        raise OutputError(str(where), lines[-1][0], lines[-1][1], f"{count} atoms and a line with the interactions")
    atoms = [exactly(where, *line, 4, "number, three coordinates, material") for line in lines[5 : 5 + count]]
    check_volume(where, lines[0][0], axes * np.array(size)[:, None], count)
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
        values = exactly(where, at, text, 7 + max(columns[kind]), "number, two atoms, three cells and J")
        if not all(0 <= atom < count for atom in values[1:3]):
            raise OutputError(str(where), at, text, f"atoms 0 to {count - 1}")
        bonds.append([*values[1:6], float(np.mean([values[6 + column] for column in columns[kind]]))])
    announced = _count(where, head_at, head)
    if len(bonds) != announced:
        raise OutputError(str(where), at, f"{len(bonds)} interactions", f"{announced} as line {head!r} says")
    return np.array(bonds)
