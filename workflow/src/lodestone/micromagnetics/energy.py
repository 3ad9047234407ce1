"""Total energy of a grid: its terms, their field, and what a minimiser needs of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.grid import Grid

Array = NDArray[np.float64]


class Term(Protocol):
    """One energy, at most quadratic in m; its field in T is minus its gradient over the cells' moments M_s V."""

    def add_field(self, m: Array, out: Array) -> None:
        """Add the field in T to `out`; both (3, nz, ny, nx)."""

    def field(self, m: Array) -> Array:
        """Field mu0 H in T, (3, nz, ny, nx)."""

    def energy(self, m: Array) -> float:
        """Energy in J."""


@dataclass(eq=False)
class State:
    """A magnetisation with its field.

    Attributes
    ----------
    m, field_T : ndarray, (3, nz, ny, nx)
        Unit magnetisation and effective field mu0 H in T.
    gradient : ndarray, (3, nz, ny, nx)
        Gradient of the energy along the sphere of each cell, over the largest moment of a cell; in T.
    max_torque : float
        Largest |m x H| over the largest M_s of the grid.
    """

    m: Array
    field_T: Array
    gradient: Array
    max_torque: float


class Energy:
    """Sum of energy terms on one grid.

    Parameters
    ----------
    grid : Grid
        Cells and material.
    terms : sequence of Term
        Terms, each at most quadratic in m.
    in_plane : bool
        Keep the magnetisation in the xy plane: the field's z component is dropped.
    """

    def __init__(self, grid: Grid, terms: Sequence[Term], in_plane: bool = False):
        self.grid = grid
        self.terms = tuple(terms)
        self.in_plane = in_plane
        self.max_mu0_Ms_T = float(grid.mu0_Ms_T.max())
        self.weight = np.ascontiguousarray(grid.mu0_Ms_T / self.max_mu0_Ms_T)

    @property
    def unit_J_T(self) -> float:
        """Largest moment of a cell: energies over it are in T."""
        return self.max_mu0_Ms_T * self.grid.cell_volume_m3 / MU0

    def evaluate(self, m: Array) -> State:
        """Field, gradient and torque of a magnetisation."""
        field = np.zeros_like(m)
        for term in self.terms:
            term.add_field(m, field)
        return self.state(m, field)

    def state(self, m: Array, field_T: Array) -> State:
        """Gradient and torque of a magnetisation whose field is known."""
        if self.in_plane:
            field_T[2] = 0.0
        gradient = np.empty_like(m)
        cells = self.weight.size
        squared = _tangent_gradient(
            m.reshape(3, cells), field_T.reshape(3, cells), self.weight.ravel(), gradient.reshape(3, cells)
        )
        return State(m, field_T, gradient, float(np.sqrt(squared)) / self.max_mu0_Ms_T)

    def change(self, before: State, after: State) -> float:
        """Energy difference in T, times `unit_J_T` in J.

        For energies at most quadratic in m the trapezoidal rule along the chord is exact, and unlike a difference
        of two totals it keeps all its digits for small steps.
        """
        cells = self.weight.size
        arrays = (x.reshape(3, cells) for x in (before.field_T, after.field_T, before.m, after.m))
        return _energy_change(self.weight.ravel(), *arrays)

    def total_J(self, m: Array) -> float:
        """Energy in J."""
        return sum(term.energy(m) for term in self.terms)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _tangent_gradient(m, field, weight, gradient):  # type: ignore[no-untyped-def]
    """Set the gradient; return the largest squared torque field over the magnetic cells, in T^2."""
    largest = 0.0
    for i in range(m.shape[1]):
        along = m[0, i] * field[0, i] + m[1, i] * field[1, i] + m[2, i] * field[2, i]
        x, y, z = field[0, i] - along * m[0, i], field[1, i] - along * m[1, i], field[2, i] - along * m[2, i]
        gradient[0, i], gradient[1, i], gradient[2, i] = -weight[i] * x, -weight[i] * y, -weight[i] * z
        if weight[i] > 0:
            largest = max(largest, x * x + y * y + z * z)
    return largest


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _energy_change(weight, field_a, field_b, m_a, m_b):  # type: ignore[no-untyped-def]
    total = 0.0
    for a in range(3):
        for i in range(weight.size):
            total += weight[i] * (field_a[a, i] + field_b[a, i]) * (m_b[a, i] - m_a[a, i])
    return -0.5 * total
