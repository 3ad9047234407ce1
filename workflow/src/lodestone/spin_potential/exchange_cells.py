"""Supercells in which a few moments are reversed, and the energies of many such states at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from lodestone.kkr import symmetry
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
Repeat = tuple[int, int, int]
# Atoms of one evaluation: enough to make calls cheap, few enough for their neighbours to need little memory.
_BATCH_ATOMS = 10_000
# Distances in a crystal are rounded; shells at a cutoff are not torn apart.
ROUNDING_A = 1e-6
# Below this a moment has no direction of its own, as in other sources of couplings.
SMALL_MUB = 0.05
# Atoms of one element whose moments differ by less are equivalent; equilibrium moments are rounded.
_SAME_MUB = 1e-4


class Supercell:
    """Supercell of a crystal whose moments are those of a reference state, apart from a few that are reversed.

    Parameters
    ----------
    potential : SpinPotential
    crystal : Atoms
        One cell.
    moments_muB : ndarray, (site,)
        Reference state.
    repeat : tuple of int
        Cells along a, b, c.
    name : str
        For errors.
    """

    def __init__(self, potential: SpinPotential, crystal: Atoms, moments_muB: Array, repeat: Repeat, name: str) -> None:
        # Energies of free atoms are thousands of electronvolts, beside which couplings would be rounded away.
        self.potential = dataclasses.replace(potential, species_energies=np.zeros_like(potential.species_energies))
        self.atoms, self.repeat, self.name, self.sites = crystal.repeat(repeat), repeat, name, len(crystal)
        self.moment_muB = np.tile(moments_muB, int(np.prod(repeat)))

    def atom(self, site: int, cell: Sequence[int] = (0, 0, 0)) -> int:
        """Return the number of an atom; cells outside the supercell are folded back."""
        a, b, c = (int(n) % count for n, count in zip(cell, self.repeat, strict=True))
        return ((a * self.repeat[1] + b) * self.repeat[2] + c) * self.sites + site

    def moments(self, reversed_atoms: Sequence[int]) -> Array:
        """Moments (atom,) of the state with some reversed."""
        made = self.moment_muB.copy()
        made[list(reversed_atoms)] *= -1.0
        return made

    def configurations(self, count: int) -> Configurations:
        """Return so many copies in the reference state."""
        return Configurations.from_atoms(
            [self.atoms] * count, self.potential.species, [self.moment_muB] * count, [self.name] * count
        )

    def energies(self, states: Sequence[Sequence[int]]) -> Array:
        """Energies without those of free atoms (state, atom), eV; states are given by their reversed atoms.

        They are evaluated many at a time, all with the neighbours of one search.
        """
        batches = -(-len(states) * len(self.atoms) // _BATCH_ATOMS)
        size = -(-len(states) // batches)
        copies, found = self.configurations(size), []
        copies.neighbours(self.potential.r_cut_A)
        for begin in range(0, len(states), size):
            chosen = list(states[begin : begin + size])
            # The last batch is filled up with the reference state, so that its neighbours are known too.
            filled = [*chosen, *[()] * (size - len(chosen))]
            batch = copies.with_moments(np.concatenate([self.moments(state) for state in filled]))
            said = evaluate(self.potential, batch).atom_energy_eV.reshape(size, -1)
            found.append(said[: len(chosen)])
        return np.concatenate(found)


def checked(
    crystal: Atoms, moments_muB: ArrayLike, magnetic: Sequence[int] | None, name: str
) -> tuple[Array, list[int]]:
    """Return moments (site,) and the sites that are magnetic (all if None), in order.

    Raises
    ------
    ConfigurationError
        If a magnetic site has no moment to speak of, or shapes and numbers do not fit.
    """
    moments = np.asarray(moments_muB, float)
    if moments.shape != (len(crystal),):
        raise ConfigurationError(f"{name}: found moments of shape {moments.shape}, expected ({len(crystal)},)")
    sites = sorted({int(site) for site in (range(len(crystal)) if magnetic is None else magnetic)})
    for site in sites:
        if not 0 <= site < len(crystal):
            raise ConfigurationError(f"{name}: found magnetic site {site}, allowed: 0 to {len(crystal) - 1}")
        if not abs(moments[site]) >= SMALL_MUB:
            raise ConfigurationError(
                f"{name}, atom {site}: found a moment of {moments[site]:.3f} mu_B, allowed: at least {SMALL_MUB} in "
                "size, or an atom that is not among `magnetic`"
            )
    return moments, sites


def operations(crystal: Atoms, moments_muB: Array, magnetic: Sequence[int]) -> symmetry.Operations:
    """Symmetry of a crystal with its moments; magnetic sites are no images of others."""
    flags = np.isin(np.arange(len(crystal)), magnetic).tolist()
    kinds = list(zip(crystal.numbers.tolist(), np.rint(moments_muB / _SAME_MUB).tolist(), flags, strict=True))
    known = sorted(set(kinds))
    return symmetry.operations(
        crystal.cell.array, crystal.get_scaled_positions(wrap=False), [known.index(kind) + 1 for kind in kinds]
    )


def tells_apart(lattice_A: Array, repeat: ArrayLike, vectors_A: Array, reach_A: float) -> bool:
    """Whether a supercell keeps pairs and their images apart.

    Parameters
    ----------
    lattice_A : ndarray, (3, 3)
        Vectors of one cell as rows.
    repeat : array_like of int, (3,)
        Cells along them.
    vectors_A : ndarray, (pair, 3)
        From one atom to the other of each pair.
    reach_A : float
        Atoms further apart have no environment in common.

    Returns
    -------
    bool
        True if no atom has an environment in common with its own images, and none of a pair with more than one image
        of the other.
    """
    supercell = lattice_A * np.asarray(repeat)[:, None]
    longest = np.linalg.norm(vectors_A, axis=1).max(initial=0.0) + reach_A
    counts = np.ceil(longest * np.linalg.norm(np.linalg.inv(supercell), axis=0)).astype(int)
    axes = [np.arange(-n, n + 1) for n in counts]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    images = cells[cells.any(axis=1)] @ supercell
    images = images[np.linalg.norm(images, axis=1) < longest]
    # An atom and itself are a pair, too.
    pairs = np.concatenate([np.zeros((1, 3)), vectors_A])
    return all((np.linalg.norm(pairs + image, axis=1) > reach_A - ROUNDING_A).all() for image in images)


def fitting_repeat(
    lattice_A: Array, vectors_A: Array, reach_A: float, given: Sequence[int] | None, name: str
) -> Repeat:
    """Cells along a, b, c of the supercell: those given if they suffice, else as few as do.

    Raises
    ------
    ConfigurationError
        If the cells that are given are too few.
    """
    if given is not None:
        a, b, c = (int(n) for n in given)
        if min(a, b, c) < 1 or not tells_apart(lattice_A, (a, b, c), vectors_A, reach_A):
            longest = np.linalg.norm(vectors_A, axis=1).max(initial=0.0)
            needed = fitting_repeat(lattice_A, vectors_A, reach_A, None, name)
            raise ConfigurationError(
                f"{name}: found a supercell of {a} x {b} x {c} cells, in which pairs up to {longest:.3f} A are "
                f"mistaken for their images within {reach_A:.3f} A; allowed: {' x '.join(map(str, needed))} and larger"
            )
        return a, b, c
    repeat = np.ones(3, int)
    lengths = np.linalg.norm(lattice_A, axis=1)
    while not tells_apart(lattice_A, repeat, vectors_A, reach_A):
        repeat[np.argmin(repeat * lengths)] += 1
    return int(repeat[0]), int(repeat[1]), int(repeat[2])
