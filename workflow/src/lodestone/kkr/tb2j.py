"""Couplings of TB2J: H = - sum over i != j of J_ij e_i.e_j in meV, e the directions of the spins themselves.

TB2J divides by the sign of the two spins' product, so that J_ij of antiparallel spins that hold each other is negative.
With e along each spin, every moment is positive along its own e.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.lines import NUMBER, OutputError, number
from lodestone.kkr.mean_field import gauge
from lodestone.kkr.text_files import check_volume, exactly, read_lines

_BOND = re.compile(rf"\s*(\w+)\s+(\w+)\s+\(\s*({NUMBER}),\s*({NUMBER}),\s*({NUMBER})\)\s+({NUMBER})\s+\(")
_ATOM = re.compile(rf"\s*(\w+)((?:\s+(?:{NUMBER})){{4,}})\s*$")
_LAYOUTS = {
    ("w_charge", "w_magmom"): "x, y, z, charge and a moment",
    ("w_charge", "M(x)", "M(y)", "M(z)"): "x, y, z, charge and three components of a moment",
}
# Below this a moment, in mu_B, has no direction of its own; two directions are one within 2.6 degrees.
_SMALL_MUB = 0.05
_COLLINEAR = 0.999


@dataclass
class _Atoms:
    """Atoms in the order of the file: names, positions (angstrom), moments as vectors (mu_B), lines."""

    names: list[str]
    places: list[list[float]]
    moments: list[list[float]]
    lines: list[int]


def read_tb2j(path: str | Path, provenance: Provenance) -> Exchange:
    """Read ``exchange.out`` of TB2J: cell, atoms with charge and moment, and the isotropic couplings.

    Moments come as one number along the quantisation axis (``w_magmom``), or as three components. Moments are taken
    along the spins' own directions; the message tells if the couplings want another order than the one computed.

    Raises
    ------
    OutputError
        A `ValueError` with file and line; also if moments are not parallel or antiparallel to one axis.
    """
    where = Path(path)
    lines = read_lines(where)
    cell_at = next((i for i, line in enumerate(lines) if line.startswith("Cell")), None)
    if cell_at is None:
        raise OutputError(str(where), 1, lines[0] if lines else "", "a line 'Cell (Angstrom):' of TB2J's exchange.out")
    if len(lines) < cell_at + 4:
        raise OutputError(str(where), len(lines), lines[-1], "three lattice vectors")
    lattice = np.array([exactly(where, cell_at + k + 1, lines[cell_at + k], 3, "a vector", 3) for k in (1, 2, 3)])
    start = next((i for i, line in enumerate(lines) if i > cell_at and line.startswith("Exchange:")), len(lines))
    atoms = _atoms(where, lines, cell_at + 4, start)
    source, target, cells, meV = _bonds(where, lines, start, atoms.names)
    check_volume(where, cell_at + 2, lattice, len(atoms.names))
    used = sorted({*source, *target})
    along = _along_one_axis(where, lines, atoms, used)
    made = from_bonds(
        lattice_A=lattice,
        fractional=np.array([atoms.places[k] for k in used]) @ np.linalg.inv(lattice),
        moment_muB=np.abs(along).tolist(),
        source=[used.index(k) for k in source],
        target=[used.index(k) for k in target],
        cell=cells,
        meV=meV,
        name=where.parent.name or "TB2J",
        provenance=provenance,
    )
    return replace(made, message=_another_order(made, along, [atoms.names[k] for k in used]))


def _atoms(where: Path, lines: Sequence[str], begin: int, end: int) -> _Atoms:
    """Read the table of atoms, whose header says what its columns are."""
    head = next((i for i in range(begin, end) if "w_charge" in lines[i]), None)
    if head is None:
        last = min(end, len(lines) - 1)
        raise OutputError(str(where), last + 1, lines[last], "a header with w_charge above the atoms")
    columns = tuple(lines[head][lines[head].index("w_charge") :].split())
    if columns not in _LAYOUTS:
        allowed = " or ".join(" ".join(one) for one in _LAYOUTS)
        raise OutputError(str(where), head + 1, " ".join(columns), f"the columns {allowed}")
    atoms = _Atoms([], [], [], [])
    for at in range(head + 1, end):
        text = lines[at].strip()
        if not text or text.startswith(("Total", "=", "-")):
            break
        match = _ATOM.match(lines[at])
        if match is None or match[1] in atoms.names:
            raise OutputError(str(where), at + 1, lines[at], f"another atom with {_LAYOUTS[columns]}")
        values = exactly(where, at + 1, match[2], 3 + len(columns), _LAYOUTS[columns], 3 + len(columns))
        atoms.names.append(match[1])
        atoms.places.append(values[:3])
        atoms.moments.append(values[4:] if len(values) == 7 else [0.0, 0.0, values[4]])
        atoms.lines.append(at + 1)
    if not atoms.names:
        raise OutputError(str(where), head + 1, lines[head], "atoms below this header")
    return atoms


def _bonds(
    where: Path, lines: Sequence[str], start: int, names: Sequence[str]
) -> tuple[list[int], list[int], list[list[int]], list[float]]:
    """Two atoms, cell of the second and J in meV of every row of the table of couplings."""
    source, target, cells, meV = [], [], [], []
    for at in range(start + 1, len(lines)):
        if match := _BOND.match(lines[at]):
            if match[1] not in names or match[2] not in names:
                raise OutputError(str(where), at + 1, lines[at], f"atoms among {', '.join(names)}")
            cell = [number(match[k]) for k in (3, 4, 5)]
            J = number(match[6])
            if not np.isfinite(J) or not all(n.is_integer() for n in cell):
                raise OutputError(str(where), at + 1, lines[at], "whole numbers of the cell and a coupling in meV")
            source.append(names.index(match[1]))
            target.append(names.index(match[2]))
            cells.append([int(n) for n in cell])
            meV.append(J)
        elif (words := lines[at].split()) and words[0] in names and "(" in lines[at]:
            raise OutputError(str(where), at + 1, lines[at], "two atoms, a cell (i, j, k), J in meV and a vector")
    if not source:
        raise OutputError(str(where), len(lines), lines[-1], "a table of exchange parameters")
    return source, target, cells, meV


def _along_one_axis(where: Path, lines: Sequence[str], atoms: _Atoms, used: Sequence[int]) -> NDArray[np.float64]:
    """Signed moments (atom,) along the direction of the largest; refuse others than parallel and antiparallel ones."""
    moments = np.array([atoms.moments[k] for k in used])
    size = np.linalg.norm(moments, axis=1)
    largest = moments[size.argmax()]
    if size.max() < _SMALL_MUB:
        return size
    along = moments @ largest / size.max()
    for k, m, total in zip(used, along, size, strict=True):
        if total > _SMALL_MUB and abs(m) < _COLLINEAR * total:
            at = atoms.lines[k]
            raise OutputError(
                str(where), at, lines[at - 1],
                "a moment parallel or antiparallel to the largest one: J_ij of a noncollinear state depend on it, and "
                "no temperature, stiffness or M(T) of a collinear magnet follows",
            )  # fmt: skip
    return along


def _another_order(made: Exchange, along: NDArray[np.float64], names: Sequence[str]) -> str:
    """Say which spins the couplings turn against the state in which they were computed."""
    signs = np.where(along < 0, -1.0, 1.0) * gauge(made)
    clear = np.abs(along) > _SMALL_MUB
    if not clear.any() or np.all(signs[clear] == signs[clear][0]):
        return ""
    fewer = signs != (1.0 if (signs[clear] > 0).sum() * 2 >= clear.sum() else -1.0)
    turned = ", ".join(name for name, one in zip(names, fewer & clear, strict=True) if one)
    return f"the couplings favour an order with {turned} reversed against the state computed"
