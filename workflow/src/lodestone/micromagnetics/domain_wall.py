"""What a grid of finite cells does to a 180 degree Bloch wall."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.magnetism.domain_wall import wall_energy_J_m2, wall_width_m
from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.anisotropy import UniaxialAnisotropy
from lodestone.micromagnetics.energy import Energy, Term
from lodestone.micromagnetics.exchange import Exchange
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import sweep
from lodestone.micromagnetics.minimiser import Minimiser, Settings

# Tighter than for loops: the wall's energy varies by less than a thousandth from one position to another.
SETTINGS = Settings(torque_tolerance=1e-7)


@dataclass(frozen=True, kw_only=True)
class LatticeWall:
    """A wall at rest on a chain of cells, beside the continuum's.

    Attributes
    ----------
    cell_size_m : float
        Cell length across the wall.
    energy_J_m2, width_m : float
        Energy per area, and pi over the steepest turn of the angle per length, of the wall between two cells.
    energy_ratio, width_ratio : float
        The same over 4 sqrt(A K1) and pi sqrt(A / K1).
    depinning_field_T : float
        Field mu0 H along the easy axis that moves the wall over the lattice; zero in a continuum. Resolved to a
        thousandth of the anisotropy field.
    """

    cell_size_m: float
    energy_J_m2: float
    width_m: float
    energy_ratio: float
    width_ratio: float
    depinning_field_T: float


def lattice_domain_wall(
    cell_size_m: float, mu0_Ms_T: float = 1.61, K1_J_m3: float = 4.2e6, A_J_m: float = 8e-12
) -> LatticeWall:
    """Relax a wall on cells of the given size and measure it; magnetostatics off, as a Bloch wall has no charges.

    Parameters
    ----------
    cell_size_m : float
        Cell length across the wall in m.
    mu0_Ms_T, K1_J_m3, A_J_m : float
        Material; by default that of the hysteresis study.

    Returns
    -------
    LatticeWall
        Energy, width and depinning field.

    Raises
    ------
    RuntimeError
        If the wall did not come to rest.
    """
    width = wall_width_m(A_J_m, K1_J_m3)
    # Ten wall widths: the tails have fallen to exp(-5 pi) of the turn at the ends.
    cells = 2 * int(np.ceil(5 * width / cell_size_m))
    grid = Grid.of((cells, 1, 1), (cell_size_m,) * 3, mu0_Ms_T=mu0_Ms_T, A_J_m=A_J_m, K1_J_m3=K1_J_m3)
    terms: list[Term] = [Exchange(grid), UniaxialAnisotropy(grid)]
    position = (np.arange(cells) - (cells - 1) / 2) * cell_size_m
    energy = Energy(grid, terms)
    end = Minimiser(energy, SETTINGS).run(energy.evaluate(bloch_wall(position, width)))
    if end.status != 0:
        raise RuntimeError(f"domain wall on cells of {cell_size_m} m ended with status {end.status.name}")
    m = end.state.m[:, 0, 0]
    angle = np.unwrap(np.arctan2(m[1], m[2]))
    energy_J_m2 = energy.total_J(end.state.m) / cell_size_m**2
    width_m = np.pi * cell_size_m / float(np.abs(np.diff(angle)).max())
    return LatticeWall(
        cell_size_m=cell_size_m,
        energy_J_m2=energy_J_m2,
        width_m=width_m,
        energy_ratio=energy_J_m2 / wall_energy_J_m2(A_J_m, K1_J_m3),
        width_ratio=width_m / width,
        depinning_field_T=_depinning_field_T(grid, terms, end.state.m, 2 * K1_J_m3 * MU0 / mu0_Ms_T),
    )


def bloch_wall(position_m: NDArray[np.floating], width_m: float) -> NDArray[np.float64]:
    """Continuum wall from -z to +z through y along positions in m; (3, 1, 1, cells)."""
    scaled = np.pi * position_m / width_m
    m = np.stack([np.zeros_like(scaled), 1 / np.cosh(scaled), np.tanh(scaled)])
    return m[:, None, None, :]


def _depinning_field_T(grid: Grid, terms: list[Term], wall: NDArray[np.float64], anisotropy_field_T: float) -> float:
    """First field of a fine sweep at which the wall has moved by more than one cell."""
    fields = anisotropy_field_T * np.arange(1, 1001) / 1000
    tilted = (0.0, 1e-3, -1.0)  # a collinear wall feels no torque from a field exactly along it, however unstable
    one_cell = 2 / grid.shape[0]  # change of the mean magnetisation when the wall moves by one cell
    result = sweep(grid, fields, tilted, start=wall, terms=terms, settings=SETTINGS, stop_outside=(-1, one_cell))
    return float(result.field_T[-1])
