"""Compiled loops of the in-plane solver.

The magnetisation of a cell is (s, c) = (sin phi, cos phi), phi counted from +y towards +x. All energies are over
mu0 M_s^2 times the cell volume and all fields over M_s, so that a torque is dimensionless. Arrays have one ghost cell
of zeros all round: a missing neighbour then adds nothing to the exchange. Constants are written as sums of variables
because an integer literal would lift single precision to double. Division follows numpy (no check for zero) and no loop
looks for a maximum beside its other work: either would keep the loop from being vectorised, at five times the time.
"""

import numba
import numpy as np

compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@compiled
def evaluate(s, c, kc, ks, bx, by, field, exchange, gradient, curvature):  # type: ignore[no-untyped-def]
    """Energy; writes the gradient dE/dphi and its local derivative without exchange.

    ``kc``, ``ks`` are K_1/(mu0 M_s^2) times cos and sin of twice the axis angle; ``bx``, ``by`` the stray field of
    (s, c) without its part along m, whose torque is zero.
    """
    half = s.dtype.type(0.5)
    energy = 0.0
    for i in range(1, s.shape[0] - 1):
        row = s.dtype.type(0)
        for j in range(1, s.shape[1] - 1):
            si, ci, hx, hy = s[i, j], c[i, j], bx[i, j], by[i, j]
            sx = s[i - 1, j] + s[i + 1, j] + s[i, j - 1] + s[i, j + 1]
            sc = c[i - 1, j] + c[i + 1, j] + c[i, j - 1] + c[i, j + 1]
            s2, c2 = si * ci + si * ci, ci * ci - si * si
            anisotropy = c2 * kc[i, j] + s2 * ks[i, j]
            stray = hx * si + hy * ci
            zeeman = field * ci
            g = exchange * (si * sc - ci * sx) + (s2 * kc[i, j] - c2 * ks[i, j]) - hx * ci + (hy + field) * si
            gradient[i, j] = g
            curvature[i, j] = anisotropy + anisotropy + stray + zeeman
            row += half * (exchange * (si * sx + ci * sc) + anisotropy + stray) + zeeman
        energy -= np.float64(row)
    return energy


@compiled
def largest(values):  # type: ignore[no-untyped-def]
    """Largest magnitude of the inner cells."""
    found = values.dtype.type(0)
    for i in range(1, values.shape[0] - 1):
        for j in range(1, values.shape[1] - 1):
            found = max(found, abs(values[i, j]))
    return found


@compiled
def rotate(s, c, direction, scale, cap, s_out, c_out):  # type: ignore[no-untyped-def]
    """Turn each moment by 2 atan(q/2), q = scale * direction clipped to +-cap."""
    one, half, threehalf = s.dtype.type(1), s.dtype.type(0.5), s.dtype.type(1.5)
    for i in range(1, s.shape[0] - 1):
        for j in range(1, s.shape[1] - 1):
            q = min(max(scale * direction[i, j], -cap), cap)
            t = half * q
            norm = one / (one + t * t)
            cosine, sine = (one - t * t) * norm, (t + t) * norm
            sn, cn = s[i, j] * cosine + c[i, j] * sine, c[i, j] * cosine - s[i, j] * sine
            # One Newton step towards length one keeps rounding from adding up over thousands of turns.
            fix = threehalf - half * (sn * sn + cn * cn)
            s_out[i, j], c_out[i, j] = sn * fix, cn * fix


@compiled
def copy(source, target):  # type: ignore[no-untyped-def]
    """Copy the inner cells."""
    for i in range(1, source.shape[0] - 1):
        for j in range(1, source.shape[1] - 1):
            target[i, j] = source[i, j]


@compiled
def dot(a, b):  # type: ignore[no-untyped-def]
    """Inner product, summed by rows in double precision."""
    total = 0.0
    for i in range(1, a.shape[0] - 1):
        row = a.dtype.type(0)
        for j in range(1, a.shape[1] - 1):
            row += a[i, j] * b[i, j]
        total += np.float64(row)
    return total


@compiled
def add_scaled(y, factor, x):  # type: ignore[no-untyped-def]
    """Add factor * x to y."""
    for i in range(1, y.shape[0] - 1):
        for j in range(1, y.shape[1] - 1):
            y[i, j] += factor * x[i, j]


@compiled
def turn_between(s_from, c_from, s_to, c_to, out):  # type: ignore[no-untyped-def]
    """Sine of the angle from one state to the other; 2 beyond a right angle."""
    two = s_from.dtype.type(2)
    for i in range(1, out.shape[0] - 1):
        for j in range(1, out.shape[1] - 1):
            sine = s_to[i, j] * c_from[i, j] - c_to[i, j] * s_from[i, j]
            ahead = s_to[i, j] * s_from[i, j] + c_to[i, j] * c_from[i, j]
            out[i, j] = sine if ahead > 0 else two


@compiled
def extrapolate(turn, before, smooth):  # type: ignore[no-untyped-def]
    """Next turn from the last two, in place: a parabola, damped; none where a cell has not moved smoothly."""
    zero, damped = turn.dtype.type(0), turn.dtype.type(0.75)
    for i in range(1, turn.shape[0] - 1):
        for j in range(1, turn.shape[1] - 1):
            bend = turn[i, j] - before[i, j]
            value = turn[i, j] + damped * bend
            turn[i, j] = value if abs(turn[i, j]) < smooth and abs(bend) < smooth else zero


@compiled
def cut(sources, row, column, targets):  # type: ignore[no-untyped-def]
    """Copy the rectangles that start at a row and column out of larger arrays."""
    for k in range(len(sources)):
        source, target = sources[k], targets[k]
        for i in range(target.shape[0]):
            for j in range(target.shape[1]):
                target[i, j] = source[row + i, column + j]


@compiled
def same(source, row, column, part):  # type: ignore[no-untyped-def]
    """Whether a rectangle of a larger array equals an array."""
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            if part[i, j] != source[row + i, column + j]:
                return False
    return True
