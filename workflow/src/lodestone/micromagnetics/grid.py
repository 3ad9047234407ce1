"""Regular finite-difference grid with material per cell."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.magnetism.units import MU0

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid:
    """Cells of equal size, each with its own material; a cell with `mu0_Ms_T` = 0 is not magnetic.

    Cell arrays are indexed [z, y, x], vector fields [component, z, y, x] with components in the order x, y, z.

    Attributes
    ----------
    cell_size_m : (dx, dy, dz)
        Edge lengths of a cell in m.
    mu0_Ms_T : ndarray, float64, (nz, ny, nx)
        Saturation polarisation in T.
    A_J_m : ndarray, float64, (nz, ny, nx)
        Exchange constant in J/m.
    K1_J_m3 : ndarray, float64, (nz, ny, nx)
        Uniaxial anisotropy constant in J/m^3.
    easy_axis : ndarray, float64, (3, nz, ny, nx)
        Unit vectors along the easy axis.
    """

    cell_size_m: tuple[float, float, float]
    mu0_Ms_T: Array
    A_J_m: Array
    K1_J_m3: Array
    easy_axis: Array

    def __post_init__(self) -> None:
        """Refuse what no material can be."""
        shape = self.mu0_Ms_T.shape
        if len(shape) != 3:
            raise ValueError(f"mu0_Ms_T has shape {shape}; wanted three axes z, y, x")
        for name, wanted in (("A_J_m", shape), ("K1_J_m3", shape), ("easy_axis", (3, *shape))):
            if getattr(self, name).shape != wanted:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}; mu0_Ms_T asks for {wanted}")
        if not all(0 < d < np.inf for d in self.cell_size_m):
            raise ValueError(f"cell_size_m is {self.cell_size_m}; lengths must be positive")
        for name in ("mu0_Ms_T", "A_J_m"):
            values = getattr(self, name)
            if not (np.isfinite(values).all() and values.min() >= 0):
                raise ValueError(f"{name} must be finite and not negative; found down to {values.min()}")
        if not self.magnetic.any():
            raise ValueError("mu0_Ms_T is zero in all cells; at least one must be magnetic")
        length = np.linalg.norm(self.easy_axis, axis=0)[self.magnetic]
        # Unit vectors stored in single precision are off by up to 1e-7.
        if not (np.isfinite(self.K1_J_m3).all() and np.abs(length - 1).max() < 1e-6):
            raise ValueError("K1_J_m3 must be finite and easy_axis made of unit vectors in all magnetic cells")

    @classmethod
    def of(
        cls,
        shape: tuple[int, int, int],
        cell_size_m: tuple[float, float, float],
        *,
        mu0_Ms_T: ArrayLike,
        A_J_m: ArrayLike,
        K1_J_m3: ArrayLike = 0.0,
        easy_axis: ArrayLike = (0.0, 0.0, 1.0),
    ) -> Self:
        """Build a grid of `shape` (nx, ny, nz) from numbers or arrays that broadcast to the cells.

        The easy axis is one vector or an array (3, nz, ny, nx); it is normalised.
        """
        cells = shape[::-1]
        axis = np.asarray(easy_axis, dtype=float)
        axis = np.broadcast_to(axis.reshape(3, 1, 1, 1) if axis.ndim == 1 else axis, (3, *cells))
        length = np.linalg.norm(axis, axis=0)
        return cls(
            cell_size_m=cell_size_m,
            mu0_Ms_T=_filled(mu0_Ms_T, cells),
            A_J_m=_filled(A_J_m, cells),
            K1_J_m3=_filled(K1_J_m3, cells),
            easy_axis=axis / np.where(length > 0, length, 1.0),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of cells (nx, ny, nz)."""
        nz, ny, nx = self.mu0_Ms_T.shape
        return nx, ny, nz

    @property
    def cell_volume_m3(self) -> float:
        """Volume of one cell in m^3."""
        return float(np.prod(self.cell_size_m))

    @property
    def magnetic(self) -> NDArray[np.bool_]:
        """Which cells are magnetic, (nz, ny, nx)."""
        return self.mu0_Ms_T > 0

    @property
    def moment_J_T(self) -> Array:
        """Magnetic moment of each cell, M_s V in J/T, (nz, ny, nx)."""
        return self.mu0_Ms_T * (self.cell_volume_m3 / MU0)

    @property
    def per_moment_T_m3_J(self) -> Array:
        """1 / M_s in m^3 T / J, and 0 where not magnetic: turns an energy density per m into a field."""
        return np.where(self.magnetic, MU0 / np.where(self.magnetic, self.mu0_Ms_T, 1.0), 0.0)

    def uniform(self, direction: ArrayLike) -> Array:
        """Magnetisation (3, nz, ny, nx) along one direction, zero in cells that are not magnetic."""
        unit = np.asarray(direction, dtype=float)
        unit = unit / np.linalg.norm(unit)
        return unit.reshape(3, 1, 1, 1) * self.magnetic

    def mean(self, m: Array) -> Array:
        """Magnetic moment of the whole grid over its saturation value, (3,)."""
        return np.sum(m * self.mu0_Ms_T, axis=(1, 2, 3)) / np.sum(self.mu0_Ms_T)


def _filled(values: ArrayLike, cells: tuple[int, ...]) -> Array:
    """Contiguous float64 array of the cells' shape."""
    return np.array(np.broadcast_to(np.asarray(values, dtype=float), cells))
