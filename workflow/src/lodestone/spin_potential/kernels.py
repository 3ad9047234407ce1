"""Energy, forces, virial and magnetic forces of a magnetic moment tensor potential, compiled.

Work goes atom by atom, with the neighbours as the inner, contiguous index, so that the compiler makes vector
instructions of every loop over them. Derivatives run backwards through the products of moments: their cost is a small
multiple of the energy's, whatever the number of moments.

Arrays of one atom: ``radial[q, mu, j]`` holds the radial function mu of neighbour j (q = 0), and its derivatives with
respect to the distance (1), the moment of the atom (2) and that of the neighbour (3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

FLAGS: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": True, "error_model": "numpy"}


@njit(**FLAGS)
def chebyshev(x, slope, value, derivative):
    """Fill Chebyshev polynomials of x and their derivatives times `slope`."""
    value[0], derivative[0] = 1.0, 0.0
    if value.shape[0] > 1:
        value[1], derivative[1] = x, slope
    for n in range(2, value.shape[0]):
        value[n] = 2.0 * x * value[n - 1] - value[n - 2]
        derivative[n] = 2.0 * (x * derivative[n - 1] + slope * value[n - 1]) - derivative[n - 2]


@njit(**FLAGS)
def geometry(vectors, r_min, r_cut, scaling, powers, distance, phi, phi_slope):
    """Fill distances, powers of the unit vectors' components and the radial basis with its smooth end.

    `powers` is (power, axis, neighbour), `phi` and `phi_slope` are (zeta, neighbour). Beyond the cutoff all is zero.
    """
    slope = 2.0 / (r_cut - r_min)
    for j in range(vectors.shape[0]):
        x, y, z = vectors[j, 0], vectors[j, 1], vectors[j, 2]
        r = np.sqrt(x * x + y * y + z * z)
        distance[j] = r
        powers[0, 0, j], powers[0, 1, j], powers[0, 2, j] = 1.0, 1.0, 1.0
        powers[1, 0, j], powers[1, 1, j], powers[1, 2, j] = x / r, y / r, z / r
    count = vectors.shape[0]
    for p in range(2, powers.shape[0]):
        for axis in range(3):
            for j in range(count):
                powers[p, axis, j] = powers[p - 1, axis, j] * powers[1, axis, j]
    for j in range(count):
        t = (2.0 * distance[j] - r_min - r_cut) / (r_cut - r_min)
        a, b, da, db = 1.0, t, 0.0, slope
        gap = max(0.0, r_cut - distance[j])
        end, end_slope = scaling * gap * gap, -2.0 * scaling * gap
        for n in range(phi.shape[0]):
            phi[n, j] = a * end
            phi_slope[n, j] = da * end + a * end_slope
            a, b, da, db = b, 2.0 * t * b - a, db, 2.0 * (t * db + slope * b) - da


@njit(**FLAGS)
def spins(moments, of_neighbour, m_max, psi, psi_slope):
    """Fill the magnetic basis (gamma, neighbour) of the neighbours and its derivative."""
    for j in range(of_neighbour.shape[0]):
        t = moments[of_neighbour[j]] / m_max
        a, b, da, db = 1.0, t, 0.0, 1.0 / m_max
        for n in range(psi.shape[0]):
            psi[n, j], psi_slope[n, j] = a, da
            a, b, da, db = b, 2.0 * t * b - a, db, 2.0 * (t * db + b / m_max) - da


@njit(**FLAGS)
def radial_functions(coefficients, psi_i, dpsi_i, first, phi, phi_slope, psi, psi_slope, radial):
    """Fill `radial` of one atom; `coefficients` are (species, mu, zeta, beta, gamma), `first` starts each species."""
    radial[:] = 0.0
    species, functions, size, magnetic, _ = coefficients.shape
    for s in range(species):
        for mu in range(functions):
            for zeta in range(size):
                for gamma in range(magnetic):
                    c, d = 0.0, 0.0
                    for beta in range(magnetic):
                        c += coefficients[s, mu, zeta, beta, gamma] * psi_i[beta]
                        d += coefficients[s, mu, zeta, beta, gamma] * dpsi_i[beta]
                    for j in range(first[s], first[s + 1]):
                        both = phi[zeta, j] * psi[gamma, j]
                        radial[0, mu, j] += c * both
                        radial[1, mu, j] += c * phi_slope[zeta, j] * psi[gamma, j]
                        radial[2, mu, j] += d * both
                        radial[3, mu, j] += c * phi[zeta, j] * psi_slope[gamma, j]


@njit(**FLAGS)
def workspace(block, basic, coefficients):
    """Return arrays for the surroundings of any atom, in the order in which `surroundings` fills them."""
    functions, size, magnetic = coefficients.shape[2], coefficients.shape[3], coefficients.shape[4]
    most, highest = 1, 1
    for i in range(block.shape[0]):
        most = max(most, block[i, -1] - block[i, 0])
    for k in range(basic.shape[0]):
        highest = max(highest, max(basic[k, 1], max(basic[k, 2], basic[k, 3])))
    return (
        np.empty((highest + 1, 3, most)),
        np.empty(most),
        np.empty((size, most)),
        np.empty((size, most)),
        np.empty((magnetic, most)),
        np.empty((magnetic, most)),
        np.empty(magnetic),
        np.empty(magnetic),
        np.empty((4, functions, most)),
    )


@njit(**FLAGS)
def surroundings(
    vectors,
    near,
    first,
    moment,
    i,
    r_min,
    r_cut,
    m_max,
    scaling,
    coefficients,
    powers,
    distance,
    phi,
    phi_slope,
    psi,
    psi_slope,
    psi_i,
    dpsi_i,
    radial,
):
    """Fill geometry, magnetic bases and radial functions of atom `i`; its species' `coefficients`."""
    geometry(vectors, r_min, r_cut, scaling, powers, distance, phi, phi_slope)
    spins(moment, near, m_max, psi, psi_slope)
    chebyshev(moment[i] / m_max, 1.0 / m_max, psi_i, dpsi_i)
    radial_functions(coefficients, psi_i, dpsi_i, first, phi, phi_slope, psi, psi_slope, radial)


@njit(**FLAGS)
def basic_moments(basic, powers, radial, count, moments):
    """Sum the basic moments over the neighbours."""
    for k in range(basic.shape[0]):
        f = radial[0, basic[k, 0]]
        x, y, z = powers[basic[k, 1], 0], powers[basic[k, 2], 1], powers[basic[k, 3], 2]
        total = 0.0
        for j in range(count):
            total += f[j] * x[j] * y[j] * z[j]
        moments[k] = total


@njit(**FLAGS)
def contract(products, basics, moments):
    """Fill the moments that are products of others."""
    moments[basics:] = 0.0
    for p in range(products.shape[0]):
        moments[products[p, 3]] += products[p, 2] * moments[products[p, 0]] * moments[products[p, 1]]


@njit(**FLAGS)
def contract_back(products, scalars, xi, moments, adjoint):
    """Fill the derivatives of the energy with respect to all moments."""
    adjoint[:] = 0.0
    for n in range(scalars.shape[0]):
        adjoint[scalars[n]] += xi[n]
    for p in range(products.shape[0] - 1, -1, -1):
        i, j, factor = products[p, 0], products[p, 1], products[p, 2] * adjoint[products[p, 3]]
        adjoint[i] += factor * moments[j]
        adjoint[j] += factor * moments[i]


@njit(**FLAGS)
def neighbour_gradients(basic, powers, radial, distance, adjoint, count, by_radial, by_unit, gradient):
    """Fill dE/d(vector) of each neighbour (axis, neighbour), and dE/d(radial function) (mu, neighbour)."""
    by_radial[:, :count] = 0.0
    by_unit[:, :count] = 0.0
    for k in range(basic.shape[0]):
        mu, a, b, c = basic[k, 0], basic[k, 1], basic[k, 2], basic[k, 3]
        x, y, z, f, w = powers[a, 0], powers[b, 1], powers[c, 2], radial[0, mu], adjoint[k]
        for j in range(count):
            by_radial[mu, j] += w * x[j] * y[j] * z[j]
        if a > 0:
            lower = powers[a - 1, 0]
            for j in range(count):
                by_unit[0, j] += w * a * f[j] * lower[j] * y[j] * z[j]
        if b > 0:
            lower = powers[b - 1, 1]
            for j in range(count):
                by_unit[1, j] += w * b * f[j] * x[j] * lower[j] * z[j]
        if c > 0:
            lower = powers[c - 1, 2]
            for j in range(count):
                by_unit[2, j] += w * c * f[j] * x[j] * y[j] * lower[j]
    for j in range(count):
        along = 0.0
        for mu in range(by_radial.shape[0]):
            along += by_radial[mu, j] * radial[1, mu, j]
        u, v, w = powers[1, 0, j], powers[1, 1, j], powers[1, 2, j]
        # The unit vector turns, it does not grow: only what is across it counts.
        across = by_unit[0, j] * u + by_unit[1, j] * v + by_unit[2, j] * w
        gradient[0, j] = along * u + (by_unit[0, j] - across * u) / distance[j]
        gradient[1, j] = along * v + (by_unit[1, j] - across * v) / distance[j]
        gradient[2, j] = along * w + (by_unit[2, j] - across * w) / distance[j]


@njit(**FLAGS)
def evaluate(
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
    energy,
    force,
    virial,
    magnetic_force,
):
    """Add energies (atom,), forces (atom, 3), virials (configuration, 3, 3) and magnetic forces (atom,)."""
    functions, basics = coefficients.shape[2], basic.shape[0]
    powers, distance, phi, phi_slope, psi, psi_slope, psi_i, dpsi_i, radial = workspace(block, basic, coefficients)
    most = distance.shape[0]
    by_radial, by_unit, gradient = np.empty((functions, most)), np.empty((3, most)), np.empty((3, most))
    moments, adjoint = np.empty(moment_count), np.empty(moment_count)
    for c in range(offset.shape[0] - 1):
        for i in range(offset[c], offset[c + 1]):
            begin, count = block[i, 0], block[i, -1] - block[i, 0]
            near = neighbour[begin : begin + count]
            surroundings(
                vector[begin : begin + count],
                near,
                block[i] - begin,
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
            basic_moments(basic, powers, radial, count, moments)
            contract(products, basics, moments)
            total = species_energy[kind[i]]
            for n in range(scalars.shape[0]):
                total += xi[n] * moments[scalars[n]]
            energy[i] += total
            contract_back(products, scalars, xi, moments, adjoint)
            neighbour_gradients(basic, powers, radial, distance, adjoint, count, by_radial, by_unit, gradient)
            for j in range(count):
                own, other = 0.0, 0.0
                for mu in range(functions):
                    own += by_radial[mu, j] * radial[2, mu, j]
                    other += by_radial[mu, j] * radial[3, mu, j]
                magnetic_force[i] -= own
                magnetic_force[near[j]] -= other
                for a in range(3):
                    force[i, a] += gradient[a, j]
                    force[near[j], a] -= gradient[a, j]
                    for b in range(3):
                        virial[c, a, b] += gradient[a, j] * vector[begin + j, b]
