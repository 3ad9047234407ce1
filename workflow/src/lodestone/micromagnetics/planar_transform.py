"""Convolution of a layer's in-plane moments with its demagnetising tensor, in vector instructions.

Transforms along y of m_x + i m_y give those of the two real components for half of the wave numbers; these are
transposed, transformed along x, multiplied with the tensor, and the same way back. Three properties make it quick: only
half of the rows and columns of the zero-padded layer hold anything, so that the first butterfly has two inputs and the
last two outputs; wave numbers stay in the order in which decimation in frequency leaves them, since decimation in time
takes them so and the tensor can be stored so; and a transform back is one forth with real and imaginary parts swapped.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics.vector_code import VECTOR_BYTES
from lodestone.micromagnetics.vector_kernels import (
    butterfly_after,
    butterfly_before,
    butterfly_without,
    first_butterfly,
    last_butterfly,
    multiply,
    separate,
    transpose,
    unite,
)

compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


def padded_length(cells: int) -> int:
    """Smallest multiple of 4 without other prime factors than 2, 3, 5 that holds a convolution of `cells` cells."""
    length = -(-(2 * cells - 1) // 4) * 4
    while _without(length, 2, 3, 5) > 1:
        length += 4
    return length


def _without(number: int, *primes: int) -> int:
    for prime in primes:
        while number % prime == 0:
            number //= prime
    return number


def radices(length: int) -> NDArray[np.int64]:
    """Radices of the passes: 4 first, at most one 8 in place of a lonely 2."""
    found, rest = [4], length // 4
    powers = (rest // _without(rest, 2)).bit_length() - 1
    if powers % 2 and powers >= 3:
        found.append(8)
        rest //= 8
    for radix in (4, 5, 3, 2):
        while rest % radix == 0:
            found.append(radix)
            rest //= radix
    return np.array(found)


def twiddle_factors(plan: NDArray, dtype: str) -> NDArray:
    """Factors exp(-2 pi i j k / L) of all passes: for every j, re and im of k = 1 ... radix - 1."""
    tables, length = [], int(np.prod(plan))
    for radix in plan:
        j, k = np.meshgrid(np.arange(length // radix), np.arange(1, radix), indexing="ij")
        factor = np.exp(-2j * np.pi * j * k / length)
        tables.append(np.stack([factor.real, factor.imag], -1).ravel())
        length //= radix
    return np.concatenate(tables).astype(dtype)


def positions(plan: NDArray) -> NDArray[np.int64]:
    """Row at which decimation in frequency leaves each wave number."""
    position, length = np.zeros(1, np.int64), 1
    for radix in plan[::-1]:
        k = np.arange(length * radix)
        position = (k % radix) * length + position[k // radix]
        length *= radix
    return position


def aligned(shape: tuple[int, ...], dtype: str) -> NDArray:
    """Zeros that start on a cache line, so that no vector lies across two."""
    count, line = int(np.prod(shape)) * np.dtype(dtype).itemsize, 64
    memory = np.zeros(count + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + count].view(dtype).reshape(shape)


@compiled
def product(plan):  # type: ignore[no-untyped-def]
    """Length of a transform from its radices."""
    length = 1
    for radix in plan:
        length *= radix
    return length


@compiled
def passes_forth(re, im, width, plan, table):  # type: ignore[no-untyped-def]
    """All passes but the first, in place, of a transform along rows of `width` columns."""
    rows = product(plan)
    length = rows // plan[0]
    at = 2 * (plan[0] - 1) * length
    for radix in plan[1:]:
        part = length // radix
        for block in range(0, rows * width, length * width):
            if part == 1:
                butterfly_without(radix, re, im, block, width, table, at)
            else:
                for j in range(part):
                    butterfly_after(radix, re, im, block + j * width, part * width, table, at + 2 * (radix - 1) * j)
        at += 2 * (radix - 1) * part
        length = part


@compiled
def passes_back(re, im, width, plan, table):  # type: ignore[no-untyped-def]
    """All passes but the last of the transform that takes wave numbers in the order in which `passes_forth` ends."""
    rows, at, length = product(plan), len(table), 1
    for radix in plan[:0:-1]:
        part = length
        length *= radix
        at -= 2 * (radix - 1) * part
        for block in range(0, rows * width, length * width):
            if part == 1:
                butterfly_without(radix, re, im, block, width, table, at)
            else:
                for j in range(part):
                    butterfly_before(radix, re, im, block + j * width, part * width, table, at + 2 * (radix - 1) * j)


@compiled
def waves_along_y(z_re, z_im, plan, table, pairs, re, im, tile, waves):  # type: ignore[no-untyped-def]
    """Transform the columns of z and write those of its two real parts, transposed, to waves (4, column, wave)."""
    columns, lanes, width = z_re.shape[1], waves.shape[2], VECTOR_BYTES // re.itemsize
    quarter, size = product(plan) // 4, waves.shape[1] * lanes
    for x in range(0, columns, width):
        for j in range(quarter):
            first_butterfly(
                z_re, z_im, j * columns + x, quarter * columns, re, im, j * width, quarter * width, table, 6 * j
            )  # fmt: skip
        passes_forth(re, im, width, plan, table)
        for k in range(0, lanes, width):
            for w in range(width):
                separate(re, im, pairs[k + w, 0] * width, pairs[k + w, 1] * width, tile, w * width, width * width)
            for part in range(4):
                transpose(tile, part * width * width, width, waves, part * size + x * lanes + k, lanes)


@compiled
def fields_along_x(waves, plan, table, kernel, x_re, x_im, y_re, y_im, fields):  # type: ignore[no-untyped-def]
    """Transform waves (4, column, wave) along the columns, multiply with the tensor, and transform back to fields."""
    lanes, width = waves.shape[2], VECTOR_BYTES // x_re.itemsize
    rows = product(plan)
    quarter = rows // 4
    step, short = quarter * lanes, quarter * width
    xr, xi, yr, yi = waves[0], waves[1], waves[2], waves[3]
    fxr, fxi, fyr, fyi = fields[0], fields[1], fields[2], fields[3]
    for k in range(0, lanes, width):
        for j in range(quarter):
            first_butterfly(xr, xi, j * lanes + k, step, x_re, x_im, j * width, short, table, 6 * j)
        passes_forth(x_re, x_im, width, plan, table)
        for j in range(quarter):
            first_butterfly(yr, yi, j * lanes + k, step, y_re, y_im, j * width, short, table, 6 * j)
        passes_forth(y_re, y_im, width, plan, table)
        for i in range(rows):
            multiply(x_re, x_im, y_re, y_im, i * width, kernel, 3 * (k * rows + i * width))
        passes_back(x_im, x_re, width, plan, table)
        for j in range(quarter):
            last_butterfly(x_im, x_re, j * width, short, fxi, fxr, j * lanes + k, step, table, 6 * j)
        passes_back(y_im, y_re, width, plan, table)
        for j in range(quarter):
            last_butterfly(y_im, y_re, j * width, short, fyi, fyr, j * lanes + k, step, table, 6 * j)


@compiled
def fields_along_y(fields, plan, table, pairs, re, im, tile, z_re, z_im):  # type: ignore[no-untyped-def]
    """Go the way of `waves_along_y` back: fields (4, column, wave) to the columns of h_x + i h_y."""
    columns, lanes, width = z_re.shape[1], fields.shape[2], VECTOR_BYTES // re.itemsize
    quarter, size = product(plan) // 4, fields.shape[1] * lanes
    for x in range(0, columns, width):
        for k in range(0, lanes, width):
            for part in range(4):
                transpose(fields, part * size + x * lanes + k, lanes, tile, part * width * width, width)
            for w in range(width):
                unite(tile, w * width, width * width, re, im, pairs[k + w, 0] * width, pairs[k + w, 1] * width)
        passes_back(im, re, width, plan, table)
        for j in range(quarter):
            last_butterfly(
                im, re, j * width, quarter * width, z_im, z_re, j * columns + x, quarter * columns, table, 6 * j
            )  # fmt: skip


@compiled
def convolve(  # type: ignore[no-untyped-def]
    s, c, bx, by, plan_y, plan_x, table_y, table_x, pairs, kernel, z, back, waves, fields, buffers, tile
):  # fmt: skip
    """Write the field of the moments (s, c) into (bx, by); all four have ghost cells."""
    ny, nx = s.shape[0] - 2, s.shape[1] - 2
    zr, zi, hr, hi = z[0], z[1], back[0], back[1]
    for i in range(ny):
        for j in range(nx):
            zr[i, j] = s[i + 1, j + 1]
            zi[i, j] = c[i + 1, j + 1]
    b = buffers
    waves_along_y(zr, zi, plan_y, table_y, pairs, b[0], b[1], tile, waves)
    fields_along_x(waves, plan_x, table_x, kernel, b[0], b[1], b[2], b[3], fields)
    fields_along_y(fields, plan_y, table_y, pairs, b[0], b[1], tile, hr, hi)
    for i in range(ny):
        for j in range(nx):
            bx[i + 1, j + 1] = hr[i, j]
            by[i + 1, j + 1] = hi[i, j]
