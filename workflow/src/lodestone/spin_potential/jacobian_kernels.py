"""Derivatives of every label with respect to all parameters, compiled: a row for each label.

The rows of a configuration of n atoms are its energy, then derivatives of the energy along 3 n displacements, 6
strains (xx, yy, zz, yz, xz, xy) and n moments. Each row is what `adjoint_kernels` finds for one direction; what does
not depend on the direction is found once for all of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lodestone.spin_potential.adjoint_kernels import (
    basic_tangents,
    by_coefficients,
    by_radial_functions,
    contract_tangents,
    contract_tangents_back,
    directions,
    radial_tangents,
)
from lodestone.spin_potential.kernels import FLAGS, basic_moments, contract, surroundings, workspace

STRAINS = np.array([[0, 0], [1, 1], [2, 2], [1, 2], [0, 2], [0, 1]])


@njit(**FLAGS)
def rows_of(atoms):
    """Return the number of rows of a configuration."""
    return 1 + 3 * atoms + 6 + atoms


@njit(**FLAGS)
def set_direction(row, atoms, first, push, strain, spin):
    """Fill the direction of a row with one; everything else is zero. Returns the weight of the energy itself."""
    push[first : first + atoms] = 0.0
    spin[first : first + atoms] = 0.0
    strain[:] = 0.0
    if row == 0:
        return 1.0
    row -= 1
    if row < 3 * atoms:
        push[first + row // 3, row % 3] = 1.0
    elif row < 3 * atoms + 6:
        a, b = STRAINS[row - 3 * atoms, 0], STRAINS[row - 3 * atoms, 1]
        strain[a, b] += 0.5
        strain[b, a] += 0.5
    else:
        spin[first + row - 3 * atoms - 6] = 1.0
    return 0.0


@njit(**FLAGS)
def label_jacobian(
    begin,
    end,
    offset,
    kind,
    moment,
    block,
    neighbour,
    vector,
    r_min,
    r_cut,
    m_max,
    scaling,
    basic,
    products,
    scalars,
    moment_count,
    xi,
    species_energy,
    coefficients,
    by_xi,
    by_species,
    by_radial,
):
    """Add the rows of configurations `begin` to `end` to `by_xi`, `by_species` and `by_radial` (row, ...)."""
    functions, basics = coefficients.shape[2], basic.shape[0]
    powers, distance, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, radial = workspace(block, basic, coefficients)
    most = distance.shape[0]
    radial_dot = np.empty((functions, most))
    stretch, turn, spin_j = np.empty(most), np.empty((3, most)), np.empty(most)
    by_value, by_tangent = np.empty((functions, most)), np.empty((functions, most))
    moments, moments_dot = np.empty(moment_count), np.empty(moment_count)
    adjoint, adjoint_dot = np.empty(moment_count), np.empty(moment_count)
    push, spin, strain = np.zeros((kind.shape[0], 3)), np.zeros(kind.shape[0]), np.zeros((3, 3))
    base = 0
    for c in range(begin, end):
        atoms = offset[c + 1] - offset[c]
        for i in range(offset[c], offset[c + 1]):
            start, count = block[i, 0], block[i, -1] - block[i, 0]
            near, vectors = neighbour[start : start + count], vector[start : start + count]
            first = block[i] - start
            surroundings(
                vectors, near, first, moment, i, r_min, r_cut, m_max, scaling, coefficients[kind[i]],
                powers, distance, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, radial,
            )  # fmt: skip
            basic_moments(basic, powers, radial, count, moments)
            contract(products, basics, moments)
            for row in range(rows_of(atoms)):
                weight = set_direction(row, atoms, offset[c], push, strain, spin)
                directions(vectors, distance, powers, push, near, i, strain, stretch, turn)
                for j in range(count):
                    spin_j[j] = spin[near[j]]
                radial_tangents(radial, stretch, spin[i], spin_j, count, radial_dot)
                basic_tangents(basic, powers, radial, radial_dot, turn, count, moments_dot)
                contract_tangents(products, basics, moments, moments_dot)
                by_species[base + row, kind[i]] += weight
                for n in range(scalars.shape[0]):
                    by_xi[base + row, n] += weight * moments[scalars[n]] + moments_dot[scalars[n]]
                contract_tangents_back(products, scalars, xi, weight, moments, moments_dot, adjoint, adjoint_dot)
                by_radial_functions(basic, powers, turn, adjoint, adjoint_dot, count, by_value, by_tangent)
                by_coefficients(
                    first, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, spin[i], stretch, spin_j,
                    by_value, by_tangent, by_radial[base + row, kind[i]],
                )  # fmt: skip
        base += rows_of(atoms)
