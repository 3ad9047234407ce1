"""Sums over the periodic images of each atom around another, compiled: geometry without moments or parameters.

All images of an atom have its moment. What a radial function and a product of components of the unit vector sum to
over them is found once; every label of a small cell, for either sign of the moments, needs nothing else.

``shape[n, g, zeta]`` is the sum, over the images of atom g, of radial basis function zeta times monomial n, and
``slope[q, n, g, zeta]`` its derivative along a direction q in which all these images move: the three axes, then the
six strains of `STRAINS`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lodestone.spin_potential.kernels import FLAGS

STRAINS = np.array([[0, 0], [1, 1], [2, 2], [1, 2], [0, 2], [0, 1]])
DIRECTIONS = 9


@njit(**FLAGS)
def directions_of(vector, along, across, rise, turn):
    """Fill, for nine directions, what multiplies the slope of the radial basis and what its value.

    `along` (axis,) is the monomial times the unit vector, `across` (axis,) the monomial's slope with respect to the
    neighbour's place.
    """
    for q in range(3):
        rise[q], turn[q] = along[q], across[q]
    for s in range(6):
        a, b = STRAINS[s, 0], STRAINS[s, 1]
        rise[3 + s] = 0.5 * (vector[b] * along[a] + vector[a] * along[b])
        turn[3 + s] = 0.5 * (vector[b] * across[a] + vector[a] * across[b])


@njit(**FLAGS)
def number_around(i, first, neighbours, local, near, around):
    """Give numbers to atom `i` and to those that have images around it; returns how many they are.

    Parameters
    ----------
    i, first : int
        The atom, and the first one of its cell.
    neighbours : ndarray, (neighbour,)
    local : ndarray, (atom of the cell,)
        Filled with the numbers, -1 for atoms that are too far away. Atom `i` is number 0.
    near : ndarray, (neighbour or more,)
        Filled with the number of each neighbour.
    around : ndarray, (neighbour + 1 or more,)
        Filled with the atoms in the order of their numbers.
    """
    local[:] = -1
    local[i - first], around[0], count = 0, i, 1
    for j in range(neighbours.shape[0]):
        atom = neighbours[j]
        if local[atom - first] < 0:
            local[atom - first], around[count] = count, atom
            count += 1
        near[j] = local[atom - first]
    return count


@njit(**FLAGS)
def image_sums(vectors, near, monomials, powers, distance, phi, phi_slope, shape, slope):
    """Fill `shape` and `slope` of one atom.

    Parameters
    ----------
    vectors : ndarray, (neighbour, 3)
    near : ndarray, (neighbour,)
        Which atom each is an image of, as `shape` and `slope` number them.
    monomials : ndarray, (n, 3)
        Powers of the components.
    powers, distance, phi, phi_slope : ndarray
        As `kernels.geometry` fills them.
    shape : ndarray, (n, atom, zeta)
    slope : ndarray, (9, n, atom, zeta)
    """
    shape[:] = 0.0
    slope[:] = 0.0
    size = phi.shape[0]
    value, falls = np.empty(size), np.empty(size)
    along, across = np.empty(3), np.empty(3)
    rise, turn = np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    for j in range(near.shape[0]):
        g, r = near[j], distance[j]
        for zeta in range(size):
            value[zeta], falls[zeta] = phi[zeta, j], phi_slope[zeta, j]
        for n in range(monomials.shape[0]):
            a, b, c = monomials[n, 0], monomials[n, 1], monomials[n, 2]
            x, y, z = powers[a, 0, j], powers[b, 1, j], powers[c, 2, j]
            monomial = x * y * z
            by_x = a * powers[max(a - 1, 0), 0, j] * y * z
            by_y = b * x * powers[max(b - 1, 0), 1, j] * z
            by_z = c * x * y * powers[max(c - 1, 0), 2, j]
            for q in range(3):
                along[q] = powers[1, q, j] * monomial
                # A monomial of degree d grows by d times itself along the unit vector, which does not grow.
                across[q] = -(a + b + c) * along[q] / r
            across[0] += by_x / r
            across[1] += by_y / r
            across[2] += by_z / r
            directions_of(vectors[j], along, across, rise, turn)
            row = shape[n, g]
            for zeta in range(size):
                row[zeta] += monomial * value[zeta]
            for q in range(DIRECTIONS):
                row, u, w = slope[q, n, g], rise[q], turn[q]
                for zeta in range(size):
                    row[zeta] += u * falls[zeta] + w * value[zeta]
