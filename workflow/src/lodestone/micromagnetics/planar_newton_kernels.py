"""Compiled loops of the Newton step of the in-plane solver; conventions as in `planar_kernels`.

Loops run over the inner rows of an array as one long line, ghost cells between them included: short loops, one for each
row, would spend more time starting than running. Neighbours are reached through views that start elsewhere, so that all
indices plainly count from zero.
"""

import numpy as np

from lodestone.micromagnetics.planar_kernels import compiled, copy

CHUNK = 512  # cells summed in working precision before double takes over


@compiled
def inner_rows(values, offset):  # type: ignore[no-untyped-def]
    """Inner rows as one line that starts some places later."""
    pitch, line = values.shape[1], values.size
    return values.reshape(line)[pitch + offset : line - pitch + offset]


@compiled
def clear_ghosts(values):  # type: ignore[no-untyped-def]
    """Set the ghost cells at both ends of each inner row to zero."""
    zero, last = values.dtype.type(0), values.shape[1] - 1
    for i in range(1, values.shape[0] - 1):
        values[i, 0] = zero
        values[i, last] = zero


@compiled
def line_dot(a, b):  # type: ignore[no-untyped-def]
    """Inner product of arrays of which one has zeros in its ghost cells, in double precision across chunks."""
    a_, b_ = a.reshape(a.size), b.reshape(b.size)
    total = 0.0
    for start in range(0, a.size, CHUNK):
        u, v = a_[start : start + CHUNK], b_[start : start + CHUNK]
        part = a.dtype.type(0)
        for k in range(len(u)):
            part += u[k] * v[k]
        total += np.float64(part)
    return total


@compiled
def local_hessian(s, c, curvature, exchange, shift, right, down, diagonal):  # type: ignore[no-untyped-def]
    """Local Hessian plus a shift: bond couplings to the right and down, and the diagonal."""
    pitch, line = s.shape[1], s.size
    s0, c0, s4, c4 = inner_rows(s, 0), inner_rows(c, 0), inner_rows(s, 1), inner_rows(c, 1)
    right0, right3 = inner_rows(right, 0), inner_rows(right, -1)
    for k in range(len(s0)):
        right0[k] = exchange * (s0[k] * s4[k] + c0[k] * c4[k])
    s1, c1, s2, c2 = s.reshape(line), c.reshape(line), s.reshape(line)[pitch:], c.reshape(line)[pitch:]
    down1 = down.reshape(line)
    for k in range(len(s2)):
        down1[k] = exchange * (s1[k] * s2[k] + c1[k] * c2[k])
    down0, curvature0, diagonal0 = inner_rows(down, 0), inner_rows(curvature, 0), inner_rows(diagonal, 0)
    for k in range(len(s0)):
        diagonal0[k] = right0[k] + right3[k] + down0[k] + down1[k] + curvature0[k] + shift


@compiled
def hessian_product(p, right, down, diagonal, out):  # type: ignore[no-untyped-def]
    """Write (local Hessian) p, where p must be zero in the ghost cells; returns p . out. Ghost cells of out are not."""
    pitch = p.shape[1]
    p0, p1, p2, p3, p4 = (
        inner_rows(p, 0), inner_rows(p, -pitch), inner_rows(p, pitch), inner_rows(p, -1), inner_rows(p, 1)
    )  # fmt: skip
    right0, right3, down0, down1 = (
        inner_rows(right, 0), inner_rows(right, -1), inner_rows(down, 0), inner_rows(down, -pitch)
    )  # fmt: skip
    diagonal0, out0 = inner_rows(diagonal, 0), inner_rows(out, 0)
    for k in range(len(p0)):
        pulled = right0[k] * p4[k] + right3[k] * p3[k] + down0[k] * p2[k] + down1[k] * p1[k]
        out0[k] = diagonal0[k] * p0[k] - pulled
    return line_dot(p, out)


@compiled
def newton_direction(gradient, right, down, diagonal, tolerance, most, x, work):  # type: ignore[no-untyped-def]
    """Solve (local Hessian) x = gradient by conjugate gradients scaled with the diagonal.

    Stops at a relative residual ``tolerance``, after ``most`` products, or where the curvature is not positive; x is
    then what was reached so far, and the scaled gradient if that is nothing. ``work`` is (4, ny+2, nx+2), zero on the
    border.
    """
    r, p, q, scale = work[0], work[1], work[2], work[3]
    rho = begin(gradient, diagonal, x, r, p, scale)
    enough = tolerance * tolerance * rho
    for k in range(most):
        if rho <= enough:
            break
        curvature = hessian_product(p, right, down, diagonal, q)
        if curvature <= 1e-3 * line_dot(p, p):
            if k == 0:
                copy(p, x)
            break
        new = advance(x.dtype.type(rho / curvature), p, q, scale, x, r)
        renew(r, scale, x.dtype.type(new / rho), p)
        rho = new


@compiled
def begin(gradient, diagonal, x, r, p, scale):  # type: ignore[no-untyped-def]
    """Residual and direction at x = 0, and the inverse diagonal; returns the scaled square of the residual."""
    one, least, zero = x.dtype.type(1), x.dtype.type(0.5), x.dtype.type(0)
    scale0, diagonal0 = inner_rows(scale, 0), inner_rows(diagonal, 0)
    for k in range(len(scale0)):
        scale0[k] = one / max(diagonal0[k], least)
    clear_ghosts(scale)
    line = x.size
    x_, r_, p_, scale_, gradient_ = (
        x.reshape(line), r.reshape(line), p.reshape(line), scale.reshape(line), gradient.reshape(line)
    )  # fmt: skip
    for k in range(len(x_)):
        x_[k] = zero
        r_[k] = gradient_[k]
        p_[k] = gradient_[k] * scale_[k]
    return line_dot(gradient, p)


@compiled
def advance(step, p, q, scale, x, r):  # type: ignore[no-untyped-def]
    """Step along p; returns the scaled square of the residual."""
    line = x.size
    x_, r_, p_, q_, scale_ = x.reshape(line), r.reshape(line), p.reshape(line), q.reshape(line), scale.reshape(line)
    new = 0.0
    for start in range(0, line, CHUNK):
        stop = start + CHUNK
        x0, r0, p0, q0, scale0 = x_[start:stop], r_[start:stop], p_[start:stop], q_[start:stop], scale_[start:stop]
        part = x.dtype.type(0)
        for k in range(len(x0)):
            x0[k] += step * p0[k]
            left = r0[k] - step * q0[k]
            r0[k] = left
            part += left * left * scale0[k]
        new += np.float64(part)
    return new


@compiled
def renew(r, scale, ratio, p):  # type: ignore[no-untyped-def]
    """Next direction, conjugate to the last."""
    line = p.size
    r_, p_, scale_ = r.reshape(line), p.reshape(line), scale.reshape(line)
    for k in range(len(p_)):
        p_[k] = r_[k] * scale_[k] + ratio * p_[k]
