"""Derivatives of every label with respect to all parameters, compiled: a row for each label.

The rows of a configuration of n atoms are its energy, then derivatives of the energy along 3 n displacements, 6
strains (xx, yy, zz, yz, xz, xy) and n moments. Each row is what `adjoint_kernels` finds for one direction; here all of
them come from the sums over images of `image_sums`, which do not depend on the parameters.

Radial functions of one atom, by the images of each atom: ``weights[q, mu, g, zeta]`` multiply the sums (q = 0), or are
their derivatives with respect to the moment of the atom (1) and to that of the images (2).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lodestone.spin_potential.adjoint_kernels import contract_tangents, contract_tangents_back
from lodestone.spin_potential.image_sums import DIRECTIONS, image_sums, number_around
from lodestone.spin_potential.kernels import FLAGS, chebyshev, contract, geometry

# What a row is the derivative by.
_ENERGY, _SHIFT, _STRAIN, _SPIN = 0, 1, 2, 3


@njit(**FLAGS)
def rows_of(atoms):
    """Return the number of rows of a configuration."""
    return 1 + 3 * atoms + 6 + atoms


@njit(**FLAGS)
def row_kind(row, atoms):
    """Return what a row is the derivative by, which atom it belongs to, and the direction of `image_sums`."""
    if row == 0:
        return _ENERGY, -1, -1
    row -= 1
    if row < 3 * atoms:
        return _SHIFT, row // 3, row % 3
    if row < 3 * atoms + 6:
        return _STRAIN, -1, row - 3 * atoms + 3
    return _SPIN, row - 3 * atoms - 6, -1


@njit(**FLAGS)
def image_weights(coefficients, kinds, own, psi, psi_slope, weights):
    """Fill `weights` of atom `own` of a cell; `coefficients` (species, mu, zeta, beta, gamma) are of its species."""
    _, functions, size, magnetic, _ = coefficients.shape
    for g in range(kinds.shape[0]):
        for mu in range(functions):
            for zeta in range(size):
                value, by_own, by_image = 0.0, 0.0, 0.0
                for beta in range(magnetic):
                    for gamma in range(magnetic):
                        c = coefficients[kinds[g], mu, zeta, beta, gamma]
                        value += c * psi[own, beta] * psi[g, gamma]
                        by_own += c * psi_slope[own, beta] * psi[g, gamma]
                        by_image += c * psi[own, beta] * psi_slope[g, gamma]
                weights[0, mu, g, zeta], weights[1, mu, g, zeta], weights[2, mu, g, zeta] = value, by_own, by_image


@njit(**FLAGS)
def inner(q, mu, weights, n, sums, first, last):
    """Return the sum of weights times sums over images (n, atom, zeta) of atoms `first` to `last`."""
    total = 0.0
    for g in range(first, last):
        for zeta in range(sums.shape[2]):
            total += weights[q, mu, g, zeta] * sums[n, g, zeta]
    return total


@njit(**FLAGS)
def basic_tangents(what, atom, own, functions_of, monomial_of, weights, shape, slope, moments_dot):
    """Fill the tangents of the basic moments along the direction of a row; `slope` (n, atom, zeta) is along it."""
    atoms = shape.shape[1]
    for k in range(functions_of.shape[0]):
        mu, n = functions_of[k], monomial_of[k]
        total = 0.0
        if what == _STRAIN:
            total = inner(0, mu, weights, n, slope, 0, atoms)
        elif what == _SHIFT and atom == own:
            # All others stay behind; its own images go with it.
            total = -inner(0, mu, weights, n, slope, 0, own) - inner(0, mu, weights, n, slope, own + 1, atoms)
        elif what == _SHIFT:
            total = inner(0, mu, weights, n, slope, atom, atom + 1)
        elif what == _SPIN:
            total = inner(2, mu, weights, n, shape, atom, atom + 1)
            if atom == own:
                total += inner(1, mu, weights, n, shape, 0, atoms)
        moments_dot[k] = total


@njit(**FLAGS)
def add_scaled(factor, n, sums, first, last, q, mu, gradient):
    """Add a multiple of sums over images, of atoms `first` to `last`, to the derivatives by the weights."""
    for g in range(first, last):
        for zeta in range(sums.shape[2]):
            gradient[q, mu, g, zeta] += factor * sums[n, g, zeta]


@njit(**FLAGS)
def by_weights(what, atom, own, functions_of, monomial_of, shape, slope, adjoint, adjoint_dot, gradient):
    """Fill the derivatives with respect to `weights`, in their order; `slope` (n, atom, zeta) is the row's."""
    gradient[:] = 0.0
    atoms = shape.shape[1]
    for k in range(functions_of.shape[0]):
        mu, n, v = functions_of[k], monomial_of[k], adjoint_dot[k]
        add_scaled(adjoint[k], n, shape, 0, atoms, 0, mu, gradient)
        if what == _STRAIN:
            add_scaled(v, n, slope, 0, atoms, 0, mu, gradient)
        elif what == _SHIFT and atom == own:
            add_scaled(-v, n, slope, 0, own, 0, mu, gradient)
            add_scaled(-v, n, slope, own + 1, atoms, 0, mu, gradient)
        elif what == _SHIFT:
            add_scaled(v, n, slope, atom, atom + 1, 0, mu, gradient)
        elif what == _SPIN:
            add_scaled(v, n, shape, atom, atom + 1, 2, mu, gradient)
            if atom == own:
                add_scaled(v, n, shape, 0, atoms, 1, mu, gradient)


@njit(**FLAGS)
def by_coefficients(what, atom, own, kinds, psi, psi_slope, gradient, first, derivatives):
    """Add the derivatives by the radial coefficients (species, mu, zeta, beta, gamma), flat from `first` on."""
    functions, size, magnetic = gradient.shape[1], gradient.shape[3], psi.shape[1]
    for g in range(kinds.shape[0]):
        for mu in range(functions):
            for zeta in range(size):
                at = first + ((kinds[g] * functions + mu) * size + zeta) * magnetic * magnetic
                value = gradient[0, mu, g, zeta]
                by_own = gradient[1, mu, g, zeta] if what == _SPIN and atom == own else 0.0
                for beta in range(magnetic):
                    u = value * psi[own, beta] + by_own * psi_slope[own, beta]
                    for gamma in range(magnetic):
                        derivatives[at + beta * magnetic + gamma] += u * psi[g, gamma]
                if what == _SPIN and atom == g:
                    by_image = gradient[2, mu, g, zeta]
                    for beta in range(magnetic):
                        u = by_image * psi[own, beta]
                        for gamma in range(magnetic):
                            derivatives[at + beta * magnetic + gamma] += u * psi_slope[g, gamma]


@njit(**FLAGS)
def add_rows(
    signs,
    base,
    local,
    kinds,
    moments_muB,
    m_max,
    functions_of,
    monomial_of,
    products,
    scalars,
    moment_count,
    xi,
    coefficients,
    shape,
    slope,
    first,
    made,
):
    """Add what one atom contributes to the rows of its cell, the first of which is `base`.

    `local` (atom of the cell,) numbers the atom, 0, and those that have images around it, which `kinds` and
    `moments_muB` list; it is -1 for the others. `xi` is divided by the number of signs of all moments.
    """
    own, cell = 0, local.shape[0]
    atoms, basics = kinds.shape[0], functions_of.shape[0]
    magnetic = coefficients.shape[-1]
    psi, psi_slope = np.empty((atoms, magnetic)), np.empty((atoms, magnetic))
    weights = np.empty((3, coefficients.shape[1], atoms, shape.shape[2]))
    gradient = np.empty_like(weights)
    moments, moments_dot = np.empty(moment_count), np.empty(moment_count)
    adjoint, adjoint_dot = np.empty(moment_count), np.empty(moment_count)
    for s in range(signs):
        sign = 1.0 - 2.0 * s
        for g in range(atoms):
            # Slopes are by the moment itself, whatever the sign with which it enters.
            chebyshev(sign * moments_muB[g] / m_max, sign / m_max, psi[g], psi_slope[g])
        image_weights(coefficients, kinds, own, psi, psi_slope, weights)
        for k in range(basics):
            moments[k] = inner(0, functions_of[k], weights, monomial_of[k], shape, 0, atoms)
        contract(products, basics, moments)
        for row in range(rows_of(cell)):
            what, atom, direction = row_kind(row, cell)
            if atom >= 0:
                atom = local[atom]
                if atom < 0:
                    continue  # too far away to be felt
            weight = 1.0 if what == _ENERGY else 0.0
            along = slope[max(direction, 0)]
            basic_tangents(what, atom, own, functions_of, monomial_of, weights, shape, along, moments_dot)
            contract_tangents(products, basics, moments, moments_dot)
            for n in range(scalars.shape[0]):
                made[base + row, n] += (weight * moments[scalars[n]] + moments_dot[scalars[n]]) / signs
            contract_tangents_back(products, scalars, xi, weight, moments, moments_dot, adjoint, adjoint_dot)
            by_weights(what, atom, own, functions_of, monomial_of, shape, along, adjoint, adjoint_dot, gradient)
            by_coefficients(what, atom, own, kinds, psi, psi_slope, gradient, first, made[base + row])


@njit(**FLAGS)
def label_jacobian(
    begin,
    end,
    signs,
    functions_of,
    monomial_of,
    monomials,
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
    made,
):
    """Add the rows of configurations `begin` to `end` to `made` (row, parameter).

    With two `signs` the energy is the mean of those with the moments and with their reverse. Basic moment k is the
    radial function ``functions_of[k]`` times the monomial ``monomials[monomial_of[k]]``.
    """
    size, most, highest = coefficients.shape[3], 1, max(1, monomials.max())
    for i in range(offset[begin], offset[end]):
        most = max(most, block[i, -1] - block[i, 0])
    powers, distance = np.empty((highest + 1, 3, most)), np.empty(most)
    phi, phi_slope = np.empty((size, most)), np.empty((size, most))
    shared = xi / signs
    radial, of_kind = scalars.shape[0] + coefficients.shape[0], coefficients[0].size
    near, around = np.empty(most, np.int64), np.empty(most + 1, np.int64)
    base = 0
    for c in range(begin, end):
        first, last = offset[c], offset[c + 1]
        local = np.empty(last - first, np.int64)
        for i in range(first, last):
            start, stop = block[i, 0], block[i, -1]
            count = number_around(i, first, neighbour[start:stop], local, near, around)
            shape = np.empty((monomials.shape[0], count, size))
            slope = np.empty((DIRECTIONS, monomials.shape[0], count, size))
            vectors, images = vector[start:stop], near[: stop - start]
            geometry(vectors, r_min, r_cut, scaling, powers, distance, phi, phi_slope)
            image_sums(vectors, images, monomials, powers, distance, phi, phi_slope, shape, slope)
            made[base, scalars.shape[0] + kind[i]] += 1.0
            add_rows(
                signs, base, local, kind[around[:count]], moment[around[:count]], m_max, functions_of, monomial_of,
                products, scalars, moment_count, shared, coefficients[kind[i]], shape, slope,
                radial + kind[i] * of_kind, made,
            )  # fmt: skip
        base += rows_of(last - first)
