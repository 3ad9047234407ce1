"""Configurations as flat arrays: positions, cells, species and moments, and the neighbours of every atom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lodestone.structures import neighbours

if TYPE_CHECKING:
    from ase import Atoms

    from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class ConfigurationError(ValueError):
    """A configuration that a potential cannot take; the message names it."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Neighbours of every atom, those of one species together.

    Attributes
    ----------
    block : ndarray of int, (atom, species + 1)
        First neighbour of each species of each atom, and the end of the last.
    atom : ndarray of int, (neighbour,)
        Number of the neighbour.
    vector_A : ndarray, (neighbour, 3)
        From the atom to the neighbour.
    """

    block: Integers
    atom: Integers
    vector_A: Array


@dataclass(frozen=True, eq=False)
class Configurations:
    """Periodic configurations, any number of them and of any size.

    Attributes
    ----------
    names : tuple of str
        What errors call them.
    species : tuple of str
        Symbols that `kind` counts.
    offset : ndarray of int, (configuration + 1,)
        First atom of each.
    cell_A : ndarray, (configuration, 3, 3)
        Lattice vectors as rows.
    position_A : ndarray, (atom, 3)
    kind : ndarray of int, (atom,)
        Number of the species.
    moment_muB : ndarray, (atom,)
    """

    names: tuple[str, ...]
    species: tuple[str, ...]
    offset: Integers
    cell_A: Array
    position_A: Array
    kind: Integers
    moment_muB: Array

    def __len__(self) -> int:
        """Return the number of configurations."""
        return len(self.cell_A)

    @classmethod
    def from_atoms(
        cls,
        images: Sequence[Atoms],
        species: Sequence[str],
        moments: Sequence[Array] | None = None,
        names: Sequence[str] | None = None,
    ) -> Configurations:
        """Make them from ASE's atoms; moments are the initial ones if none are given.

        Raises
        ------
        ConfigurationError
            For an element that is not among `species`, or a configuration that is not periodic in all directions.
        """
        names = tuple(names or (f"configuration {k}" for k in range(len(images))))
        number = {symbol: k for k, symbol in enumerate(species)}
        for name, atoms in zip(names, images, strict=True):
            unknown = sorted(set(atoms.get_chemical_symbols()) - set(number))
            if unknown:
                raise ConfigurationError(f"{name}: found {unknown[0]}, the potential knows {', '.join(species)}")
            if not all(atoms.pbc) or abs(np.linalg.det(atoms.cell.array)) < 1e-6:
                raise ConfigurationError(f"{name}: not periodic in all directions, expected a crystal")
        given = [atoms.get_initial_magnetic_moments() for atoms in images] if moments is None else moments
        counts = [len(atoms) for atoms in images]
        return cls(
            names=names,
            species=tuple(species),
            offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            cell_A=np.array([atoms.cell.array for atoms in images], float).reshape(-1, 3, 3),
            position_A=np.concatenate([np.zeros((0, 3)), *(atoms.positions for atoms in images)]),
            kind=np.array([number[s] for atoms in images for s in atoms.get_chemical_symbols()], np.int64),
            moment_muB=np.concatenate([np.zeros(0), *(np.asarray(m, float) for m in given)]),
        )

    def with_moments(self, moment_muB: Array) -> Configurations:
        """Return the same atoms with other moments (atom,); neighbours that are known already stay so."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        made = Configurations(**{**fields, "moment_muB": np.asarray(moment_muB, float)})
        if "_found" in self.__dict__:
            made.__dict__["_found"] = self._found
        return made

    def select(self, which: Sequence[int]) -> Configurations:
        """Return some of the configurations, in this order."""
        rows = [np.arange(self.offset[k], self.offset[k + 1]) for k in which]
        atoms = np.concatenate([np.zeros(0, np.int64), *rows])
        return Configurations(
            names=tuple(self.names[k] for k in which),
            species=self.species,
            offset=np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64),
            cell_A=self.cell_A[list(which)],
            position_A=self.position_A[atoms],
            kind=self.kind[atoms],
            moment_muB=self.moment_muB[atoms],
        )

    def counts(self) -> Integers:
        """Atoms of each configuration (configuration,)."""
        return np.diff(self.offset)

    def volumes_A3(self) -> Array:
        """Volume of each cell (configuration,)."""
        return np.abs(np.linalg.det(self.cell_A))

    @cached_property
    def _found(self) -> dict[float, Neighbours]:
        return {}

    def neighbours(self, cutoff_A: float) -> Neighbours:
        """Neighbours within a distance; they are looked for once."""
        if cutoff_A not in self._found:
            self._found[cutoff_A] = self._search(cutoff_A)
        return self._found[cutoff_A]

    def _search(self, cutoff_A: float) -> Neighbours:
        """Find all pairs, and order them by atom and by species of the neighbour."""
        of_atom = np.repeat(np.arange(len(self)), self.counts())
        fractional = np.einsum("ni,nij->nj", self.position_A, np.linalg.inv(self.cell_A)[of_atom])
        first, second, shift, _ = neighbours.edges(self.cell_A, self.offset, fractional, cutoff_A)
        vector = np.einsum("ei,eij->ej", shift.astype(float), self.cell_A[of_atom[second]])
        vector += self.position_A[second] - self.position_A[first]
        order = np.lexsort((self.kind[second], first))
        first, second, vector = first[order], second[order], vector[order]
        kinds = len(self.species)
        keys = np.arange(len(self.kind))[:, None] * kinds + np.arange(kinds + 1)
        block = np.searchsorted(first * kinds + self.kind[second], keys.ravel()).reshape(keys.shape)
        return Neighbours(block.astype(np.int64), second, np.ascontiguousarray(vector))

    def require_fit(self, potential: SpinPotential) -> None:
        """Refuse species and moments that a potential was not made for.

        Raises
        ------
        ConfigurationError
            Names the configuration, the atom, what was found and what is allowed.
        """
        if self.species != potential.species:
            known = ", ".join(potential.species)
            raise ConfigurationError(f"species: found {', '.join(self.species)}, the potential knows {known}")
        outside = np.flatnonzero(~(np.abs(self.moment_muB) <= potential.m_max_muB))
        if len(outside):
            atom = int(outside[0])
            which = int(np.searchsorted(self.offset, atom, side="right")) - 1
            raise ConfigurationError(
                f"{self.names[which]}, atom {atom - self.offset[which]}: found a moment of "
                f"{self.moment_muB[atom]:.3f} mu_B, allowed: -{potential.m_max_muB} to {potential.m_max_muB} mu_B"
            )
