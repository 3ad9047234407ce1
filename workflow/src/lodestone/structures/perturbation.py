"""Crystals away from equilibrium, so that a force field sees forces: strained cells and displaced atoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lodestone.structures.readers import Entry

if TYPE_CHECKING:
    from pymatgen.core import Structure

_TRIES = 20


@dataclass(frozen=True)
class Perturbation:
    """How copies differ from their crystal.

    Attributes
    ----------
    copies : int
        Perturbed copies of each crystal.
    rattle_A : float
        Standard deviation of each coordinate of an atom.
    strain : float
        Standard deviation of each component of the symmetric strain.
    volume_range : tuple of float
        Smallest and largest ratio of the volume, uniform between the two.
    """

    copies: int
    rattle_A: float
    strain: float
    volume_range: tuple[float, float] = (0.9, 1.12)


def perturbed(
    entries: Sequence[Entry],
    how: Perturbation,
    generator: Callable[[int], np.random.Generator],
    fits: Callable[[Structure], bool],
) -> list[Entry]:
    """Return each crystal followed by its copies.

    Parameters
    ----------
    entries : sequence of Entry
        Crystals; copy c of crystal k is named ``NAME+c``, so that what belongs together is known from the names.
    how : Perturbation
        Number and size.
    generator : callable
        Random stream of crystal number k.
    fits : callable
        Whether the atoms of a copy keep their distances; until they do a copy is drawn anew, closer to its crystal.
    """
    made: list[Entry] = []
    for number, entry in enumerate(entries):
        made.append(entry)
        rng = generator(number)
        for copy in range(1, how.copies + 1):
            structure = _copy(entry.structure, how, rng, fits)
            made.append(Entry(f"{entry.name}+{copy}", f"{entry.source}; strained, atoms displaced", structure))
    return made


def parent_name(name: str) -> str:
    """Name of the crystal that a name of a copy, or of a crystal, belongs to."""
    return name.partition("+")[0]


def _copy(
    crystal: Structure, how: Perturbation, rng: np.random.Generator, fits: Callable[[Structure], bool]
) -> Structure:
    """Strain and displace; smaller with every try, the crystal itself at last."""
    from pymatgen.core import Lattice, Structure

    for k in range(_TRIES):
        size = 1.0 - k / _TRIES
        raw = rng.normal(scale=how.strain * size, size=(3, 3))
        low, high = how.volume_range
        scale = rng.uniform(1 - (1 - low) * size, 1 + (high - 1) * size) ** (1 / 3)
        lattice = Lattice(scale * crystal.lattice.matrix @ (np.eye(3) + (raw + raw.T) / 2))
        shift = rng.normal(scale=how.rattle_A * size, size=(len(crystal), 3))
        fractional = crystal.frac_coords * 1.0 + shift @ np.linalg.inv(lattice.matrix)
        copy = Structure(lattice, crystal.species, fractional)
        if fits(copy):
            return copy
    return crystal.copy()
