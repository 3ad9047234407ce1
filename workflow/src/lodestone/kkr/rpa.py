"""Curie temperature in the random-phase approximation, for classical spins on any number of sublattices.

For small deviations from an ordered state with sublattice magnetisations m_i the energy of a fluctuation of wave vector
q has the matrix K_ij(q) = delta_ij (sum_l J_il(0) m_l) / m_i - J_ij(q). Equipartition gives each transverse component
of spin i the square k_B T [K^-1(q)]_ii / 2, averaged over q. At T_C the three components of a spin of length 1 are
equal, so that for every i

    1/3 = (k_B T_C / 2) <[K^-1(q)]_ii>,

which fixes T_C and the ratios of the m_i. For one sublattice this is the usual 1/(k_B T_C) = (3/2) <1/(J(0) - J(q))>
(Tyablikov; Pajda et al., PRB 64, 174402 (2001)); for several it is the condition of Rusz et al., PRB 71, 214412 (2005).
Components of an alloy are averaged to one spin per site (virtual crystal), weighted with their shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.exchange import Exchange
from lodestone.kkr.mean_field import gauge, ground_state, require_complete
from lodestone.magnetism.units import K_B_MEV

MESH_POINTS = 4096
_STEPS = 100
_TOLERANCE = 1e-10
# A sublattice that orders less than this share of the strongest one is left out: it has no part in the order.
_SILENT = 1e-4


class UnstableError(ValueError):
    """The collinear state is not the ground state: fluctuations of some wave vector lower the energy."""


@dataclass(frozen=True)
class _Sites:
    """Couplings between sites that order, gauged so that all moments are parallel."""

    count: int
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    cell: NDArray[np.int64]
    meV: NDArray[np.float64]
    start: NDArray[np.float64]

    def fourier(self, q: NDArray[np.float64]) -> NDArray[Any]:
        """J_ij(q) of wave vectors in reciprocal lattice coordinates, (q, site, site)."""
        out = np.zeros((len(q), self.count * self.count), complex)
        flat = self.source * self.count + self.target
        for pair in np.unique(flat):
            rows = flat == pair
            out[:, pair] = np.exp(2j * np.pi * (q @ self.cell[rows].T)) @ self.meV[rows]
        matrix = out.reshape(-1, self.count, self.count)
        return 0.5 * (matrix + np.conj(matrix.transpose(0, 2, 1)))


def _sites(exchange: Exchange) -> _Sites:
    """Average components to sites, turn them parallel, leave out sites that do not order."""
    strength, vector = ground_state(exchange)
    if strength <= 0:
        raise UnstableError(f"exchange of {exchange.name}: no order, the couplings sum to {strength:.3g} meV")
    sign = gauge(exchange)
    weight = exchange.concentration * sign
    site = exchange.component_site
    meV = exchange.bond_meV * weight[exchange.bond_source] * weight[exchange.bond_target]
    order = np.zeros(len(exchange.fractional))
    np.add.at(order, site, exchange.concentration * np.abs(vector))
    kept = np.flatnonzero(order > _SILENT * order.max())
    number = np.full(len(order), -1)
    number[kept] = np.arange(len(kept))
    source, target = number[site[exchange.bond_source]], number[site[exchange.bond_target]]
    both = (source >= 0) & (target >= 0)
    return _Sites(len(kept), source[both], target[both], exchange.bond_cell[both], meV[both], order[kept])


def _mesh(points: int) -> NDArray[np.float64]:
    """Half of a regular mesh that avoids q = 0: q and -q fluctuate alike."""
    line = (np.arange(points) + 0.5) / points
    q = np.stack(np.meshgrid(line[: points // 2], line, line, indexing="ij"), axis=-1)
    return q.reshape(-1, 3)


def _solve(sites: _Sites, points: int, name: str) -> float:
    """k_B T_C in meV on one mesh, by Newton steps in the logarithms of the magnetisations."""
    coupling = sites.fourier(_mesh(points))
    uniform = sites.fourier(np.zeros((1, 3)))[0].real
    log_m = np.log(sites.start / sites.start.max())
    count = sites.count
    for _ in range(_STEPS):
        m = np.exp(log_m)
        field = uniform @ m / m
        inverse = _inverse(field, coupling, name)
        spread = np.einsum("qii->i", inverse).real / len(inverse)
        residual = np.log(spread) - np.log(spread).mean()
        if np.abs(residual).max() < _TOLERANCE:
            break
        response = -np.einsum("qij,qij->ij", inverse, inverse.conj()).real / len(inverse)
        slope = uniform * m[None, :] / m[:, None] - np.diag(field)
        relative = (response @ slope) / spread[:, None]
        jacobian = relative - relative.mean(axis=0)
        step = np.linalg.lstsq(jacobian, -residual, rcond=1e-9)[0]
        log_m += step * min(1.0, 0.5 / max(np.abs(step).max(), 1e-12))
        log_m -= log_m.max()
    else:
        raise UnstableError(f"exchange of {name}: no ratio of {count} sublattice moments satisfies the RPA")
    return float(2 / (3 * spread.mean()))


def _inverse(field: NDArray[np.float64], coupling: NDArray[Any], name: str) -> NDArray[Any]:
    """K^-1(q) for every q; refuses a K that is not positive definite."""
    stiffness = np.eye(len(field)) * field - coupling
    lowest = np.linalg.eigvalsh(stiffness)[:, 0].min()
    if lowest <= 0:
        raise UnstableError(
            f"exchange of {name}: the collinear state is no ground state, a fluctuation has energy {lowest:.3g} meV"
        )
    return np.linalg.inv(stiffness)


def curie_temperature_K(exchange: Exchange, mesh: int | None = None) -> float:
    """T_C in the random-phase approximation, in K.

    The average over q has an integrable pole at q = 0: its error falls as 1 / points, and two meshes, one of twice the
    points, give the limit.

    Parameters
    ----------
    exchange : Exchange
        Couplings of a crystal that orders.
    mesh : int, optional
        Points along each axis of the finer mesh, a multiple of 4; left out, what a second or so affords.

    Raises
    ------
    UnstableError
        A `ValueError`: the collinear state is not the ground state.
    ValueError
        If the table of couplings is incomplete.
    """
    require_complete(exchange)
    sites = _sites(exchange)
    if mesh is None:
        affordable = round((8 * MESH_POINTS / sites.count) ** (1 / 3))
        mesh = min(32, max(8, 4 * round(affordable / 4)))
    coarse, fine = _solve(sites, mesh // 2, exchange.name), _solve(sites, mesh, exchange.name)
    # 1 / k_B T_C is the average itself, linear in 1 / points.
    return 1 / (2 / fine - 1 / coarse) / K_B_MEV
