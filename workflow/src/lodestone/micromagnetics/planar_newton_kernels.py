"""Compiled loops of the Newton step of the in-plane solver; conventions as in `planar_kernels`."""

import numpy as np

from lodestone.micromagnetics.planar_kernels import compiled, copy, dot


@compiled
def local_hessian(s, c, curvature, exchange, shift, right, down, diagonal):  # type: ignore[no-untyped-def]
    """Local Hessian plus a shift: bond couplings to the right and down, and the diagonal."""
    for i in range(s.shape[0] - 1):
        for j in range(s.shape[1] - 1):
            right[i, j] = exchange * (s[i, j] * s[i, j + 1] + c[i, j] * c[i, j + 1])
            down[i, j] = exchange * (s[i, j] * s[i + 1, j] + c[i, j] * c[i + 1, j])
    for i in range(1, s.shape[0] - 1):
        for j in range(1, s.shape[1] - 1):
            bonds = right[i, j] + right[i, j - 1] + down[i, j] + down[i - 1, j]
            diagonal[i, j] = bonds + curvature[i, j] + shift


@compiled
def hessian_product(p, right, down, diagonal, out):  # type: ignore[no-untyped-def]
    """Write (local Hessian) p; returns p . out."""
    total = 0.0
    for i in range(1, p.shape[0] - 1):
        row = p.dtype.type(0)
        for j in range(1, p.shape[1] - 1):
            pulled = (
                right[i, j] * p[i, j + 1]
                + right[i, j - 1] * p[i, j - 1]
                + down[i, j] * p[i + 1, j]
                + down[i - 1, j] * p[i - 1, j]
            )
            value = diagonal[i, j] * p[i, j] - pulled
            out[i, j] = value
            row += p[i, j] * value
        total += np.float64(row)
    return total


@compiled
def newton_direction(gradient, right, down, diagonal, tolerance, most, x, work):  # type: ignore[no-untyped-def]
    """Solve (local Hessian) x = gradient by conjugate gradients scaled with the diagonal.

    Stops at a relative residual ``tolerance``, after ``most`` products, or where the curvature is not positive; x is
    then what was reached so far, and the scaled gradient if that is nothing. ``work`` is (4, ny+2, nx+2), zero on the
    border.
    """
    r, p, q, scale = work[0], work[1], work[2], work[3]
    zero, one, least = x.dtype.type(0), x.dtype.type(1), x.dtype.type(0.5)
    rho = 0.0
    for i in range(1, x.shape[0] - 1):
        row = zero
        for j in range(1, x.shape[1] - 1):
            inverse, slope = one / max(diagonal[i, j], least), gradient[i, j]
            scale[i, j] = inverse
            x[i, j] = zero
            r[i, j] = slope
            p[i, j] = slope * inverse
            row += slope * slope * inverse
        rho += np.float64(row)
    enough = tolerance * tolerance * rho
    for k in range(most):
        if rho <= enough:
            break
        curvature = hessian_product(p, right, down, diagonal, q)
        if curvature <= 1e-3 * dot(p, p):
            if k == 0:
                copy(p, x)
            break
        step = x.dtype.type(rho / curvature)
        new = 0.0
        for i in range(1, x.shape[0] - 1):
            row = zero
            for j in range(1, x.shape[1] - 1):
                x[i, j] += step * p[i, j]
                left = r[i, j] - step * q[i, j]
                r[i, j] = left
                row += left * left * scale[i, j]
            new += np.float64(row)
        ratio = x.dtype.type(new / rho)
        rho = new
        for i in range(1, x.shape[0] - 1):
            for j in range(1, x.shape[1] - 1):
                p[i, j] = r[i, j] * scale[i, j] + ratio * p[i, j]
