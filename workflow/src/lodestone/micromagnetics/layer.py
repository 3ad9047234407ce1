"""Demagnetisation curve of one layer by the solver that fits: in the plane, or free in three dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.artifacts.loops import Status
from lodestone.magnetism.material import Material
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import sweep
from lodestone.micromagnetics.loops import curve, fields_of

Array = NDArray[np.float64]


def magnetisation(
    axis_angle_rad: ArrayLike,
    fields_T: Sequence[float],
    cell_size_nm: tuple[float, float, float],
    constants: tuple[float, float, float],
    in_plane: bool,
) -> Array:
    """Magnetisation along +y over M_s, one per field; see `lodestone.demagnetisation_curve`.

    Parameters
    ----------
    axis_angle_rad : array_like, (ny, nx)
        Angle of the easy axis from +y towards +x.
    fields_T : sequence of float
        Fields mu0 H along +y in T.
    cell_size_nm : (dx, dy, dz)
        Edges of a cell in nm.
    constants : (mu0_Ms_T, K1_J_m3, A_J_m)
        Intrinsic properties.
    in_plane : bool
        Keep the magnetisation in the plane.

    Raises
    ------
    ValueError
        If an argument is out of bounds.
    RuntimeError
        If a state did not converge.
    """
    angle, fields = np.asarray(axis_angle_rad, np.float64), fields_of(fields_T)
    if angle.ndim != 2 or angle.size == 0 or not np.isfinite(angle).all():
        raise ValueError(f"axis_angle_rad: found shape {angle.shape}, expected finite angles of shape (ny, nx)")
    cell = tuple(float(d) for d in cell_size_nm)
    if len(cell) != 3 or not all(0 < d < np.inf for d in cell):
        raise ValueError(f"cell_size_nm: found {cell_size_nm!r}, expected three positive lengths")
    material = Material(*constants)
    if in_plane and abs(cell[0] - cell[1]) <= 1e-9 * cell[0]:
        result = curve(angle, fields, material, (cell[0], cell[1], cell[2]))
        values, status = result.magnetisation, result.step_status
    else:
        values, status = _free(angle, fields, material, cell, in_plane)
    bad = np.flatnonzero(status != Status.CONVERGED)
    if len(bad):
        raise RuntimeError(f"no equilibrium found at {len(bad)} fields, first at mu0 H = {fields[bad[0]]:.4f} T")
    return values


def _free(
    angle: Array, fields: Array, material: Material, cell: tuple[float, ...], in_plane: bool
) -> tuple[Array, NDArray[np.uint8]]:
    """Sweep with the general solver; the layer is one cell thick."""
    ny, nx = angle.shape
    easy_axis = np.stack([np.sin(angle), np.cos(angle), np.zeros_like(angle)])[:, None]
    grid = Grid.of(
        (nx, ny, 1),
        (cell[0] * 1e-9, cell[1] * 1e-9, cell[2] * 1e-9),
        mu0_Ms_T=material.mu0_Ms_T,
        A_J_m=material.A_J_m,
        K1_J_m3=material.K1_J_m3,
        easy_axis=easy_axis,
    )
    result = sweep(grid, fields, (0.0, 1.0, 0.0), in_plane=in_plane)
    return result.magnetisation, result.step_status
