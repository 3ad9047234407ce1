"""Compiled sweeps of classical spins stored in lanes: see `lodestone.kkr.lanes` for the layout.

All lanes of one place are updated together. They lie a whole block apart, further than any coupling reaches, so that
no two of them interact and a loop over lanes is the same as one spin after the other.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np

from lodestone.kkr import vector_math

F = np.float32
ONE, TWO, HALF = F(1), F(2), F(0.5)
TINY = F(1e-12)
# Below a field of 1e-4 k_B T every direction is as good as another, and float32 could not tell.
WEAK = F(1e-8)
TICK, HALF_TICK = F(2.0**-24), F(2.0**-25)
_OPTIONS = {"cache": True, "fastmath": True, "error_model": "numpy", "nogil": True}


@numba.njit(inline="always")
def _uniform(state, out):
    """Fill `out` with numbers between 0 and 1 by one generator per lane, xoshiro128+ (Blackman and Vigna 2018)."""
    for lane in range(out.size):
        a, b, c, d = state[0, lane], state[1, lane], state[2, lane], state[3, lane]
        # numba widens sums and shifts of uint32 to 64 bits: each has to be cut back.
        total = np.uint32(a + d)
        shifted = np.uint32(b << np.uint32(9))
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = np.uint32(np.uint32(d << np.uint32(11)) | (d >> np.uint32(21)))
        state[0, lane], state[1, lane], state[2, lane], state[3, lane] = a, b, c, d
        # The upper 24 bits: all that a float32 holds, and the best of this generator.
        out[lane] = F(np.int32(total >> np.uint32(8))) * TICK + HALF_TICK


@numba.njit(inline="always")
def _field(spin, place, offset, coupling, first, last, hx, hy, hz):
    """Sum of coupling times neighbour over the bonds `first` to `last`, for all lanes of a place."""
    for lane in range(hx.size):
        hx[lane] = hy[lane] = hz[lane] = F(0)
    for bond in range(first, last):
        other, strength = place + offset[bond], coupling[bond]
        for lane in range(hx.size):
            hx[lane] += strength * spin[other, 0, lane]
            hy[lane] += strength * spin[other, 1, lane]
            hz[lane] += strength * spin[other, 2, lane]


@numba.njit(inline="always")
def _copy_to_halo(spin, place, cell, block, reach, stride, permutation):
    """Write the copies that stand beyond the block's faces for a place near them."""
    for sz in range(-1, 2):
        if (sz > 0 and cell[0] >= reach[0]) or (sz < 0 and cell[0] < block[0] - reach[0]):
            continue
        for sy in range(-1, 2):
            if (sy > 0 and cell[1] >= reach[1]) or (sy < 0 and cell[1] < block[1] - reach[1]):
                continue
            for sx in range(-1, 2):
                if (sx > 0 and cell[2] >= reach[2]) or (sx < 0 and cell[2] < block[2] - reach[2]):
                    continue
                if sx == 0 and sy == 0 and sz == 0:
                    continue
                shift = sz * block[0] * stride[0] + sy * block[1] * stride[1] + sx * block[2]
                lanes = permutation[(sz + 1) * 9 + (sy + 1) * 3 + sx + 1]
                for axis in range(3):
                    for lane in range(lanes.size):
                        spin[place + shift, axis, lane] = spin[place, axis, lanes[lane]]


@numba.njit(inline="always")
def _draw(hx, hy, hz, u, v):
    """Draw a unit vector in a field (in units of k_B T) from two numbers between 0 and 1."""
    square = hx**2 + hy**2 + hz**2
    norm = np.sqrt(square + TINY)
    inverse = ONE / norm
    # Cosine from the field: inverse of the distribution exp(norm * cosine).
    cosine = ONE + vector_math.log(u + (ONE - u) * vector_math.exp_negative(-TWO * norm)) * inverse
    if square < WEAK:
        cosine = TWO * u - ONE
    if cosine < -ONE:
        cosine = -ONE
    sine = np.sqrt(abs(ONE - cosine * cosine))
    turn_cos, turn_sin = vector_math.circle(v - HALF)
    ex, ey, ez = hx * inverse, hy * inverse, hz * inverse
    if square < WEAK:
        ex, ey, ez = F(0), F(0), ONE
    # Two axes across the field (Duff et al. 2017), the same for every direction of it.
    sign = ONE if ez >= 0 else -ONE
    a = -ONE / (sign + ez)
    b = ex * ey * a
    p, q = sine * turn_cos, sine * turn_sin
    return (
        cosine * ex + p * (ONE + sign * ex * ex * a) + q * b,
        cosine * ey + p * sign * b + q * (sign + ey * ey * a),
        cosine * ez - p * sign * ex - q * ey,
    )


@numba.njit(**_OPTIONS)
def heat_bath(spin, block, reach, offset, first, coupling, permutation, occupied, state):
    """One sweep of the heat bath: each spin anew from its distribution in the field of its neighbours.

    Parameters
    ----------
    spin : ndarray of float32, (place, 3, lane)
        Unit vectors, with their copies in the halo.
    block, reach : tuple of 3 int
        Cells of a block and cells that couplings reach, along the three axes.
    offset, coupling : ndarray, (bond,)
        Step from a place to its neighbour's; 2 J / (k_B T).
    first : ndarray, (sublattice_plus_one,)
        First bond of each sublattice.
    permutation : ndarray, (27, lane)
        Lanes seen across each face, edge and corner.
    occupied : ndarray of float32, (place, lane) or (0, lane)
        0 where there is no atom of the sublattice (alloys); empty if every place has its atom.
    state : ndarray of uint32, (4, lane)
        Random generators.
    """
    width = spin.shape[2]
    hx, hy, hz = np.empty(width, F), np.empty(width, F), np.empty(width, F)
    u, v = np.empty(width, F), np.empty(width, F)
    row = block[2] + 2 * reach[2]
    layer = row * (block[1] + 2 * reach[1])
    volume = layer * (block[0] + 2 * reach[0])
    for sub in range(first.size - 1):
        for z in range(block[0]):
            for y in range(block[1]):
                for x in range(block[2]):
                    place = sub * volume + (z + reach[0]) * layer + (y + reach[1]) * row + x + reach[2]
                    _field(spin, place, offset, coupling, first[sub], first[sub + 1], hx, hy, hz)
                    _uniform(state, u)
                    _uniform(state, v)
                    for lane in range(width):
                        sx, sy, sz = _draw(hx[lane], hy[lane], hz[lane], u[lane], v[lane])
                        spin[place, 0, lane], spin[place, 1, lane], spin[place, 2, lane] = sx, sy, sz
                    if occupied.shape[0] > 0:
                        for axis in range(3):
                            for lane in range(width):
                                spin[place, axis, lane] *= occupied[place, lane]
                    _copy_to_halo(spin, place, (z, y, x), block, reach, (layer, row), permutation)


@numba.njit(**_OPTIONS)
def over_relax(spin, block, reach, offset, first, coupling, permutation):
    """One sweep of over-relaxation: each spin turned by 180 degrees about its field, at the same energy."""
    width = spin.shape[2]
    hx, hy, hz = np.empty(width, F), np.empty(width, F), np.empty(width, F)
    row = block[2] + 2 * reach[2]
    layer = row * (block[1] + 2 * reach[1])
    volume = layer * (block[0] + 2 * reach[0])
    for sub in range(first.size - 1):
        for z in range(block[0]):
            for y in range(block[1]):
                for x in range(block[2]):
                    place = sub * volume + (z + reach[0]) * layer + (y + reach[1]) * row + x + reach[2]
                    _field(spin, place, offset, coupling, first[sub], first[sub + 1], hx, hy, hz)
                    for lane in range(width):
                        sx, sy, sz = spin[place, 0, lane], spin[place, 1, lane], spin[place, 2, lane]
                        square = hx[lane] ** 2 + hy[lane] ** 2 + hz[lane] ** 2 + TINY
                        twice = TWO * (sx * hx[lane] + sy * hy[lane] + sz * hz[lane]) / square
                        spin[place, 0, lane] = twice * hx[lane] - sx
                        spin[place, 1, lane] = twice * hy[lane] - sy
                        spin[place, 2, lane] = twice * hz[lane] - sz
                    _copy_to_halo(spin, place, (z, y, x), block, reach, (layer, row), permutation)


@numba.njit(**_OPTIONS)
def fill_halo(spin, block, reach, sublattices, permutation):
    """Make every copy in the halo equal to its original."""
    row = block[2] + 2 * reach[2]
    layer = row * (block[1] + 2 * reach[1])
    volume = layer * (block[0] + 2 * reach[0])
    for sub in range(sublattices):
        for z in range(block[0]):
            for y in range(block[1]):
                for x in range(block[2]):
                    place = sub * volume + (z + reach[0]) * layer + (y + reach[1]) * row + x + reach[2]
                    _copy_to_halo(spin, place, (z, y, x), block, reach, (layer, row), permutation)


@numba.njit(cache=True, error_model="numpy", nogil=True)
def sums(spin, block, reach, total):
    """Sum of the spins of each sublattice into `total`, ndarray of float64 (sublattice, 3)."""
    row = block[2] + 2 * reach[2]
    layer = row * (block[1] + 2 * reach[1])
    volume = layer * (block[0] + 2 * reach[0])
    for sub in range(total.shape[0]):
        for axis in range(3):
            total[sub, axis] = 0.0
        for z in range(block[0]):
            for y in range(block[1]):
                for x in range(block[2]):
                    place = sub * volume + (z + reach[0]) * layer + (y + reach[1]) * row + x + reach[2]
                    for axis in range(3):
                        # Sums of 64 unit numbers in float32 are exact to 1e-5 of one spin.
                        total[sub, axis] += spin[place, axis].sum()


@numba.njit(cache=True, error_model="numpy", nogil=True)
def energy(spin, block, reach, offset, first, coupling):
    """Half the sum over spins of spin times field, with the sign of an energy: -sum over i != j of J e_i.e_j."""
    width = spin.shape[2]
    hx, hy, hz = np.empty(width, F), np.empty(width, F), np.empty(width, F)
    row = block[2] + 2 * reach[2]
    layer = row * (block[1] + 2 * reach[1])
    volume = layer * (block[0] + 2 * reach[0])
    total = 0.0
    for sub in range(first.size - 1):
        for z in range(block[0]):
            for y in range(block[1]):
                for x in range(block[2]):
                    place = sub * volume + (z + reach[0]) * layer + (y + reach[1]) * row + x + reach[2]
                    _field(spin, place, offset, coupling, first[sub], first[sub + 1], hx, hy, hz)
                    for lane in range(width):
                        total -= (
                            spin[place, 0, lane] * hx[lane]
                            + spin[place, 1, lane] * hy[lane]
                            + spin[place, 2, lane] * hz[lane]
                        )
    return total


@numba.njit(cache=True, error_model="numpy", nogil=True)
def sample(spin, block, reach, offset, first, coupling, permutation, occupied, state, over_relaxations, totals):
    """Sweep and sum, once for each entry of `totals`, ndarray of float64 (sweep, sublattice, 3).

    All of it in one call: threads that come back to Python after every sweep spend their time waiting for each other.
    """
    for sweep in range(totals.shape[0]):
        heat_bath(spin, block, reach, offset, first, coupling, permutation, occupied, state)
        for _ in range(over_relaxations):
            over_relax(spin, block, reach, offset, first, coupling, permutation)
        sums(spin, block, reach, totals[sweep])
