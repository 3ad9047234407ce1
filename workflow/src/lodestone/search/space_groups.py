"""Random crystals of a random space group: orbits from pyxtal's tables of Wyckoff positions, places at random.

Pyxtal's own generator draws again what is too close, hundreds of times for a dense crystal; here the atoms are pushed
apart afterwards, by pair of elements, which keeps the symmetry and takes a hundredth of the time.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.settings import SearchSettings

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
_SAME_SITE = 1e-6
_GROUPS, _FILLINGS = 60, 6
# Edges of a cell differ by such factors, its angles by so many degrees from a right one (standard deviations).
_STRETCH, _TILT_DEG = 0.4, 15.0


@dataclass(frozen=True, eq=False)
class Orbit:
    """A Wyckoff position: images of a point (image, 3, 3) and (image, 3), and whether it has free coordinates."""

    matrices: np.ndarray
    shifts: np.ndarray
    free: bool

    def __len__(self) -> int:
        """Return the number of atoms in the conventional cell."""
        return len(self.shifts)


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """Orbits, centring and crystal system of a space group."""

    orbits: tuple[Orbit, ...]
    centring: str
    system: str

    @property
    def points(self) -> int:
        """Primitive cells in the conventional one."""
        return round(1 / np.linalg.det(_PRIMITIVE[self.centring]))


@lru_cache(maxsize=LAST)
def space_group(number: int) -> SpaceGroup:
    """Tables of one group, from pyxtal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyxtal.symmetry import Group

        group = Group(number)
    orbits = tuple(
        Orbit(
            np.array([operation.rotation_matrix for operation in position.ops]),
            np.array([operation.translation_vector for operation in position.ops]),
            position.get_dof() > 0,
        )
        for position in group
    )
    return SpaceGroup(orbits, group.symbol[0], group.lattice_type)


def draw(rng: np.random.Generator, counts: tuple[int, int], settings: SearchSettings) -> Crystal | None:
    """One random crystal, in the primitive cell; atoms may overlap.

    Parameters
    ----------
    rng : numpy Generator
        Random numbers; the only source of chance.
    counts : (int, int)
        Minority and majority atoms of the primitive cell.
    settings : SearchSettings
        Elements and volumes.

    Returns
    -------
    Crystal or None
        None if these atoms fit on whole orbits of none of the groups that were tried.
    """
    for _ in range(_GROUPS):
        group = space_group(int(rng.integers(FIRST, LAST + 1)))
        chosen = _fill(rng, group, counts)
        if chosen is not None:
            volume = sum(v * count for v, count in zip(settings.volumes_A3, counts, strict=True))
            return _placed(rng, group, chosen, volume, settings)
    return None


def _fill(rng: np.random.Generator, group: SpaceGroup, counts: tuple[int, int]) -> list[tuple[int, Orbit]] | None:
    """Orbits whose atoms add up to the composition, each with its kind of atom; None if chance finds none."""
    for _ in range(_FILLINGS):
        chosen: list[tuple[int, Orbit]] = []
        used: set[int] = set()
        # The rarer element has less choice: it goes first.
        for kind in sorted((0, 1), key=lambda k: counts[k]):
            left = counts[kind] * group.points
            while left > 0:
                fits = [k for k, orbit in enumerate(group.orbits) if len(orbit) <= left and k not in used]
                if not fits:
                    break
                pick = fits[int(rng.integers(len(fits)))]
                chosen.append((kind, group.orbits[pick]))
                left -= len(group.orbits[pick])
                if not group.orbits[pick].free:
                    used.add(pick)
            if left > 0:
                break
        else:
            return chosen
    return None


def _placed(
    rng: np.random.Generator,
    group: SpaceGroup,
    chosen: list[tuple[int, Orbit]],
    volume_A3: float,
    settings: SearchSettings,
) -> Crystal:
    """Atoms of the primitive cell, orbits at random places."""
    matrix = _PRIMITIVE[group.centring]
    lattice = matrix @ _cell(rng, group.system)
    lattice *= (volume_A3 / abs(np.linalg.det(lattice))) ** (1 / 3)
    to_primitive = np.linalg.inv(matrix)
    numbers, sites = [], []
    for kind, orbit in chosen:
        places = (orbit.matrices @ rng.random(3) + orbit.shifts) @ to_primitive
        places -= np.floor(places + _SAME_SITE)
        # Images under the centring fall on one another in the primitive cell.
        shift = places[:, None] - places[None]
        same = (np.abs(shift - np.round(shift)) < _SAME_SITE).all(axis=2)
        kept = places[~np.tril(same, -1).any(axis=1)]
        sites.append(kept)
        numbers += [int(settings.numbers[kind])] * len(kept)
    return Crystal(np.array(numbers), lattice, np.concatenate(sites))


def _cell(rng: np.random.Generator, system: str) -> np.ndarray:
    """Conventional vectors (3, 3) of a crystal system, of any volume; the unique axis of a monoclinic cell is b."""
    a, b, c = np.exp(_STRETCH * rng.normal(size=3))
    tilts = np.clip(_TILT_DEG * rng.normal(size=3), -35, 35)
    alpha, beta, gamma = np.deg2rad(90 + tilts)
    name = system.lower()
    if name in ("cubic", "tetragonal", "hexagonal", "trigonal", "rhombohedral"):
        b = a
    if name == "cubic":
        c = a
    if name != "triclinic":
        alpha, gamma = np.pi / 2, np.pi / 2
        beta = beta if name == "monoclinic" else np.pi / 2
    if name in ("hexagonal", "trigonal", "rhombohedral"):
        gamma = 2 * np.pi / 3
    x = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    z = np.sqrt(max(1e-6, 1 - np.cos(beta) ** 2 - x**2))
    return np.array(
        [
            [a, 0.0, 0.0],
            [b * np.cos(gamma), b * np.sin(gamma), 0.0],
            [c * np.cos(beta), c * x, c * z],
        ]
    )
