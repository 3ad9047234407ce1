"""Compiled kernels of the network: each reads a row of its input once and leaves nothing for another pass.

Every row is computed by itself, in the same order of operations wherever it stands: what a crystal gets does not
depend on its companions.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.ir as ir
import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

_EXPONENTS = 8
# exp(-x) = 2^n exp(g) with |g| <= ln(2) / 2; 2^n has n + _BIAS in the bits above the mantissa.
_MINUS_LOG2E, _LN2 = np.float32(-1 / math.log(2)), np.float32(math.log(2))
_LOW, _HIGH, _ONE, _HALF = np.float32(-126), np.float32(126), np.float32(1), np.float32(0.5)
_E3, _E4, _E5, _E6, _E7 = (np.float32(1 / math.factorial(k)) for k in range(3, _EXPONENTS))
_BIAS, _MANTISSA = np.int32(127), np.int32(23)
_LAYER_NORM_EPSILON = 1e-5  # torch's


@intrinsic
def _nearest(typingctx: Any, x: Any) -> Any:
    """Nearest whole number of a float32, as a float32."""

    def code(_: Any, builder: Any, __: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.rint.f32"), args)

    return types.float32(types.float32), code


@intrinsic
def _number(typingctx: Any, x: Any) -> Any:
    """Float32 with the bits of an int32."""
    return types.float32(types.int32), lambda _, builder, __, args: builder.bitcast(args[0], ir.FloatType())


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)), to 1e-7 in single precision and without branches, so that compilers vectorise it."""
    return 1 / (1 + np.exp(-x))


@overload(sigmoid, jit_options={"fastmath": True, "error_model": "numpy"})
def _sigmoid(x):
    if x != types.float32:
        return lambda x: 1.0 / (1.0 + math.exp(-x))

    def single(x):
        t = x * _MINUS_LOG2E
        t = t if t > _LOW else _LOW
        t = t if t < _HIGH else _HIGH
        whole = _nearest(t)  # type: ignore[call-arg, var-annotated]
        g = (t - whole) * _LN2
        p = _E7 * g + _E6
        p = p * g + _E5
        p = p * g + _E4
        p = p * g + _E3
        p = p * g + _HALF
        p = p * g + _ONE
        p = p * g + _ONE
        return _ONE / (_ONE + p * _number(types.int32((types.int32(whole) + _BIAS) << _MANTISSA)))

    return single


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def gate(epsilon, offset, source, weight, nodes, gates, mean, inverse):
    """Gated mean over the edges of each destination; `gates` (edge, width) becomes m.

    ``m = nodes[source, 0] + nodes[destination, 1] + gates``, ``s = weight sigmoid(m)``,
    ``mean = sum s nodes[source, 2] / (sum s + epsilon)``; `inverse` keeps ``1 / (sum s + epsilon)``.
    """
    width = gates.shape[1]
    one = gates.dtype.type(1)
    total, norm = np.empty(width, gates.dtype), np.empty(width, gates.dtype)
    for d in range(len(offset) - 1):
        total[:] = 0
        norm[:] = 0
        at_destination = nodes[d, width : 2 * width]
        for e in range(offset[d], offset[d + 1]):
            s, w = source[e], weight[e]
            m, from_source, carried = gates[e], nodes[s, :width], nodes[s, 2 * width :]
            for j in range(width):
                m[j] = m[j] + from_source[j] + at_destination[j]
            for j in range(width):
                opening = w * sigmoid(m[j])
                total[j] += opening * carried[j]
                norm[j] += opening
        for j in range(width):
            scale = one / (norm[j] + epsilon)
            inverse[d, j] = scale
            mean[d, j] = total[j] * scale


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def gate_back(offset, source, weight, nodes, m, mean, inverse, d_mean, d_gates, d_nodes, d_weight):
    """Add the gradient that comes through `mean` to `d_gates`, which holds that which comes through m.

    `d_nodes` (node, 3 width) must be zero; `d_weight` (edge,) is set.
    """
    width = m.shape[1]
    one = m.dtype.type(1)
    arriving, scaled = np.empty(width, m.dtype), np.empty(width, m.dtype)
    for d in range(len(offset) - 1):
        arriving[:] = 0
        for j in range(width):
            scaled[j] = d_mean[d, j] * inverse[d, j]
        for e in range(offset[d], offset[d + 1]):
            s, w = source[e], weight[e]
            along = m.dtype.type(0)
            for j in range(width):
                opening = sigmoid(m[e, j])
                change = scaled[j] * (nodes[s, 2 * width + j] - mean[d, j]) * opening
                along += change
                dm = d_gates[e, j] + w * change * (one - opening)
                d_gates[e, j] = dm
                arriving[j] += dm
                d_nodes[s, j] += dm
                d_nodes[s, 2 * width + j] += scaled[j] * w * opening
            d_weight[e] = along
        for j in range(width):
            d_nodes[d, width + j] += arriving[j]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def norm_silu(has_residual, x, gamma, beta, residual, y):
    """``y = residual + silu(layer_norm(x))`` for rows of x (row, width)."""
    width = x.shape[1]
    share, small = x.dtype.type(1 / width), x.dtype.type(_LAYER_NORM_EPSILON)
    one = x.dtype.type(1)
    for i in range(x.shape[0]):
        mean = x.dtype.type(0)
        for j in range(width):
            mean += x[i, j]
        mean *= share
        variance = x.dtype.type(0)
        for j in range(width):
            variance += (x[i, j] - mean) * (x[i, j] - mean)
        scale = one / np.sqrt(variance * share + small)
        for j in range(width):
            u = (x[i, j] - mean) * scale * gamma[j] + beta[j]
            y[i, j] = u * sigmoid(u)
        if has_residual:
            for j in range(width):
                y[i, j] += residual[i, j]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def norm_silu_back(x, gamma, beta, dy, dx, d_gamma, d_beta):
    """Gradients of `norm_silu`; those of the parameters are added."""
    width = x.shape[1]
    share, small = x.dtype.type(1 / width), x.dtype.type(_LAYER_NORM_EPSILON)
    one = x.dtype.type(1)
    normal, back = np.empty(width, x.dtype), np.empty(width, x.dtype)
    for i in range(x.shape[0]):
        mean = x.dtype.type(0)
        for j in range(width):
            mean += x[i, j]
        mean *= share
        variance = x.dtype.type(0)
        for j in range(width):
            variance += (x[i, j] - mean) * (x[i, j] - mean)
        scale = one / np.sqrt(variance * share + small)
        plain, crossed = x.dtype.type(0), x.dtype.type(0)
        for j in range(width):
            normal[j] = (x[i, j] - mean) * scale
            u = normal[j] * gamma[j] + beta[j]
            s = sigmoid(u)
            du = dy[i, j] * s * (one + u * (one - s))
            d_beta[j] += du
            d_gamma[j] += du * normal[j]
            back[j] = du * gamma[j]
            plain += back[j]
            crossed += back[j] * normal[j]
        plain *= share
        crossed *= share
        for j in range(width):
            dx[i, j] = scale * (back[j] - plain - normal[j] * crossed)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def angles(offset, source, unit, envelope, cosine, weight):
    """Cosine at the middle atom of triplets and the product of the envelopes of both edges.

    ``cosine = - unit[A] . unit[B]``, ``weight = envelope[A] envelope[B]``.
    """
    for b in range(len(offset) - 1):
        x, y, z, e = -unit[b, 0], -unit[b, 1], -unit[b, 2], envelope[b]
        for t in range(offset[b], offset[b + 1]):
            a = source[t]
            cosine[t] = x * unit[a, 0] + y * unit[a, 1] + z * unit[a, 2]
            weight[t] = e * envelope[a]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def angles_back(offset, source, unit, envelope, d_cosine, d_weight, d_unit, d_envelope):
    """Add the gradients of `angles`."""
    for b in range(len(offset) - 1):
        for t in range(offset[b], offset[b + 1]):
            a, dc, dw = source[t], d_cosine[t], d_weight[t]
            for k in range(3):
                d_unit[b, k] -= dc * unit[a, k]
                d_unit[a, k] -= dc * unit[b, k]
            d_envelope[b] += dw * envelope[a]
            d_envelope[a] += dw * envelope[b]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def interpolate(low, per_step, column, add, x, table, y):
    """Piecewise cubics: columns of a table (interval, power, column) at points x (row,); y is set or added to."""
    width, last = y.shape[1], table.shape[0] - 1
    for i in range(len(x)):
        place = (x[i] - low) * per_step
        k = min(max(int(place), 0), last)
        t = place - x.dtype.type(k)
        a, b = table[k, 0, column : column + width], table[k, 1, column : column + width]
        c, d = table[k, 2, column : column + width], table[k, 3, column : column + width]
        row = y[i]
        if add:
            for j in range(width):
                row[j] += a[j] + t * (b[j] + t * (c[j] + t * d[j]))
        else:
            for j in range(width):
                row[j] = a[j] + t * (b[j] + t * (c[j] + t * d[j]))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def interpolate_back(low, per_step, column, x, table, dy, dx):
    """Gradient of `interpolate` with respect to x."""
    width, last = dy.shape[1], table.shape[0] - 1
    two, three = x.dtype.type(2), x.dtype.type(3)
    for i in range(len(x)):
        place = (x[i] - low) * per_step
        k = min(max(int(place), 0), last)
        t = place - x.dtype.type(k)
        b, c = table[k, 1, column : column + width], table[k, 2, column : column + width]
        d, row = table[k, 3, column : column + width], dy[i]
        change = x.dtype.type(0)
        for j in range(width):
            change += row[j] * (b[j] + t * (two * c[j] + three * t * d[j]))
        dx[i] = change * per_step


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def interpolate_learn(low, per_step, column, x, dy, d_table):
    """Add the gradient of `interpolate` with respect to the table."""
    width, last = dy.shape[1], d_table.shape[0] - 1
    for i in range(len(x)):
        place = (x[i] - low) * per_step
        k = min(max(int(place), 0), last)
        t = place - x.dtype.type(k)
        row, power = dy[i], x.dtype.type(1)
        for n in range(4):
            to = d_table[k, n, column : column + width]
            for j in range(width):
                to[j] += power * row[j]
            power *= t


def warm() -> None:
    """Compile what jobs share: single precision."""
    offset, index = np.array([0, 1], np.int64), np.zeros(1, np.int64)
    rows, one, nodes = np.ones((3, 1, 8), np.float32), np.ones(1, np.float32), np.zeros((1, 24), np.float32)
    vector = np.ones(8, np.float32)
    gate(np.float32(1e-6), offset, index, one, nodes, *rows)
    many: list[np.ndarray] = [*rows, rows[1].copy(), rows[2].copy(), nodes.copy(), one.copy()]
    gate_back(*[offset, index, one, nodes, *many])
    norm_silu(True, rows[0], vector, vector, rows[1], rows[2])
    norm_silu_back(rows[0], vector, vector, rows[1], rows[2], vector.copy(), vector.copy())
    unit = np.ones((1, 3), np.float32)
    angles(offset, index, unit, one, one.copy(), one.copy())
    angles_back(offset, index, unit, one, one, one, unit.copy(), one.copy())
    table, step = np.zeros((1, 4, 8), np.float32), np.float32(1)
    interpolate(step, step, 0, True, one, table, rows[0])
    interpolate_back(step, step, 0, one, table, rows[0], one.copy())
    interpolate_learn(step, step, 0, one, rows[0], table)
