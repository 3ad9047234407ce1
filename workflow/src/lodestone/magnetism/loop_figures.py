"""Figures of merit of a demagnetisation curve: the six anchor points of Kovacs et al. (2022), section 2.2."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

ANCHORS = ("M_1", "M_r", "H_k90", "H_k80", "H_k70", "H_c")
UNITS = ("M_s", "M_s", "H_A", "H_A", "H_A", "H_A")
KNEES = (0.9, 0.8, 0.7)


def anchor_points(
    field_T: ArrayLike, magnetisation: ArrayLike, anisotropy_field_T: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Anchor points of a demagnetisation curve by linear interpolation.

    Parameters
    ----------
    field_T : array_like, (field,)
        Fields mu0 H in T, strictly descending.
    magnetisation : array_like, (field,)
        Magnetisation along the field over M_s.
    anisotropy_field_T : float
        mu0 H_A, in T.

    Returns
    -------
    values : ndarray, (6,)
        M_1 and M_r in units of M_s; H_k90, H_k80, H_k70 and H_c in units of H_A, reversed fields counted positive;
        0 where the point does not exist.
    exists : ndarray of bool, (6,)
        False for a point outside the fields swept, and for a knee of a curve without remanence. A knee lies at a
        negative field only: it is looked for from zero field on.

    Raises
    ------
    ValueError
        If the fields do not descend strictly, the lengths differ or a magnetisation is not finite.
    """
    field, m = np.asarray(field_T, np.float64), np.asarray(magnetisation, np.float64)
    if field.ndim != 1 or field.shape != m.shape or len(field) < 2:
        raise ValueError(
            f"field_T and magnetisation: found shapes {field.shape} and {m.shape}, expected one length > 1"
        )
    if not np.all(np.diff(field) < 0):
        raise ValueError("field_T: expected strictly descending fields")
    if not np.isfinite(m).all():
        raise ValueError(f"magnetisation: found {np.sum(~np.isfinite(m))} values that are not finite, expected none")
    h = field / anisotropy_field_T
    values = [_at_field(h, m, 1.0), _at_field(h, m, 0.0)]
    remanence = values[1]
    for level in (*KNEES, 0.0):
        below_zero = remanence is not None and (remanence > 0 or level == 0.0)
        values.append(_crossing(h, m, level * remanence, remanence) if below_zero and remanence is not None else None)
    exists = np.array([v is not None for v in values])
    return np.array([0.0 if v is None else v for v in values]), exists


def _at_field(h: NDArray[np.float64], m: NDArray[np.float64], wanted: float) -> float | None:
    """Magnetisation at a field; a rounding error beyond the first field is forgiven."""
    tolerance = 1e-9
    if wanted > h[0] + tolerance or wanted < h[-1] - tolerance:
        return None
    return float(np.interp(wanted, h[::-1], m[::-1]))


def _crossing(h: NDArray[np.float64], m: NDArray[np.float64], level: float, remanence: float) -> float | None:
    """Reversed field at which the curve, followed from zero field, first falls to a level."""
    field = np.concatenate([[0.0], h[h < 0]])
    curve = np.concatenate([[remanence], m[h < 0]])
    below = np.flatnonzero(curve <= level)
    if len(below) == 0 or below[0] == 0:
        return None
    k = int(below[0])
    share = (curve[k - 1] - level) / (curve[k - 1] - curve[k])
    return float(-(field[k - 1] + share * (field[k] - field[k - 1])))
