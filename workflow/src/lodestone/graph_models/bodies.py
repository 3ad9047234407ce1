"""What a frozen network makes of crystals, computed once: features, and their derivatives along directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models import batching, derivatives, graphs
from lodestone.graph_models.graphs import GraphBatch
from lodestone.graph_models.memory import keep_freed_memory, single_threaded
from lodestone.graph_models.network import GraphNetwork


@dataclass(frozen=True)
class Body:
    """Features of crystals.

    Attributes
    ----------
    features : ndarray, (crystal, hidden)
        Mean over the sites.
    output : ndarray, (crystal, output)
        What the network itself says.
    repulsion_eV_per_atom : ndarray, (crystal,)
        What the repulsion at short distance adds to an energy.
    """

    features: NDArray[np.float64]
    output: NDArray[np.float64]
    repulsion_eV_per_atom: NDArray[np.float64]


def features(network: GraphNetwork, geometries: Sequence[Geometry], device: torch.device) -> Body:
    """Evaluate a network, nothing derived."""
    parts = []
    with torch.no_grad():
        for _, batch in _batches(network, geometries, device):
            output = network(batch)
            short = output.energy_eV.double() / batch.counts - output.value[:, 0].double()
            parts.append([t.double().cpu().numpy() for t in (output.features, output.value, short)])
    return Body(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def along(
    network: GraphNetwork,
    geometries: Sequence[Geometry],
    shifts_A: Sequence[NDArray[np.float64]],
    strains: Sequence[NDArray[np.float64]],
    device: torch.device,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Derive energies along directions, as functions of the weights w of the output layer.

    ``D E = rows w + rest``, the rest from the repulsion at short distance. Central differences of the features: the
    energy is linear in w, and all its weights are served at once.

    Parameters
    ----------
    network, geometries, device
        See `features`.
    shifts_A : sequence of ndarray, (direction, site, 3)
        How the sites move in each direction.
    strains : sequence of ndarray, (direction, 3, 3)
        How the cell is strained in each direction.

    Returns
    -------
    list of (rows (direction, hidden) in eV, rest (direction,) in eV)
    """
    found = []
    for chosen, batch in _batches(network, geometries, device):
        most = max(len(shifts_A[k]) for k in chosen)
        shift = torch.cat([_padded(shifts_A[k], most) for k in chosen], dim=1).to(device)
        strain = torch.stack([_padded(strains[k], most) for k in chosen], dim=1).to(device)
        steps = [_derive(network, batch, shift[n], strain[n]) for n in range(most)]
        rows, rest = (np.stack(each) for each in zip(*steps, strict=True))
        found += [(rows[: len(shifts_A[k]), n], rest[: len(shifts_A[k]), n]) for n, k in enumerate(chosen)]
    return found


def _derive(
    network: GraphNetwork, batch: GraphBatch, shift: torch.Tensor, strain: torch.Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows (crystal, hidden) and rest (crystal,) along one direction of each crystal."""
    direction = derivatives.edge_changes(batch, shift, strain)
    size = derivatives.largest_change(direction, batch)
    step = direction * (derivatives.STEP_A / size)[batch.edge_crystal, None]
    ends = []
    with torch.no_grad():
        for sign in (1.0, -1.0):
            output = network(batch.with_edges(batch.edge + sign * step))
            rest = output.energy_eV - output.value[:, 0] * batch.counts
            ends.append((output.features.double() * batch.counts[:, None], rest.double()))
    rate = size.double() / (2 * derivatives.STEP_A)
    rows, rest = (above - below for above, below in zip(*ends, strict=True))
    return (rows * rate[:, None]).cpu().numpy(), (rest * rate).cpu().numpy()


def _padded(directions: NDArray[np.float64], count: int) -> torch.Tensor:
    """Directions (direction, ...) with some that lead nowhere behind them."""
    padded = np.zeros((count, *directions.shape[1:]), np.float32)
    padded[: len(directions)] = directions
    return torch.from_numpy(padded)


def _batches(
    network: GraphNetwork, geometries: Sequence[Geometry], device: torch.device
) -> Iterator[tuple[list[int], GraphBatch]]:
    """Graphs of bounded cost, in order."""
    keep_freed_memory()
    single_threaded()
    settings = network.architecture.graph
    costs = [batching.cost(g, settings) for g in geometries]
    for rows in batching.batches(costs, batching.rows_of_batch(device)):
        built = graphs.build([geometries[k] for k in rows], settings)
        yield rows, built.to(device, torch.float32)
