"""Coherent rotation of one uniaxial particle (Stoner and Wohlfarth, Phil. Trans. R. Soc. A 240, 599 (1948)).

Fields are in units of the anisotropy field, h = mu0 H M_s / (2 K1); psi is the angle between field and easy axis.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def switching_field(psi_rad: ArrayLike) -> Array:
    """Reversed field at which the metastable state ends, (cos^(2/3) psi + sin^(2/3) psi)^(-3/2).

    Parameters
    ----------
    psi_rad : array_like
        Angle between field and easy axis in rad.

    Returns
    -------
    ndarray, float64
        Switching field over the anisotropy field, between 1/2 and 1.
    """
    psi = np.asarray(psi_rad, dtype=float)
    return (np.cbrt(np.cos(psi) ** 2) + np.cbrt(np.sin(psi) ** 2)) ** -1.5


def descending_branch(field_h: ArrayLike, psi_rad: float) -> Array:
    """Magnetisation along the field on the branch that comes from positive saturation.

    The state minimises sin^2(theta) - 2 h cos(psi - theta), theta being measured from the easy axis; it follows its
    minimum until the switching field and then drops into the other one.

    Parameters
    ----------
    field_h : array_like
        Fields along the field direction, over the anisotropy field; any order, each is the end of a descent.
    psi_rad : float
        Angle between field and easy axis, strictly between 0 and pi / 2.

    Returns
    -------
    ndarray, float64
        M / M_s along the field, same shape as `field_h`.

    Raises
    ------
    ValueError
        If `psi_rad` lies outside its range, where a state would be unstable without choosing a side.
    """
    if not 0 < psi_rad < np.pi / 2:
        raise ValueError(f"psi_rad is {psi_rad}; must lie between 0 and pi / 2")
    h = np.asarray(field_h, dtype=float)
    switched = h <= -switching_field(psi_rad)
    # After the switch the particle follows the mirror image of the ascending branch: M(h) -> -M(-h).
    branch = np.where(switched, -h, h)
    theta = _metastable_angle(branch, psi_rad)
    return np.where(switched, -1.0, 1.0) * np.cos(psi_rad - theta)


def _metastable_angle(h: Array, psi: float) -> Array:
    """Angle of the minimum that comes from positive saturation, for fields above minus the switching field.

    At the astroid's tangent point tan(theta) = -cbrt(tan(psi)) the minimum ends; between there and the field's
    direction the torque changes sign once, from which bisection finds the minimum to the last bit.
    """
    low = np.full(h.shape, -np.arctan(np.cbrt(np.tan(psi))))
    low = np.where(h >= 0, 0.0, low)
    high = np.where(h >= 0, psi, 0.0)
    for _ in range(60):
        middle = (low + high) / 2
        # dE/dtheta over 2: negative below the minimum.
        slope = 0.5 * np.sin(2 * middle) - h * np.sin(psi - middle)
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return (low + high) / 2
