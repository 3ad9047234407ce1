"""Lodestone designs permanent magnets, from electrons to hysteresis loops.

The functions here are a door for notebooks: each is a thin call into the code that the workflow's rules use. Importing
the package costs nothing; what a function needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

__version__ = "0.1.0"
__all__ = ["demagnetisation_curve"]


def demagnetisation_curve(
    axis_angle_rad: ArrayLike,
    fields_T: Sequence[float],
    *,
    cell_size_nm: tuple[float, float, float] = (2, 2, 36000),
    mu0_Ms_T: float = 1.61,
    K1_J_m3: float = 4.2e6,
    A_J_m: float = 8e-12,
    in_plane: bool = True,
) -> np.ndarray:
    """Magnetisation of a one-layer grain structure along a sequence of fields, from saturation along +y.

    Finite-difference micromagnetics with exchange, uniaxial anisotropy, stray field and Zeeman energy; the energy is
    minimised at each field, starting from the state at the last.

    Parameters
    ----------
    axis_angle_rad : array_like, (ny, nx)
        Angle of the easy axis of each cell from the field direction +y, positive towards +x; rows run along +y.
    fields_T : sequence of float
        Fields mu0 H along +y in T, in the order in which they are applied.
    cell_size_nm : (dx, dy, dz)
        Edges of a cell in nm; the height stands for translational symmetry.
    mu0_Ms_T, K1_J_m3, A_J_m : float
        Spontaneous polarisation (T), anisotropy constant (J/m3) and exchange stiffness (J/m).
    in_plane : bool
        Keep the magnetisation in the plane (fast); otherwise it is free in three dimensions.

    Returns
    -------
    ndarray, (field,)
        Magnetisation along the field over M_s.

    Raises
    ------
    ValueError
        If an argument is out of bounds.
    RuntimeError
        If a state did not converge; the message names the first such field.

    Examples
    --------
    >>> import numpy as np, lodestone
    >>> lodestone.demagnetisation_curve(np.zeros((8, 8)), [6.5, 0.0, -2.0]).round(2)
    array([1., 1., 1.])
    """
    from lodestone.micromagnetics import layer

    return layer.magnetisation(axis_angle_rad, fields_T, cell_size_nm, (mu0_Ms_T, K1_J_m3, A_J_m), in_plane)
