"""Exchange energy between neighbouring cells."""

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics.grid import Grid

Array = NDArray[np.float64]


class Exchange:
    """E = V sum over faces of A / d^2 (m_i - m_j)^2, with the harmonic mean of A on the two sides of a face.

    Faces towards cells that are not magnetic, and the outside, carry no energy (Neumann boundary).

    Parameters
    ----------
    grid : Grid
        Cells and material.
    """

    def __init__(self, grid: Grid):
        self.grid = grid
        self.faces = face_couplings(grid)
        self._per_moment = grid.per_moment_T_m3_J

    def add_field(self, m: Array, out: Array) -> None:
        """Add the field in T to `out`; both (3, nz, ny, nx)."""
        _add_exchange(m, *self.faces, self._per_moment, out)

    def field(self, m: Array) -> Array:
        """Field mu0 H in T, (3, nz, ny, nx)."""
        out = np.zeros_like(m)
        self.add_field(m, out)
        return out

    def energy(self, m: Array) -> float:
        """Energy in J."""
        total = 0.0
        for axis, coupling in zip((3, 2, 1), self.faces, strict=True):
            n = m.shape[axis]
            upper, lower = np.take(m, range(1, n), axis), np.take(m, range(n - 1), axis)
            total += 0.5 * float(np.sum(np.take(coupling, range(n - 1), axis - 1) * (upper - lower) ** 2))
        return total * self.grid.cell_volume_m3


def face_couplings(grid: Grid) -> tuple[Array, Array, Array]:
    """Coupling 2 A / d^2 in J/m^3 of each cell to its upper neighbour along x, y and z, each (nz, ny, nx).

    A is the harmonic mean of the two cells. The last cell along an axis has no upper neighbour: 0.
    """
    stiffness = np.where(grid.magnetic, grid.A_J_m, 0.0)
    faces = []
    for axis, d in zip((2, 1, 0), grid.cell_size_m, strict=True):
        coupling = np.zeros_like(stiffness)
        here, above = np.moveaxis(stiffness, axis, 0)[:-1], np.moveaxis(stiffness, axis, 0)[1:]
        total = here + above
        mean = 2 * here * above / np.where(total > 0, total, 1.0)
        np.moveaxis(coupling, axis, 0)[:-1] = 2 * mean / d**2
        faces.append(coupling)
    return faces[0], faces[1], faces[2]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def couple_row(v, k, j, cx, cy, cz, flux, out):  # type: ignore[no-untyped-def]
    """Set `out` (3, nx) to sum over neighbours of coupling * (v_j - v_i) in row (k, j); `flux` (3, nx + 1) is scratch.

    A clamped neighbour index gives difference 0, so that boundaries need no case of their own; ends of `flux` stay 0.
    """
    _, nz, ny, nx = v.shape
    kd, ku, jd, ju = max(k - 1, 0), min(k + 1, nz - 1), max(j - 1, 0), min(j + 1, ny - 1)
    for a in range(3):
        for i in range(nx - 1):
            flux[a, i + 1] = cx[k, j, i] * (v[a, k, j, i + 1] - v[a, k, j, i])
        for i in range(nx):
            here = v[a, k, j, i]
            along_y = cy[k, j, i] * (v[a, k, ju, i] - here) + cy[k, jd, i] * (v[a, k, jd, i] - here)
            along_z = cz[k, j, i] * (v[a, ku, j, i] - here) + cz[kd, j, i] * (v[a, kd, j, i] - here)
            out[a, i] = flux[a, i + 1] - flux[a, i] + along_y + along_z


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_exchange(m, cx, cy, cz, factor, out):  # type: ignore[no-untyped-def]
    _, nz, ny, nx = m.shape
    flux, row = np.zeros((3, nx + 1)), np.empty((3, nx))
    for k in range(nz):
        for j in range(ny):
            couple_row(m, k, j, cx, cy, cz, flux, row)
            for a in range(3):
                for i in range(nx):
                    out[a, k, j, i] += factor[k, j, i] * row[a, i]
