"""Mean-field Curie temperature of any number of sublattices and alloy components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.exchange import Exchange
from lodestone.magnetism.units import K_B_MEV


def summed_couplings(exchange: Exchange) -> NDArray[np.float64]:
    """Sum of J_ij over all sites j of a component: (component i, component j), in meV, weighted with the shares of j.

    In a random alloy a component meets component j on a share c_j of the sites.
    """
    count = len(exchange.component_site)
    total = np.zeros((count, count))
    np.add.at(total, (exchange.bond_source, exchange.bond_target), exchange.bond_meV)
    return total * exchange.concentration[None, :]


def ground_state(exchange: Exchange) -> tuple[float, NDArray[np.float64]]:
    """Largest eigenvalue of the summed couplings (meV), and its eigenvector (component,).

    The eigenvector is the order that sets in at T_C: its signs say which sublattices point against each other.
    """
    share = np.sqrt(np.maximum(exchange.concentration, 1e-12))
    total = np.zeros((len(share), len(share)))
    np.add.at(total, (exchange.bond_source, exchange.bond_target), exchange.bond_meV)
    # The same eigenvalues as J_ij c_j, but symmetric.
    values, vectors = np.linalg.eigh(0.5 * (total + total.T) * share[:, None] * share[None, :])
    vector = vectors[:, -1] / share
    biggest = np.abs(vector).argmax()
    return float(values[-1]), vector * np.sign(vector[biggest]) / np.abs(vector[biggest])


def curie_temperature_K(exchange: Exchange) -> float:
    """Mean-field T_C = 2/(3 k_B) times the largest eigenvalue of sum_j J_ij, in K; 0 if nothing orders.

    Raises
    ------
    ValueError
        If the table of couplings is incomplete, so that the sum would be a wrong one, or comes from a calculation that
        did not converge.
    """
    require_complete(exchange)
    return max(0.0, 2 * ground_state(exchange)[0] / (3 * K_B_MEV))


def require_complete(exchange: Exchange) -> None:
    """Refuse a table of couplings that was cut off, or comes from a calculation that did not converge."""
    if not exchange.complete:
        raise ValueError(
            f"exchange of {exchange.name}: the table of J_ij is not complete ({len(exchange.bond_meV)} bonds read); no "
            "temperature follows from it"
        )
    if exchange.status != Status.CONVERGED:
        raise ValueError(
            f"exchange of {exchange.name}: found status {exchange.status} ({exchange.message}), expected a converged "
            "calculation; no temperature follows from it"
        )


def gauge(exchange: Exchange) -> NDArray[np.float64]:
    """Sign of each component's direction in the ordered state, (component,)."""
    vector = ground_state(exchange)[1]
    return np.where(vector < 0, -1.0, 1.0)
