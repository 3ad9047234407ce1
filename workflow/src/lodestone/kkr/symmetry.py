"""Spread AkaiKKR's table of J_ij, one row per kind of pair, over all equivalent pairs."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone.kkr.output_types import AkaiKKROutput, Coupling

# Printed vectors have five decimals.
TOLERANCE = 2e-3
Bond = tuple[int, int, int, int, int]
Operations = list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]


@contextmanager
def quiet_spglib() -> Iterator[None]:
    """Versions of spglib before 2.9 warn at every call that later ones will raise errors; both are handled here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning)
        yield


def operations(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], kinds: Sequence[int], spin_orbit: bool = False
) -> Operations:
    """Rotations in lattice coordinates, with the image of each site: its index and its cell.

    With spin-orbit coupling only those that keep a moment along z as it is: the proper part must leave z alone.

    Raises
    ------
    ValueError
        If two sites coincide.
    """
    import spglib

    cell: Any = (lattice, positions, list(kinds))
    with quiet_spglib():
        try:
            found: Any = spglib.get_symmetry(cell, symprec=TOLERANCE)
        except spglib.SpglibError:
            found = None
    if found is None:
        raise ValueError("atoms: two of them lie at one place")
    result = []
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        cartesian = lattice.T @ rotation @ np.linalg.inv(lattice.T)
        if spin_orbit and cartesian[2, 2] * np.linalg.det(cartesian) < 0.9:
            continue
        images = positions @ rotation.T + translation
        distance = images[:, None] - positions[None]
        off = np.abs((distance - np.rint(distance)) @ lattice).sum(axis=2)
        index = off.argmin(axis=1)
        cell = np.rint(images - positions[index]).astype(np.int64)
        result.append((rotation.astype(np.int64), index.astype(np.int64), cell))
    return result


def orbit(bond: Bond, group: Operations) -> set[Bond]:
    """All bonds that symmetry makes of one, and their reverses."""
    i, j, *n = bond
    cell = np.array(n)
    bonds: set[Bond] = set()
    for rotation, index, shift in group:
        moved = rotation @ cell + shift[j] - shift[i]
        a, b = int(index[i]), int(index[j])
        x, y, z = (int(v) for v in moved)
        bonds.update({(a, b, x, y, z), (b, a, -x, -y, -z)})
    return bonds


def spread(
    output: AkaiKKROutput,
    primitive: NDArray[np.float64],
    positions: NDArray[np.float64],
    kinds: Sequence[int],
    first: NDArray[np.int64],
) -> tuple[list[int], list[int], list[tuple[int, int, int]], list[float]]:
    """Bonds between components: source, target, cell of the target and J in meV.

    Parameters
    ----------
    output : AkaiKKROutput
        A run with a table.
    primitive : ndarray, (3, 3)
        Lattice vectors as rows, in units of a.
    positions : ndarray, (site, 3)
        Fractional positions.
    kinds : sequence of int, (site,)
        Type of each site.
    first : ndarray of int, (site,)
        First component of each site.

    Raises
    ------
    ValueError
        If the number of equivalent pairs differs from the printed multiplicity.
    """
    group = operations(primitive, positions, kinds, str(output.parameters.get("reltyp", "")).endswith("ls"))
    inverse = np.linalg.inv(primitive)
    listed = _listed(output)
    source, target, cells, meV = [], [], [], []
    for row in output.couplings:
        bonds = listed.get((row.index, row.component_1, row.component_2)) or _equivalent(output, row, inverse, group)
        for i, j, x, y, z in bonds:
            # Between two types, bonds that lead back are made from those that lead forth, components and all.
            if kinds[i] != kinds[row.site_1 - 1]:
                continue
            a, b = row.component_1 - 1, row.component_2 - 1
            pairs = {(a, b), (b, a)} if kinds[i] == kinds[j] else {(a, b)}
            for p, q in pairs:
                source.append(int(first[i]) + p)
                target.append(int(first[j]) + q)
                cells.append((x, y, z))
                meV.append(row.J_meV)
    return source, target, cells, meV


def _equivalent(output: AkaiKKROutput, row: Coupling, inverse: NDArray[Any], group: Operations) -> Iterable[Bond]:
    """Bonds of a row by symmetry, as many from the first site as the row says."""
    n = np.rint(np.array(row.cell) @ inverse).astype(int)
    bonds = orbit((row.site_1 - 1, row.site_2 - 1, int(n[0]), int(n[1]), int(n[2])), group)
    ends = {kind for kind, (_, name) in enumerate(output.atoms) if name == row.type_2}
    found = sum(bond[0] == row.site_1 - 1 and bond[1] in ends for bond in bonds)
    if found != row.multiplicity:
        raise ValueError(
            f"{output.path}: J_ij number {row.index}: found {found} equivalent pairs by symmetry, the table says "
            f"{row.multiplicity}"
        )
    return bonds


def _listed(output: AkaiKKROutput) -> dict[tuple[int, int, int], set[Bond]]:
    """Bonds by row from the list of all pairs, where that list was printed to its end."""
    if len({pair.number for pair in output.pairs}) != output.j_numbers.get("ndata"):
        return {}
    bonds: dict[tuple[int, int, int], set[Bond]] = {}
    for pair in output.pairs:
        bond = (pair.site_1 - 1, pair.site_2 - 1, *pair.cell)
        rows = bonds.setdefault((pair.index, pair.component_1, pair.component_2), set())
        rows.add(bond)
    return bonds
