"""Derivative of a loss with respect to all parameters, without a Jacobian, compiled.

A loss of energies, forces, stresses and magnetic forces changes with the parameters as one number does, for each
configuration: a E plus the derivative of E along one direction of positions, cell and moments (the residuals, times
their weights). That number and its tangent run forward through the potential of one atom, and their derivatives run
backward once. The cost is a small multiple of the energy's, for any number of parameters.

A name with `_dot` is a derivative along the direction; `adjoint` and `adjoint_dot` are derivatives of the number with
respect to a moment and to its tangent.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lodestone.spin_potential.kernels import FLAGS, basic_moments, contract, surroundings, workspace


@njit(**FLAGS)
def directions(vectors, distance, powers, push, near, i, strain, stretch, turn):
    """Fill the tangents of the neighbours' distances (neighbour,) and unit vectors (axis, neighbour)."""
    for j in range(near.shape[0]):
        d0 = push[near[j], 0] - push[i, 0]
        d1 = push[near[j], 1] - push[i, 1]
        d2 = push[near[j], 2] - push[i, 2]
        x, y, z = vectors[j, 0], vectors[j, 1], vectors[j, 2]
        d0 += strain[0, 0] * x + strain[0, 1] * y + strain[0, 2] * z
        d1 += strain[1, 0] * x + strain[1, 1] * y + strain[1, 2] * z
        d2 += strain[2, 0] * x + strain[2, 1] * y + strain[2, 2] * z
        u, v, w = powers[1, 0, j], powers[1, 1, j], powers[1, 2, j]
        along = d0 * u + d1 * v + d2 * w
        stretch[j] = along
        turn[0, j] = (d0 - along * u) / distance[j]
        turn[1, j] = (d1 - along * v) / distance[j]
        turn[2, j] = (d2 - along * w) / distance[j]


@njit(**FLAGS)
def radial_tangents(radial, stretch, spin_i, spin_j, count, radial_dot):
    """Fill the tangents of the radial functions (mu, neighbour)."""
    for mu in range(radial_dot.shape[0]):
        for j in range(count):
            by_moments = radial[2, mu, j] * spin_i + radial[3, mu, j] * spin_j[j]
            radial_dot[mu, j] = radial[1, mu, j] * stretch[j] + by_moments


@njit(**FLAGS)
def basic_tangents(basic, powers, radial, radial_dot, turn, count, moments_dot):
    """Sum the tangents of the basic moments over the neighbours."""
    for k in range(basic.shape[0]):
        mu, a, b, c = basic[k, 0], basic[k, 1], basic[k, 2], basic[k, 3]
        f, g, x, y, z = radial[0, mu], radial_dot[mu], powers[a, 0], powers[b, 1], powers[c, 2]
        total = 0.0
        for j in range(count):
            total += g[j] * x[j] * y[j] * z[j]
        if a > 0:
            lower, t = powers[a - 1, 0], turn[0]
            for j in range(count):
                total += f[j] * a * lower[j] * t[j] * y[j] * z[j]
        if b > 0:
            lower, t = powers[b - 1, 1], turn[1]
            for j in range(count):
                total += f[j] * x[j] * b * lower[j] * t[j] * z[j]
        if c > 0:
            lower, t = powers[c - 1, 2], turn[2]
            for j in range(count):
                total += f[j] * x[j] * y[j] * c * lower[j] * t[j]
        moments_dot[k] = total


@njit(**FLAGS)
def contract_tangents(products, basics, moments, moments_dot):
    """Fill the tangents of the moments that are products."""
    moments_dot[basics:] = 0.0
    for p in range(products.shape[0]):
        i, j = products[p, 0], products[p, 1]
        both = moments_dot[i] * moments[j] + moments[i] * moments_dot[j]
        moments_dot[products[p, 3]] += products[p, 2] * both


@njit(**FLAGS)
def contract_tangents_back(products, scalars, xi, weight, moments, moments_dot, adjoint, adjoint_dot):
    """Fill the derivatives of ``weight E + E_dot`` with respect to all moments and to their tangents."""
    adjoint[:] = 0.0
    adjoint_dot[:] = 0.0
    for n in range(scalars.shape[0]):
        adjoint[scalars[n]] += weight * xi[n]
        adjoint_dot[scalars[n]] += xi[n]
    for p in range(products.shape[0] - 1, -1, -1):
        i, j, k = products[p, 0], products[p, 1], products[p, 3]
        by_value, by_tangent = products[p, 2] * adjoint[k], products[p, 2] * adjoint_dot[k]
        adjoint[i] += by_value * moments[j] + by_tangent * moments_dot[j]
        adjoint[j] += by_value * moments[i] + by_tangent * moments_dot[i]
        adjoint_dot[i] += by_tangent * moments[j]
        adjoint_dot[j] += by_tangent * moments[i]


@njit(**FLAGS)
def by_radial_functions(basic, powers, turn, adjoint, adjoint_dot, count, by_value, by_tangent):
    """Fill the derivatives with respect to the radial functions and to their tangents (mu, neighbour)."""
    by_value[:, :count] = 0.0
    by_tangent[:, :count] = 0.0
    for k in range(basic.shape[0]):
        mu, a, b, c = basic[k, 0], basic[k, 1], basic[k, 2], basic[k, 3]
        x, y, z, w, v = powers[a, 0], powers[b, 1], powers[c, 2], adjoint[k], adjoint_dot[k]
        for j in range(count):
            both = x[j] * y[j] * z[j]
            by_value[mu, j] += w * both
            by_tangent[mu, j] += v * both
        if a > 0:
            lower, t = powers[a - 1, 0], turn[0]
            for j in range(count):
                by_value[mu, j] += v * a * lower[j] * t[j] * y[j] * z[j]
        if b > 0:
            lower, t = powers[b - 1, 1], turn[1]
            for j in range(count):
                by_value[mu, j] += v * b * x[j] * lower[j] * t[j] * z[j]
        if c > 0:
            lower, t = powers[c - 1, 2], turn[2]
            for j in range(count):
                by_value[mu, j] += v * c * x[j] * y[j] * lower[j] * t[j]


@njit(**FLAGS)
def by_coefficients(
    first, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, spin_i, stretch, spin, by_value, by_tangent, gradient
):
    """Add the derivatives with respect to the radial coefficients (species, mu, zeta, beta, gamma)."""
    species, functions, size, magnetic, _ = gradient.shape
    for s in range(species):
        for mu in range(functions):
            p, q = by_value[mu], by_tangent[mu]
            for zeta in range(size):
                f, g = phi[zeta], phi_slope[zeta]
                for gamma in range(magnetic):
                    h, d = psi[gamma], psi_slope[gamma]
                    of_psi, of_slope = 0.0, 0.0
                    for j in range(first[s], first[s + 1]):
                        both = f[j] * h[j]
                        of_psi += p[j] * both + q[j] * (g[j] * stretch[j] * h[j] + f[j] * d[j] * spin[j])
                        of_slope += q[j] * both
                    for beta in range(magnetic):
                        gradient[s, mu, zeta, beta, gamma] += psi_i[beta] * of_psi + dpsi_i[beta] * spin_i * of_slope


@njit(**FLAGS)
def loss_gradient(
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
    weight,
    push,
    strain,
    spin,
    by_xi,
    by_species,
    by_radial,
):
    """Add the parameters' derivatives of ``sum_c weight_c E_c`` plus the energy's derivative along a direction.

    The direction moves atoms by `push` (atom, 3), strains cells by `strain` (configuration, 3, 3) and changes moments
    by `spin` (atom,).
    """
    functions, basics = coefficients.shape[2], basic.shape[0]
    powers, distance, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, radial = workspace(block, basic, coefficients)
    most = distance.shape[0]
    radial_dot = np.empty((functions, most))
    stretch, turn, spin_j = np.empty(most), np.empty((3, most)), np.empty(most)
    by_value, by_tangent = np.empty((functions, most)), np.empty((functions, most))
    moments, moments_dot = np.empty(moment_count), np.empty(moment_count)
    adjoint, adjoint_dot = np.empty(moment_count), np.empty(moment_count)
    for c in range(offset.shape[0] - 1):
        for i in range(offset[c], offset[c + 1]):
            begin, count = block[i, 0], block[i, -1] - block[i, 0]
            near, vectors = neighbour[begin : begin + count], vector[begin : begin + count]
            first = block[i] - begin
            surroundings(
                vectors,
                near,
                first,
                moment,
                i,
                r_min,
                r_cut,
                m_max,
                scaling,
                coefficients[kind[i]],
                powers,
                distance,
                phi,
                phi_slope,
                psi,
                psi_slope,
                psi_i,
                dpsi_i,
                radial,
            )
            directions(vectors, distance, powers, push, near, i, strain[c], stretch, turn)
            for j in range(count):
                spin_j[j] = spin[near[j]]
            radial_tangents(radial, stretch, spin[i], spin_j, count, radial_dot)
            basic_moments(basic, powers, radial, count, moments)
            contract(products, basics, moments)
            basic_tangents(basic, powers, radial, radial_dot, turn, count, moments_dot)
            contract_tangents(products, basics, moments, moments_dot)
            by_species[kind[i]] += weight[c]
            for n in range(scalars.shape[0]):
                by_xi[n] += weight[c] * moments[scalars[n]] + moments_dot[scalars[n]]
            contract_tangents_back(products, scalars, xi, weight[c], moments, moments_dot, adjoint, adjoint_dot)
            by_radial_functions(basic, powers, turn, adjoint, adjoint_dot, count, by_value, by_tangent)
            by_coefficients(
                first,
                phi,
                phi_slope,
                psi,
                psi_slope,
                psi_i,
                dpsi_i,
                spin[i],
                stretch,
                spin_j,
                by_value,
                by_tangent,
                by_radial[kind[i]],
            )
