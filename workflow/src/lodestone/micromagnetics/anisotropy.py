"""Uniaxial anisotropy of first order."""

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics.grid import Grid

Array = NDArray[np.float64]


class UniaxialAnisotropy:
    """E = V sum of K1 (1 - (m k)^2), with the easy axis k of each cell.

    Parameters
    ----------
    grid : Grid
        Cells and material.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self._strength_T = 2 * grid.K1_J_m3 * grid.per_moment_T_m3_J

    def add_field(self, m: Array, out: Array) -> None:
        """Add the field in T to `out`; both (3, nz, ny, nx)."""
        cells = m[0].size
        axis = self.grid.easy_axis.reshape(3, cells)
        _add_anisotropy(m.reshape(3, cells), axis, self._strength_T.ravel(), out.reshape(3, cells))

    def field(self, m: Array) -> Array:
        """Field mu0 H in T, (3, nz, ny, nx)."""
        out = np.zeros_like(m)
        self.add_field(m, out)
        return out

    def energy(self, m: Array) -> float:
        """Energy in J."""
        along = np.sum(m * self.grid.easy_axis, axis=0)
        density = np.where(self.grid.magnetic, self.grid.K1_J_m3 * (1 - along**2), 0.0)
        return float(np.sum(density)) * self.grid.cell_volume_m3


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_anisotropy(m, axis, strength, out):  # type: ignore[no-untyped-def]
    for i in range(m.shape[1]):
        along = strength[i] * (m[0, i] * axis[0, i] + m[1, i] * axis[1, i] + m[2, i] * axis[2, i])
        out[0, i] += along * axis[0, i]
        out[1, i] += along * axis[1, i]
        out[2, i] += along * axis[2, i]
