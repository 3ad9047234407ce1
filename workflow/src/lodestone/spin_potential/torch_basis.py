"""Functions of the surroundings of atoms for the batched engine of magnetic potentials, as tensors.

A basic moment is a sum over neighbours of a radial function times a monomial of the unit vector; all others are sums of
products of two earlier ones (Kotykhov et al., Eqs. 4 and 5). Sums over neighbours become products of small matrices,
one for each atom, and products of moments are taken layer by layer.

A spin function counts the Chebyshev polynomials of the moment once for each species, and is zero on atoms of another
one: so one product of matrices does for all pairs of species. Axes of tensors: ``spin`` counts spin functions, ``term``
zeta times spin functions, ``power`` monomials, ``row`` mu times the signs of all moments (both where the potential is
symmetrised), ``column`` atoms times these signs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lodestone.spin_potential.levels import Level


def monomial_powers(degree: int) -> list[tuple[int, int, int]]:
    """Powers of x, y and z of all monomials up to a degree.

    Those of one degree are x times all of the degree before, y times those of them without x, and z times the last.
    """
    found = []
    for total in range(degree + 1):
        found += [(a, b, total - a - b) for a in range(total, -1, -1) for b in range(total - a, -1, -1)]
    return found


def monomials(unit: Tensor, degree: int) -> Tensor:
    """Return all monomials (atom, power, neighbour) of unit vectors (atom, 3, neighbour)."""
    atoms, _, neighbours = unit.shape
    made = unit.new_empty((atoms, len(monomial_powers(degree)), neighbours))
    made[:, 0] = 1.0
    begin, end = 0, 1
    for total in range(1, degree + 1):
        start = end
        for axis, count in enumerate((end - begin, total, 1)):
            factor = unit[:, axis : axis + 1]
            torch.mul(made[:, end - count : end], factor, out=made[:, start : start + count])
            start += count
        begin, end = end, start
    return made


def chebyshev(x: Tensor, slope: float, size: int) -> tuple[Tensor, Tensor]:
    """Return Chebyshev polynomials (atom, size, ...) of x (atom, ...), and their derivatives times `slope`."""
    # The derivative of T_n is n U_(n-1); both follow f_n = 2 x f_(n-1) - f_(n-2).
    both = x.new_empty((2, x.shape[0], size, *x.shape[1:]))
    both[0, :, 0], both[1, :, 0] = 1.0, 0.0
    if size > 1:
        both[0, :, 1], both[1, :, 1] = x, 1.0
    twice = 2.0 * x
    for n in range(2, size):
        torch.mul(twice, both[:, :, n - 1], out=both[:, :, n]).sub_(both[:, :, n - 2])
    order = torch.arange(size, dtype=x.dtype, device=x.device) * slope
    return both[0], both[1].mul_(order.reshape(-1, *[1] * (x.dim() - 1)))


def radial_basis(distance: Tensor, r_min: float, r_cut: float, scaling: float, size: int) -> tuple[Tensor, Tensor]:
    """Return phi (atom, zeta, neighbour) of distances (atom, neighbour) and its derivative; zero from the cutoff on."""
    width = r_cut - r_min
    value, slope = chebyshev((2.0 * distance - (r_min + r_cut)) / width, 2.0 / width, size)
    gap = (r_cut - distance).clamp_(min=0.0)[:, None]
    end, end_slope = scaling * gap * gap, -2.0 * scaling * gap
    slope.mul_(end).addcmul_(value, end_slope)
    return value.mul_(end), slope


def spin_functions(
    moment_muB: Tensor, kind: Tensor, m_max_muB: float, size: int, species: int
) -> tuple[Tensor, Tensor]:
    """Return the spin functions of atoms (atom, spin) and their derivatives with respect to the moment."""
    found = chebyshev(moment_muB / m_max_muB, 1.0 / m_max_muB, size)
    own = torch.nn.functional.one_hot(kind, species).to(moment_muB.dtype)[:, :, None]
    value, slope = ((own * one[:, None]).flatten(1) for one in found)
    return value, slope


@dataclass(frozen=True, eq=False)
class _Layer:
    """Moments from `begin` to `end`, which are sums of products of earlier ones.

    `left` and `right` count the factors of each product, `collect` (moment, product) holds multiplicities, and `spread`
    (earlier moment, two factors of each product) is one where a moment is that factor.
    """

    begin: int
    end: int
    left: Tensor
    right: Tensor
    collect: Tensor
    spread: Tensor


@dataclass(frozen=True, eq=False)
class _Part:
    """Basic moments from `begin` to `end`, which have one radial function, and the first monomials, which they need.

    `own` (basic,) counts each one's monomial. `table` (basic, four times powers) is one there; then, of x^a y^b z^c, it
    is a at the monomial with one power of x less, and likewise for y and z: the derivatives.
    """

    begin: int
    end: int
    powers: int
    own: Tensor
    table: Tensor


class Moments:
    """Moments of a level: which sums over neighbours are basic ones, and products by layers.

    Moments are counted anew, so that those of a layer follow the ones that they are made of. In lists, an element
    belongs to a radial function.

    Parameters
    ----------
    level : Level
    device : torch.device

    Raises
    ------
    ValueError
        If a product refers to a moment that is not complete before it.
    """

    def __init__(self, level: Level, device: torch.device) -> None:
        self.count, self.basics = level.moments, len(level.basic)
        self.degree = int(level.basic[:, 1:].sum(axis=1).max(initial=0))
        layer_of, function = _layers(level), np.zeros(level.moments, np.int64)
        function[: self.basics] = level.basic[:, 0]
        order = np.lexsort((function, layer_of))
        number = np.argsort(order)
        self.scalars = torch.tensor(number[level.scalars], device=device)
        basic = level.basic[order[: self.basics]]
        self.parts = [_part(basic, mu, device) for mu in range(level.radial_functions)]
        left, right, target = (number[level.products[:, k]] for k in (0, 1, 3))
        starts = np.searchsorted(layer_of[order], np.arange(layer_of.max(initial=0) + 2))
        self._layers = []
        for begin, end in zip(starts[1:-1].tolist(), starts[2:].tolist(), strict=True):
            chosen = np.flatnonzero((target >= begin) & (target < end))
            collect, spread = np.zeros((end - begin, len(chosen))), np.zeros((begin, 2 * len(chosen)))
            collect[target[chosen] - begin, np.arange(len(chosen))] = level.products[chosen, 2]
            spread[np.concatenate([left[chosen], right[chosen]]), np.arange(2 * len(chosen))] = 1.0
            tables = (left[chosen], right[chosen], collect, spread)
            self._layers.append(_Layer(begin, end, *(torch.tensor(table, device=device) for table in tables)))

    def all(self, sums: list[Tensor]) -> Tensor:
        """Return the moments (moment, column) from sums of radial functions times monomials (column, power)."""
        made = sums[0].new_empty((self.count, sums[0].shape[0]))
        for part, one in zip(self.parts, sums, strict=True):
            made[part.begin : part.end] = one.index_select(1, part.own).t()
        for layer in self._layers:
            both = made.index_select(0, layer.left).mul_(made.index_select(0, layer.right))
            torch.mm(layer.collect, both, out=made[layer.begin : layer.end])
        return made

    def tangents(self, moments: Tensor, sums: list[Tensor]) -> Tensor:
        """Return the tangents of all moments (moment, column).

        The sums (column, 4, power) are those of the tangent of a radial function times monomials, then those of the
        radial function times the tangent of x, y or z.
        """
        made = torch.empty_like(moments)
        for part, one in zip(self.parts, sums, strict=True):
            torch.mm(part.table, one.flatten(1).t(), out=made[part.begin : part.end])
        for layer in self._layers:
            left, right = layer.left, layer.right
            both = moments.index_select(0, left).mul_(made.index_select(0, right))
            both.addcmul_(made.index_select(0, left), moments.index_select(0, right))
            torch.mm(layer.collect, both, out=made[layer.begin : layer.end])
        return made

    def weights(self, adjoint: Tensor) -> list[Tensor]:
        """Return weights of monomials (column, 4, power) from derivatives by basic moments (basic, column).

        Weighted sums of monomials are the derivative with respect to the radial function, then, to be multiplied with
        it, those with respect to x, y and z of the unit vector.
        """
        return [(adjoint[p.begin : p.end].t() @ p.table).unflatten(1, (4, p.powers)) for p in self.parts]

    def first_weights(self, adjoint: Tensor) -> list[Tensor]:
        """Return only the first of `weights` (column, 1, power)."""
        return [(adjoint[p.begin : p.end].t() @ p.table[:, : p.powers])[:, None] for p in self.parts]

    def back(self, xi: Tensor, moments: Tensor) -> Tensor:
        """Return the energy's derivatives (basic, column) with respect to the basic moments."""
        adjoint = torch.zeros_like(moments)
        adjoint.index_add_(0, self.scalars, xi[:, None].expand(-1, moments.shape[1]))
        for layer in reversed(self._layers):
            by_product = layer.collect.t() @ adjoint[layer.begin : layer.end]
            left, right = moments.index_select(0, layer.left), moments.index_select(0, layer.right)
            by_factors = torch.cat([by_product * right, by_product * left])
            adjoint[: layer.begin].addmm_(layer.spread, by_factors)
        return adjoint[: self.basics]

    def back_tangents(self, xi: Tensor, weight: Tensor, moments: Tensor, moments_dot: Tensor) -> tuple[Tensor, Tensor]:
        """Return derivatives of ``weight E + E_dot`` with respect to the basic moments and to their tangents.

        `weight` is (column,), the results are (basic, column).
        """
        columns = moments.shape[1]
        # Derivatives with respect to moments are left, those with respect to tangents right.
        adjoint = moments.new_zeros((self.count, 2 * columns))
        adjoint.index_add_(0, self.scalars, torch.cat([xi[:, None] * weight, xi[:, None].expand(-1, columns)], 1))
        for layer in reversed(self._layers):
            by_product = layer.collect.t() @ adjoint[layer.begin : layer.end]
            of_value, of_tangent = by_product[:, :columns], by_product[:, columns:]
            parts = []
            for other in (layer.right, layer.left):
                factor, factor_dot = moments.index_select(0, other), moments_dot.index_select(0, other)
                by_value = (of_value * factor).addcmul_(of_tangent, factor_dot)
                parts.append(torch.cat([by_value, of_tangent * factor], 1))
            adjoint[: layer.begin].addmm_(layer.spread, torch.cat(parts))
        return adjoint[: self.basics, :columns], adjoint[: self.basics, columns:]


def _part(basic: np.ndarray, mu: int, device: torch.device) -> _Part:
    """Return the part of one radial function; `basic` (basic, 4) are in order of these."""
    begin, end = np.searchsorted(basic[:, 0], [mu, mu + 1]).tolist()
    exponents = basic[begin:end, 1:]
    powers = monomial_powers(int(exponents.sum(axis=1).max(initial=0)))
    place = {one: k for k, one in enumerate(powers)}
    own = np.array([place[tuple(one)] for one in exponents.tolist()], np.int64)
    table = np.zeros((end - begin, 4, len(powers)))
    table[np.arange(end - begin), 0, own] = 1.0
    for k, axis in zip(*np.nonzero(exponents), strict=True):
        lower = exponents[k] - (np.arange(3) == axis)
        table[k, 1 + axis, place[tuple(lower.tolist())]] = exponents[k, axis]
    tensor = torch.tensor(table.reshape(end - begin, -1), device=device)
    return _Part(begin, end, len(powers), torch.tensor(own, device=device), tensor)


def _layers(level: Level) -> np.ndarray:
    """Return 0 for basic moments, and for products one more than the highest layer of a factor (moment,)."""
    found, complete = np.zeros(level.moments, np.int64), np.zeros(level.moments, np.int64)
    found[len(level.basic) :] = 1
    for k, (_, _, _, target) in enumerate(level.products.tolist()):
        complete[target] = k + 1
    for k, (left, right, _, target) in enumerate(level.products.tolist()):
        late = [factor for factor in (left, right) if complete[factor] > k]
        if late or target < len(level.basic):
            raise ValueError(
                f"product {k}: found a factor or target that other products still change or a basic moment"
            )
        found[target] = max(found[target], 1 + found[left], 1 + found[right])
    return found
