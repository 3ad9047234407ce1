"""Random crystals of a random space group, by pyxtal; distances are checked here, by pair of elements."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings

if TYPE_CHECKING:
    from pyxtal.symmetry import Group

FIRST, LAST = 2, 230
# Primitive vectors (rows) along the conventional ones, by the letter of the centring; R in hexagonal axes, obverse.
_PRIMITIVE = {
    "P": np.eye(3),
    "I": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2,
    "F": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2,
    "A": np.array([[2, 0, 0], [0, 1, 1], [0, -1, 1]]) / 2,
    "C": np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 2]]) / 2,
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}
_SAME_SITE = 1e-4
# Pyxtal draws again what is too close, a hundred times; pushing the atoms apart afterwards keeps the symmetry as well.
_ROUGH = 0.5


@lru_cache(maxsize=LAST)
def _group(number: int) -> Group:
    """Space group with its Wyckoff positions."""
    from pyxtal.symmetry import Group

    return Group(number)


@lru_cache(maxsize=4096)
def compatible(counts: tuple[int, ...]) -> tuple[int, ...]:
    """Space groups in whose primitive cell these numbers of atoms fit on whole orbits."""
    present = [count for count in counts if count]
    return tuple(
        number
        for number in range(FIRST, LAST + 1)
        if _group(number).check_compatible([count * _group(number).cellsize() for count in present])[0]
    )


def draw(rng: np.random.Generator, counts: tuple[int, int], settings: SearchSettings) -> Crystal | None:
    """One random crystal, in the primitive cell.

    Parameters
    ----------
    rng : numpy Generator
        Random numbers; the only source of chance.
    counts : (int, int)
        Minority and majority atoms of the primitive cell.
    settings : SearchSettings
        Elements, volumes, smallest distances.

    Returns
    -------
    Crystal or None
        None if no group fits, or pyxtal finds no places for the atoms.
    """
    groups = compatible(counts)
    if not groups:
        return None
    group = _group(int(groups[int(rng.integers(len(groups)))]))
    present = [(symbol, count) for symbol, count in zip(settings.elements, counts, strict=True) if count]
    volume = sum(v * count for v, count in zip(settings.volumes_A3, counts, strict=True))
    made = _generate(rng, group, present, volume, settings)
    if made is None or not made.valid:
        return None
    crystal = _primitive(made, group.symbol[0], settings)
    return crystal if len(crystal) == sum(counts) else None


def _generate(
    rng: np.random.Generator,
    group: Group,
    present: list[tuple[str, int]],
    volume_A3: float,
    settings: SearchSettings,
) -> Any:
    """Run pyxtal in a cell of the expected volume; None where it gives up."""
    from pyxtal.crystal import random_crystal
    from pyxtal.lattice import Lattice
    from pyxtal.msg import Comp_CompatibilityError, VolumeError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            lattice = Lattice(group.lattice_type, volume_A3 * group.cellsize(), random_state=rng)
            return random_crystal(
                dim=3,
                group=group,
                species=[symbol for symbol, _ in present],
                numIons=[count for _, count in present],
                lattice=lattice,
                conventional=False,
                tm=_tolerance(tuple(settings.elements), tuple((settings.allowed_A * _ROUGH).ravel())),
                random_state=rng,
            )
        except (Comp_CompatibilityError, VolumeError, RuntimeError, ValueError):
            return None


@lru_cache(maxsize=16)
def _tolerance(elements: tuple[str, str], allowed_A: tuple[float, ...]) -> Any:
    """Smallest distances as pyxtal takes them."""
    from pyxtal.tolerance import Tol_matrix

    first, second = elements
    table = Tol_matrix(prototype="atomic")
    table.set_tol(first, first, allowed_A[0])
    table.set_tol(first, second, allowed_A[1])
    table.set_tol(second, second, allowed_A[3])
    return table


def _primitive(made: Any, centring: str, settings: SearchSettings) -> Crystal:
    """Atoms of the primitive cell of what pyxtal made."""
    matrix = _PRIMITIVE[centring]
    numbers = dict(zip(settings.elements, settings.numbers.tolist(), strict=True))
    atoms = [(numbers[str(site.specie)], np.asarray(site.coords, float)) for site in made.atom_sites]
    conventional = np.concatenate([coords.reshape(-1, 3) for _, coords in atoms])
    kinds = np.concatenate([np.full(coords.size // 3, z) for z, coords in atoms])
    positions = conventional @ np.linalg.inv(matrix)
    positions -= np.floor(positions + _SAME_SITE)
    kept: list[int] = []
    for site in range(len(positions)):
        shift = positions[kept] - positions[site]
        same = (np.abs(shift - np.round(shift)) < _SAME_SITE).all(axis=1) & (kinds[kept] == kinds[site])
        if not same.any():
            kept.append(site)
    return Crystal(kinds[kept], matrix @ np.asarray(made.lattice.matrix, float), positions[kept])
