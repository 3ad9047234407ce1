"""Energy in a uniform external field."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.micromagnetics.grid import Grid

Array = NDArray[np.float64]


class Zeeman:
    """E = - sum of M_s V m B with the external field B = mu0 H.

    Parameters
    ----------
    grid : Grid
        Cells and material.
    field_T : sequence of 3 floats
        External field mu0 H in T; may be set anew at any time.
    """

    def __init__(self, grid: Grid, field_T: ArrayLike = (0.0, 0.0, 0.0)):
        self.grid = grid
        self.field_T = np.asarray(field_T, dtype=float)

    def add_field(self, m: Array, out: Array) -> None:
        """Add the field in T to `out`; both (3, nz, ny, nx)."""
        out += self.field_T.reshape(3, 1, 1, 1)

    def field(self, m: Array) -> Array:
        """Field mu0 H in T, (3, nz, ny, nx)."""
        out = np.zeros_like(m)
        self.add_field(m, out)
        return out

    def energy(self, m: Array) -> float:
        """Energy in J."""
        moment = np.sum(m * self.grid.moment_J_T, axis=(1, 2, 3))
        return -float(moment @ self.field_T)
