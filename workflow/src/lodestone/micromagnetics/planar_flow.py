"""Steepest-descent flow of the in-plane layer in vector instructions; conventions as in `planar_kernels`.

Arrays are taken as lines, row after row with ghost cells at both ends, `pitch` cells from row to row. All inner rows
are one loop over whole vectors, the last of which may overlap the one before: nothing is overwritten that is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lodestone.micromagnetics.planar_kernels import compiled, copy
from lodestone.micromagnetics.vector_code import VECTOR_BYTES, Array, Real
from lodestone.micromagnetics.vector_kernels import Builder, kernel_of

AFTER_LAST = 16  # cells by which the lines of a tiny layer are made longer


def _around(b: Builder, array: Array, place: Any, pitch: Any) -> tuple[Real, ...]:
    """Return the cells up, down, to the left and to the right."""
    one = place.type(1)
    places = b.sub(place, pitch), b.add(place, pitch), b.sub(place, one), b.add(place, one)
    return tuple(Real(b, array.load(p)) for p in places)


def _linearise(
    b: Builder, s: Array, c: Array, kc: Array, ks: Array, bx: Array, by: Array, place: Any, pitch: Any,
    field: Real, exchange: Real, rate: Real, right: Array, down: Array, inverse: Array, start: Array,
) -> None:  # fmt: skip
    """Couplings to the right and down, and the inverse diagonal, of the local Hessian plus the rate.

    It is made positive definite; `start` becomes the gradient over the diagonal.
    """
    si, ci, k, q, hx, hy = (Real(b, a.load(place)) for a in (s, c, kc, ks, bx, by))
    zero, half, hy = si.constant(0), si.constant(0.5), hy + field
    s_around, c_around = _around(b, s, place, pitch), _around(b, c, place, pitch)
    bonds = [(si * sn + ci * cn).at_least(zero) * exchange for sn, cn in zip(s_around, c_around, strict=True)]
    s_sum = (s_around[0] + s_around[1]) + (s_around[2] + s_around[3])
    c_sum = (c_around[0] + c_around[1]) + (c_around[2] + c_around[3])
    product = si * ci
    sine, cosine = product + product, ci * ci - si * si
    anisotropy = cosine * k + sine * q
    gradient = exchange * (si * c_sum - ci * s_sum) + (sine * k - cosine * q) - hx * ci + hy * si
    curvature = anisotropy + anisotropy + hx * si + hy * ci
    diagonal = (bonds[0] + bonds[1]) + (bonds[2] + bonds[3]) + (curvature + rate).at_least(rate * half)
    scale = diagonal.reciprocal()
    for array, value in ((right, bonds[3]), (down, bonds[1]), (inverse, scale), (start, scale * gradient)):
        array.store(value.value, place)


def _changed(
    b: Builder, place: Any, pitch: Any, weight: Real, gain: Real,
    right: Array, down: Array, inverse: Array, start: Array, x: Array, last: Array,
) -> tuple[Real, Real]:  # fmt: skip
    """Return x and its change: `weight` times the last change plus `gain` times the scaled residual."""
    now = Real(b, x.load(place))
    up, below, left, beside = _around(b, x, place, pitch)
    to_right, to_down, scale, first, before = (Real(b, a.load(place)) for a in (right, down, inverse, start, last))
    to_left = Real(b, right.load(b.sub(place, place.type(1))))
    to_up = Real(b, down.load(b.sub(place, pitch)))
    pulled = (to_right * beside + to_left * left) + (to_down * below + to_up * up)
    return now, weight * before + gain * (first + scale * pulled - now)


def _sweep(
    b: Builder, place: Any, pitch: Any, weight: Real, gain: Real, right: Array, down: Array, inverse: Array,
    start: Array, x: Array, last: Array, change: Array, out: Array,
) -> None:  # fmt: skip
    """One sweep of the Chebyshev iteration."""
    now, moved = _changed(b, place, pitch, weight, gain, right, down, inverse, start, x, last)
    change.store(moved.value, place)
    out.store((now + moved).value, place)


def _sweep_and_turn(
    b: Builder, place: Any, pitch: Any, weight: Real, gain: Real, right: Array, down: Array, inverse: Array,
    start: Array, x: Array, last: Array, cap: Real, s: Array, c: Array, s_out: Array, c_out: Array,
) -> None:  # fmt: skip
    """Last sweep, and the turn of each moment by 2 atan(q/2) with q what it gives, reversed and clipped to +-cap."""
    now, moved = _changed(b, place, pitch, weight, gain, right, down, inverse, start, x, last)
    one, half = cap.constant(1), cap.constant(0.5)
    t = (now + moved).at_least(cap * cap.constant(-1)).at_most(cap) * cap.constant(-0.5)
    norm = (one + t * t).reciprocal()
    cosine, sine = (one - t * t) * norm, (t + t) * norm
    si, ci = Real(b, s.load(place)), Real(b, c.load(place))
    sn, cn = si * cosine + ci * sine, ci * cosine - si * sine
    # One Newton step towards length one keeps rounding from adding up over thousands of turns.
    fix = cap.constant(1.5) - half * (sn * sn + cn * cn)
    s_out.store((sn * fix).value, place)
    c_out.store((cn * fix).value, place)


linearise = kernel_of(_linearise, *"aaaaaappnnnaaaa")
sweep = kernel_of(_sweep, *"ppnnaaaaaaaa")
sweep_and_turn = kernel_of(_sweep_and_turn, *"ppnnaaaaaanaaaa")


@compiled
def flow(s, c, kc, ks, bx, by, field, exchange, step, cap, count, sweeps, work):  # type: ignore[no-untyped-def]
    """Follow d phi/dt = -dE/dphi with the stray field held, by ``count`` linearly implicit Euler steps.

    Each solves (local Hessian + 1/step) x = gradient by ``sweeps`` of a Chebyshev iteration, a fixed polynomial and so
    a symmetric operator. Its interval is [0.3, 1.7] for a diagonally scaled matrix with eigenvalues in (0, 2): outside
    it the polynomial stays below its value at 0, so the operator is positive definite whatever the matrix.

    ``s`` and ``c`` are overwritten with the state at the end. ``work`` is (10, ny+2, nx+2); the ghost cells of its last
    two arrays must hold those of s and c.
    """
    line, pitch = s.size, s.shape[1]
    s_, c_, kc_, ks_ = s.reshape(line), c.reshape(line), kc.reshape(line), ks.reshape(line)
    bx_, by_, lines = bx.reshape(line), by.reshape(line), work.reshape(10, line)
    if line - pitch - pitch >= VECTOR_BYTES // s.itemsize:
        follow(s_, c_, kc_, ks_, bx_, by_, field, exchange, step, cap, count, sweeps, lines, pitch, line)
    else:
        longer = np.zeros((16, line + AFTER_LAST), s.dtype)
        longer[:10, :line] = lines
        for k, given in enumerate((s_, c_, kc_, ks_, bx_, by_)):
            longer[10 + k, :line] = given
        follow(
            longer[10], longer[11], longer[12], longer[13], longer[14], longer[15],
            field, exchange, step, cap, count, sweeps, longer[:10], pitch, line,
        )  # fmt: skip
        s_[:], c_[:] = longer[10, :line], longer[11, :line]
        lines[:, :] = longer[:10, :line]
    if count % 2 == 1:
        copy(work[8], s)
        copy(work[9], c)


@compiled
def follow(  # type: ignore[no-untyped-def]
    s, c, kc, ks, bx, by, field, exchange, step, cap, count, sweeps, lines, pitch, line
):  # fmt: skip
    """Take the steps of `flow` on lines; after an odd number of them the state is in the last two lines of work."""
    right, down, inverse, start = lines[0], lines[1], lines[2], lines[3]
    x, spare, change, changed, s_next, c_next = lines[4], lines[5], lines[6], lines[7], lines[8], lines[9]
    one, radius, width = s.dtype.type(1), s.dtype.type(0.7), VECTOR_BYTES // s.itemsize
    stop = max(line - pitch - width, pitch)
    for _ in range(count):
        for k in range(pitch, stop + width, width):
            linearise(
                s, c, kc, ks, bx, by, min(k, stop), pitch, field, exchange, one / step, right, down, inverse, start
            )  # fmt: skip
        clear_ends(inverse, pitch, line)
        clear_ends(start, pitch, line)
        now, last, ratio, rho = start, start, one / radius, radius  # the first change is the first iterate itself
        for j in range(sweeps):
            following = one / (ratio + ratio - rho)
            weight, gain = following * rho, (following + following) / radius
            rho = following
            if j < sweeps - 1:
                for k in range(pitch, stop + width, width):
                    sweep(min(k, stop), pitch, weight, gain, right, down, inverse, start, now, last, change, x)
                now, last = x, change
                x, spare, change, changed = spare, x, changed, change
            else:
                for k in range(pitch, stop + width, width):
                    sweep_and_turn(
                        min(k, stop), pitch, weight, gain, right, down, inverse, start, now, last,
                        cap, s, c, s_next, c_next,
                    )  # fmt: skip
        s, s_next = s_next, s
        c, c_next = c_next, c


@compiled
def clear_ends(values, pitch, line):  # type: ignore[no-untyped-def]
    """Set the ghost cells at both ends of each inner row to zero."""
    zero = values.dtype.type(0)
    for first in range(pitch, line - pitch, pitch):
        values[first] = zero
        values[first + pitch - 1] = zero
