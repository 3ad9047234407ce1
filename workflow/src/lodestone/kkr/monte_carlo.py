"""Monte Carlo of classical spins with the couplings of a crystal: magnetisation and order at one temperature.

Every sweep is one heat-bath update of each spin and a number of over-relaxations (Creutz 1987), which keep the energy
and carry long waves along. Every point (lattice, temperature) starts from the ordered state and has a random stream of
its own, so that points can be computed in any order, at the same time, or again after a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lodestone import random
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.lanes import Bonds, Lattice, memory_MB
from lodestone.kkr.mean_field import gauge, ground_state, require_complete
from lodestone.magnetism.units import K_B_MEV

STAGE = "monte_carlo"
BINS = 16
Point = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Sampling:
    """How long a point is sampled.

    Parameters
    ----------
    spins : int
        Atoms of the (large) lattice, about; more where couplings reach further than so many allow.
    max_spins : int
        Most atoms of a lattice: what needs more is refused.
    sweeps, thermalisation : int
        Sweeps that count, and sweeps before them.
    over_relaxations : int
        Over-relaxation sweeps after each heat bath.
    """

    spins: int = 20000
    sweeps: int = 2000
    thermalisation: int = 500
    over_relaxations: int = 1
    max_spins: int = 1_000_000

    def __post_init__(self) -> None:
        """Refuse what gives no averages."""
        for name, least in (
            ("spins", 1),
            ("sweeps", BINS),
            ("thermalisation", 0),
            ("over_relaxations", 0),
            ("max_spins", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: found {getattr(self, name)}, allowed are whole numbers from {least}")


@dataclass
class Points:
    """Computes points, remembers them by number, and tells somebody who writes them down.

    Parameters
    ----------
    exchange : Exchange
        The crystal.
    seed : int
        Seed of the run; point number k has the stream (seed, ``monte_carlo``, k).
    threads : int
        Points computed at the same time.
    done : dict of int to point
        Points known from before.
    record : callable, optional
        Called with the number and the values of each new point.
    """

    exchange: Exchange
    seed: int = 0
    threads: int = 1
    done: dict[int, Point] = field(default_factory=dict)
    record: Callable[[int, Point], None] | None = None
    count: int = 0

    def compute(self, tasks: Sequence[tuple[tuple[int, int, int], float, Sampling]]) -> list[Point]:
        """Points of (cells, temperature in K, sampling), in the order of the tasks."""
        numbers = range(self.count, self.count + len(tasks))
        self.count += len(tasks)
        waiting = [(k, task) for k, task in zip(numbers, tasks, strict=True) if k not in self.done]
        with ThreadPoolExecutor(max(1, min(self.threads, len(waiting)))) as pool:
            running = [(k, pool.submit(simulate, self.exchange, *task, self.seed, k)) for k, task in waiting]
            for k, future in running:
                self.done[k] = future.result()
                if self.record is not None:
                    self.record(k, self.done[k])
        return [self.done[k] for k in numbers]


def bonds_of(exchange: Exchange) -> Bonds:
    """Couplings in the form that the lattice takes; a component of an alloy is a sublattice with empty places."""
    return Bonds(
        len(exchange.component_site),
        exchange.bond_source,
        exchange.bond_target,
        exchange.bond_cell,
        exchange.bond_meV,
    )


def cells_for(exchange: Exchange, spins: int, blocks: int = 4) -> tuple[int, int, int]:
    """Cells along a, b, c of a box near a cube with about so many atoms, multiples of `blocks` wide enough for J_ij."""
    atoms = float(exchange.concentration.sum())
    edge = np.linalg.norm(exchange.lattice_A, axis=1)
    scale = (spins / atoms * edge.prod()) ** (1 / 3)
    reach = np.array(bonds_of(exchange).reach[::-1])
    wanted = np.maximum(np.rint(scale / edge / blocks), 1) * blocks
    least = blocks * np.ceil((2 * reach + 1) / blocks)
    a, b, c = (int(n) for n in np.maximum(wanted, least))
    return a, b, c


def atoms_of(exchange: Exchange, cells: tuple[int, int, int]) -> int:
    """Atoms of a lattice, without empty places."""
    return round(float(exchange.concentration.sum()) * float(np.prod(cells)))


def require_affordable(exchange: Exchange, cells: tuple[int, int, int], sampling: Sampling) -> None:
    """Refuse a lattice with more than `sampling.max_spins` atoms.

    Raises
    ------
    ValueError
        Names the key, the lattice with its memory, and what would help.
    """
    atoms = atoms_of(exchange, cells)
    if atoms <= sampling.max_spins:
        return
    bonds = bonds_of(exchange)
    raise ValueError(
        f"electronic_structure.exchange.curie.max_spins: found {sampling.max_spins:,} where {exchange.name} needs "
        f"{atoms:,} spins ({' x '.join(map(str, cells))} cells of {exchange.concentration.sum():g} atoms, "
        f"{memory_MB(bonds, cells):.0f} MB for each temperature computed at a time), as {sampling.spins:,} were asked "
        f"for and couplings reach {', '.join(map(str, bonds.reach[::-1]))} cells; allowed: more spins, a shorter "
        "cutoff of the couplings, or methods without monte_carlo"
    )


def occupation_of(
    exchange: Exchange, cells: tuple[int, int, int], rng: np.random.Generator
) -> NDArray[np.bool_] | None:
    """Draw which component sits where, (component, z, y, x), by their shares; None if no site is shared."""
    if np.all(exchange.concentration > 1 - 1e-9):
        return None
    number = int(np.prod(cells))
    out = np.zeros((len(exchange.component_site), number), bool)
    for site in range(len(exchange.fractional)):
        members = np.flatnonzero(exchange.component_site == site)
        ends = np.rint(np.cumsum(exchange.concentration[members]) * number).astype(int)
        places = rng.permutation(number)
        for member, start, stop in zip(members, [0, *ends[:-1]], ends, strict=True):
            out[member, places[start:stop]] = True
    return out.reshape(len(out), cells[2], cells[1], cells[0])


def simulate(
    exchange: Exchange, cells: tuple[int, int, int], temperature_K: float, sampling: Sampling, seed: int, number: int
) -> dict[str, NDArray[np.float64]]:
    """Averages at one temperature.

    The order parameter is the sum of the spins weighted with the mean-field eigenvector, so that antiparallel
    sublattices add up; its direction is the axis along which moments are counted.

    Parameters
    ----------
    exchange : Exchange
        Couplings and moments.
    cells : tuple of 3 int
        Cells along a, b, c.
    temperature_K : float
        Temperature, above 0.
    sampling : Sampling
        Sweeps.
    seed, number : int
        Random stream.

    Returns
    -------
    dict of str to ndarray
        By bin of sweeps (bin,): ``order``, ``order2``, ``order4`` (means of the normalised order parameter and its
        powers), and ``moment_muB`` (bin, component), the moment per atom of each component along the order parameter.
    """
    require_complete(exchange)
    if temperature_K <= 0:
        raise ValueError(f"temperature_K: found {temperature_K}, allowed are numbers above 0")
    lattice_seed, alloy_seed = random.seed_sequence(seed, STAGE, number).spawn(2)
    alloy = occupation_of(exchange, cells, np.random.default_rng(alloy_seed))
    lattice = Lattice(bonds_of(exchange), cells, lattice_seed, alloy)
    lattice.align(gauge(exchange))
    weight = ground_state(exchange)[1]
    full = float(np.abs(weight) @ lattice.numbers)
    kT = K_B_MEV * temperature_K
    sums = lattice.sample(kT, sampling.thermalisation + sampling.sweeps, sampling.over_relaxations)
    sums = sums[sampling.thermalisation :]
    order = np.einsum("s,tsx->tx", weight, sums) / full
    size = np.linalg.norm(order, axis=1)
    axis = order / np.maximum(size, 1e-30)[:, None]
    moments = np.einsum("tsx,tx->ts", sums, axis) / np.maximum(lattice.numbers, 1)
    cut = [part.mean(axis=0) for part in np.array_split(moments * exchange.total_moment_muB, BINS)]
    powers = {name: _binned(size**power) for name, power in (("order", 1), ("order2", 2), ("order4", 4))}
    return {**powers, "moment_muB": np.array(cut)}


def _binned(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of consecutive sweeps."""
    return np.array([part.mean() for part in np.array_split(values, BINS)])


def binder(point: Point) -> tuple[float, float]:
    """Binder cumulant 1 - <o^4> / (3 <o^2>^2) and its error by jackknife over bins."""
    second, fourth = point["order2"], point["order4"]
    value = 1 - fourth.mean() / (3 * second.mean() ** 2)
    n = len(second)
    left = 1 - ((fourth.sum() - fourth) / (n - 1)) / (3 * ((second.sum() - second) / (n - 1)) ** 2)
    return float(value), float(np.sqrt((n - 1) / n * ((left - left.mean()) ** 2).sum()))


def moment_per_cell_muB(exchange: Exchange, point: Point) -> tuple[float, float]:
    """Moment of the cell along the order parameter and its error, in mu_B."""
    cell = point["moment_muB"] @ exchange.concentration
    return float(cell.mean()), float(cell.std(ddof=1) / np.sqrt(len(cell)))
