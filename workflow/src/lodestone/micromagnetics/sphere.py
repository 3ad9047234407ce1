"""Vector fields on a product of unit spheres, one sphere per cell; all arrays (3, nz, ny, nx)."""

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def turn(m: Array, direction: Array, step: float) -> Array:
    """Turn every m by the Cayley transform along step * direction, which is tangent to m.

    A tangent vector of length t turns its cell by 2 atan(t / 2), and m keeps its length.
    """
    turned = np.empty_like(m)
    cells = m[0].size
    _turn(m.reshape(3, cells), direction.reshape(3, cells), step, turned.reshape(3, cells))
    return turned


def project(m: Array, v: Array) -> None:
    """Remove from v, in place, what is not tangent to m."""
    cells = m[0].size
    _project(m.reshape(3, cells), v.reshape(3, cells))


def longest(v: Array) -> float:
    """Length of the longest vector, never zero."""
    return max(float(np.sqrt(np.max(np.sum(v * v, axis=0)))), 1e-300)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def dot(a, b):  # type: ignore[no-untyped-def]
    """Scalar product of flat arrays, summed in an order that does not depend on threads."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def add_scaled(out, factor, a):  # type: ignore[no-untyped-def]
    """Add factor * a to `out`, both flat."""
    for i in range(a.size):
        out[i] += factor * a[i]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _turn(m, d, step, out):  # type: ignore[no-untyped-def]
    for i in range(m.shape[1]):
        x, y, z = step * d[0, i], step * d[1, i], step * d[2, i]
        quarter = 0.25 * (x * x + y * y + z * z)
        keep, scale = (1 - quarter) / (1 + quarter), 1 / (1 + quarter)
        x, y, z = keep * m[0, i] + scale * x, keep * m[1, i] + scale * y, keep * m[2, i] + scale * z
        # First-order return to unit length: rounding would otherwise grow from step to step.
        unit = 1.5 - 0.5 * (x * x + y * y + z * z)
        out[0, i], out[1, i], out[2, i] = unit * x, unit * y, unit * z


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _project(m, v):  # type: ignore[no-untyped-def]
    for i in range(m.shape[1]):
        along = m[0, i] * v[0, i] + m[1, i] * v[1, i] + m[2, i] * v[2, i]
        v[0, i] -= along * m[0, i]
        v[1, i] -= along * m[1, i]
        v[2, i] -= along * m[2, i]
