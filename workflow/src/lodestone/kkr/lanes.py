"""Spins of a periodic crystal in an order that a processor can take many at a time.

The cells of the crystal are cut into equal blocks, one per lane: lane l holds block l. The array of spins is
``spin[place, axis, lane]``, where a place is a sublattice and a cell within the block, so that one place of all blocks
lies together in memory. Blocks are larger than any coupling reaches; the same place of two blocks never interacts.
Around each block lies a halo with copies of its neighbours' cells: the neighbour of any place is then a fixed step
away, whatever the lane.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.kkr import monte_carlo_kernels as kernels

LANES = 64


@dataclass(frozen=True)
class Bonds:
    """Couplings of a crystal's sublattices, each bond in both directions.

    Parameters
    ----------
    sublattices : int
        Number of sublattices; a component of an alloy is a sublattice of its own.
    source, target : ndarray of int, (bond,)
        Sublattices of the two ends.
    cell : ndarray of int, (bond, 3)
        Cell of the target when the source lies in cell 0.
    meV : ndarray, (bond,)
        J_ij of H = - sum over i != j of J_ij e_i.e_j.
    """

    sublattices: int
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    cell: NDArray[np.int64]
    meV: NDArray[np.float64]

    @property
    def reach(self) -> tuple[int, int, int]:
        """Cells that couplings reach along z, y, x (the third, second and first lattice vector)."""
        most = np.abs(self.cell).max(axis=0, initial=0)
        return int(most[2]), int(most[1]), int(most[0])


def split(cells: int, reach: int, wanted: int) -> int:
    """Largest number of blocks, at most `wanted` and a power of 2, that leaves more cells per block than `reach`."""
    blocks = wanted
    while blocks > 1 and (cells % blocks or cells // blocks <= reach):
        blocks //= 2
    return blocks


def grid_of(cells: Sequence[int], reach: Sequence[int]) -> tuple[int, ...]:
    """Blocks along z, y, x: as near to 64 in all as the cells allow, spread over the axes."""
    grid = [1, 1, 1]
    for _ in range(3):
        for axis in range(3):
            left = LANES // int(np.prod(grid))
            if left > 1:
                grid[axis] = split(cells[axis], reach[axis], grid[axis] * 2)
    return tuple(grid)


def memory_MB(bonds: Bonds, cells: tuple[int, int, int]) -> float:
    """Memory of the spins of a lattice with their halos, in MB; components of alloys have a lattice each."""
    turned = tuple(reversed(cells))
    grid = grid_of(turned, bonds.reach)
    extended = [n // g + 2 * r for n, g, r in zip(turned, grid, bonds.reach, strict=True)]
    # Three components and whether there is an atom, in single precision.
    return 16e-6 * bonds.sublattices * float(np.prod(extended)) * float(np.prod(grid))


class Lattice:
    """Spins of `cells` cells per axis under periodic boundaries, all along +z at first.

    Parameters
    ----------
    bonds : Bonds
        Couplings.
    cells : tuple of 3 int
        Cells along the first, second and third lattice vector; each more than twice the reach of the couplings, for
        else a spin would meet the same neighbour twice.
    seed : numpy.random.SeedSequence
        Source of all randomness.
    occupation : ndarray of bool, (sublattice, cells_z, cells_y, cells_x), optional
        Where there is an atom; everywhere if left out.

    Raises
    ------
    ValueError
        If a cell count is too small.
    """

    def __init__(
        self,
        bonds: Bonds,
        cells: tuple[int, int, int],
        seed: np.random.SeedSequence,
        occupation: NDArray[np.bool_] | None = None,
    ) -> None:
        self.bonds, self.cells, self.reach = bonds, tuple(reversed(cells)), bonds.reach
        for n, r in zip(self.cells, self.reach, strict=True):
            if n <= 2 * r:
                raise ValueError(f"cells: found {cells}, couplings reach {self.reach[::-1]}: at least {2 * r + 1}")
        self.grid = grid_of(self.cells, self.reach)
        self.block = tuple(n // g for n, g in zip(self.cells, self.grid, strict=True))
        width = int(np.prod(self.grid))
        self.extended = tuple(b + 2 * r for b, r in zip(self.block, self.reach, strict=True))
        self.permutation = self._permutations()
        self.order = np.argsort(bonds.source, kind="stable")
        self.first = np.searchsorted(bonds.source[self.order], np.arange(bonds.sublattices + 1)).astype(np.int64)
        self.offset = self._offsets()
        self.spin = np.zeros((bonds.sublattices * int(np.prod(self.extended)), 3, width), np.float32)
        self.spin[:, 2] = 1.0
        self.occupied = np.zeros((0, width), np.float32)
        self.numbers = np.full(bonds.sublattices, float(np.prod(self.cells)))
        if occupation is not None:
            self._occupy(occupation)
        state = seed.generate_state(4 * width, np.uint32).reshape(4, width)
        self.state = np.ascontiguousarray(state)

    def _permutations(self) -> NDArray[np.int32]:
        """Lane whose cells stand beyond each face of a lane's block, (27, lane)."""
        lane = np.arange(int(np.prod(self.grid)), dtype=np.int32).reshape(self.grid)
        turned = [np.roll(lane, [-s for s in step], (0, 1, 2)) for step in itertools.product((-1, 0, 1), repeat=3)]
        return np.ascontiguousarray([t.ravel() for t in turned])

    def _offsets(self) -> NDArray[np.int64]:
        """Step in places from a spin to the neighbour of each bond, bonds sorted by source."""
        z, y, x = self.extended
        dx, dy, dz = self.bonds.cell[self.order].T
        hop = self.bonds.target[self.order] - self.bonds.source[self.order]
        return (hop * z * y * x + (dz * y + dy) * x + dx).astype(np.int64)

    def _occupy(self, occupation: NDArray[np.bool_]) -> None:
        """Take away the atoms that are not there."""
        self.occupied = self.scatter(occupation.astype(np.float32))
        self.spin *= self.occupied[:, None, :]
        self.numbers = occupation.reshape(len(occupation), -1).sum(axis=1).astype(float)
        kernels.fill_halo(self.spin, self.block, self.reach, self.bonds.sublattices, self.permutation)

    def scatter(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values per sublattice and cell, (sublattice, z, y, x), in the order of places and lanes, halo 0."""
        (gz, gy, gx), (bz, by, bx), (rz, ry, rx) = self.grid, self.block, self.reach
        out = np.zeros((len(values), *self.extended, gz * gy * gx), np.float32)
        cut = values.reshape(-1, gz, bz, gy, by, gx, bx).transpose(0, 2, 4, 6, 1, 3, 5)
        inner = cut.reshape(len(values), bz, by, bx, -1)
        out[:, rz : rz + bz, ry : ry + by, rx : rx + bx] = inner
        return out.reshape(-1, gz * gy * gx)

    def randomise(self, rng: np.random.Generator) -> None:
        """Give every spin a direction of its own."""
        vectors = rng.normal(size=(3, self.bonds.sublattices, *self.cells))
        vectors /= np.linalg.norm(vectors, axis=0)
        here = self.occupied if len(self.occupied) else 1.0
        for axis in range(3):
            self.spin[:, axis] = self.scatter(vectors[axis].astype(np.float32)) * here
        kernels.fill_halo(self.spin, self.block, self.reach, self.bonds.sublattices, self.permutation)

    def align(self, sign: NDArray[np.float64]) -> None:
        """Turn each sublattice along +z or -z, (sublattice,)."""
        here = self.occupied if len(self.occupied) else np.ones((len(self.spin), 1), np.float32)
        self.spin[:] = 0
        self.spin[:, 2] = np.repeat(sign, len(self.spin) // len(sign))[:, None] * here
        kernels.fill_halo(self.spin, self.block, self.reach, self.bonds.sublattices, self.permutation)

    def sweep(self, kT_meV: float, heat_baths: int = 1, over_relaxations: int = 0) -> None:
        """Update every spin: heat-bath sweeps first, then over-relaxation."""
        strength = (2.0 / kT_meV * self.bonds.meV[self.order]).astype(np.float32)
        shape = self.block, self.reach, self.offset, self.first
        for _ in range(heat_baths):
            kernels.heat_bath(self.spin, *shape, strength, self.permutation, self.occupied, self.state)
        for _ in range(over_relaxations):
            kernels.over_relax(self.spin, *shape, strength, self.permutation)

    def sample(self, kT_meV: float, sweeps: int, over_relaxations: int) -> NDArray[np.float64]:
        """Sweep so many times; sums of the unit vectors of each sublattice after each, (sweep, sublattice, 3)."""
        strength = (2.0 / kT_meV * self.bonds.meV[self.order]).astype(np.float32)
        totals = np.empty((sweeps, self.bonds.sublattices, 3))
        shape = self.block, self.reach, self.offset, self.first
        lists = self.permutation, self.occupied, self.state
        kernels.sample(self.spin, *shape, strength, *lists, over_relaxations, totals)
        return totals

    def sums(self) -> NDArray[np.float64]:
        """Sum of the unit vectors of each sublattice, (sublattice, 3)."""
        total = np.empty((self.bonds.sublattices, 3))
        kernels.sums(self.spin, self.block, self.reach, total)
        return total

    def energy_meV(self) -> float:
        """Energy - sum over i != j of J_ij e_i.e_j of the whole lattice."""
        strength = self.bonds.meV[self.order].astype(np.float32)
        return float(kernels.energy(self.spin, self.block, self.reach, self.offset, self.first, strength))

    @property
    def spins(self) -> int:
        """Number of atoms."""
        return int(self.numbers.sum())


def warm_up() -> None:
    """Compile everything once, so that jobs that start together find the caches filled."""
    zero = np.zeros(1, np.int64)
    bonds = Bonds(1, zero, zero, np.array([[1, 0, 0]]), np.ones(1))
    for occupation in (None, np.ones((1, 4, 4, 4), bool)):
        lattice = Lattice(bonds, (4, 4, 4), np.random.SeedSequence(0), occupation)
        lattice.align(np.ones(1))
        lattice.sweep(1.0, 1, 1)
        lattice.sample(1.0, 1, 1)
        lattice.sums()
        lattice.energy_meV()
