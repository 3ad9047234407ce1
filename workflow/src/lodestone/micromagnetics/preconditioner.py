"""Approximate inverse of the energy's Hessian from its local part: exchange, and the field along the magnetisation."""

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.energy import Energy, State
from lodestone.micromagnetics.exchange import couple_row, face_couplings
from lodestone.micromagnetics.sphere import add_scaled, dot

Array = NDArray[np.float64]


class LocalPreconditioner:
    """Solves (exchange + c) d = g in the tangent space, by conjugate gradients that need no stray field.

    On a sphere the Hessian's diagonal is the field along m; `c` is that field, kept positive where the energy is
    not convex.

    Parameters
    ----------
    energy : Energy
        Energy to be minimised.
    tolerance : float
        Residual at which the inner iteration ends, relative to its start.
    max_iterations : int
        Bound on the inner iteration.
    """

    FLOOR = 0.1  # of the largest stiffness: below it the low modes are left to the outer iteration

    def __init__(self, energy: Energy, tolerance: float = 0.1, max_iterations: int = 30):
        self._energy = energy
        per_moment = MU0 / energy.max_mu0_Ms_T
        self._faces = tuple(face * per_moment for face in face_couplings(energy.grid))
        self._tolerance, self._max_iterations = tolerance, max_iterations

    def stiffness(self, state: State) -> Array:
        """Field along m in T times the cells' weight, not below the floor, (nz, ny, nx); 1 where not magnetic."""
        weight, along = self._energy.weight, self._along(state)
        floor = self.FLOOR * max(float(along.max()), 1e-3 * self._energy.max_mu0_Ms_T)
        return np.where(weight > 0, np.maximum(along, floor), 1.0)

    def flow_stiffness(self, state: State, time_step: float) -> Array:
        """Diagonal for an implicit step of the steepest-descent flow: `stiffness` with 1 / time_step as its base.

        The time unit is that in which a torque field of 1 T turns m by 1 rad.
        """
        weight = self._energy.weight
        return np.where(weight > 0, np.maximum(self._along(state), 0.0) + weight / time_step, 1.0)

    def _along(self, state: State) -> Array:
        return self._energy.weight * np.sum(state.m * state.field_T, axis=0)

    def solve(self, state: State, diagonal: Array, right: Array) -> Array:
        """Approximate solution d, tangent to m, (3, nz, ny, nx), for a tangent right-hand side."""
        solution = np.zeros_like(right)
        cx, cy, cz = self._faces
        _solve(state.m, diagonal, cx, cy, cz, right, solution, self._tolerance, self._max_iterations)
        return solution


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _apply(v, m, c, cx, cy, cz, flux, row, out):  # type: ignore[no-untyped-def]
    """Set `out` to the operator on v, projected on the tangent space; return v . out."""
    _, nz, ny, nx = v.shape
    total = 0.0
    for k in range(nz):
        for j in range(ny):
            couple_row(v, k, j, cx, cy, cz, flux, row)
            for i in range(nx):
                x = c[k, j, i] * v[0, k, j, i] - row[0, i]
                y = c[k, j, i] * v[1, k, j, i] - row[1, i]
                z = c[k, j, i] * v[2, k, j, i] - row[2, i]
                along = x * m[0, k, j, i] + y * m[1, k, j, i] + z * m[2, k, j, i]
                x, y, z = x - along * m[0, k, j, i], y - along * m[1, k, j, i], z - along * m[2, k, j, i]
                out[0, k, j, i], out[1, k, j, i], out[2, k, j, i] = x, y, z
                total += v[0, k, j, i] * x + v[1, k, j, i] * y + v[2, k, j, i] * z
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def _solve(m, c, cx, cy, cz, right, solution, tolerance, max_iterations):  # type: ignore[no-untyped-def]
    """Conjugate gradients from zero."""
    nx = m.shape[3]
    flux, row = np.zeros((3, nx + 1)), np.empty((3, nx))
    residual, search, image = right.copy(), right.copy(), np.empty_like(right)
    r, s, x, q = residual.reshape(-1), search.reshape(-1), solution.reshape(-1), image.reshape(-1)
    norm = dot(r, r)
    goal = tolerance**2 * norm
    for _ in range(max_iterations):
        if norm <= goal:
            return
        step = norm / _apply(search, m, c, cx, cy, cz, flux, row, image)
        add_scaled(x, step, s)
        add_scaled(r, -step, q)
        following = dot(r, r)
        ratio = following / norm
        for i in range(s.size):
            s[i] = r[i] + ratio * s[i]
        norm = following
