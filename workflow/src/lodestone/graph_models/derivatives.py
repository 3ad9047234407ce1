"""Forces and stresses of batches, from the derivative of the energy with respect to the edge vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from lodestone.graph_models.graphs import GraphBatch
from lodestone.graph_models.network import GraphNetwork, Output
from lodestone.graph_models.operations import Links, segment_sum

STEP_A = 0.01  # largest change of an edge in a central difference


class Derived(NamedTuple):
    """Output of the network with forces (site, 3) eV/A and stresses (crystal, 3, 3) eV/A^3, dE/dstrain over volume."""

    output: Output
    forces_eV_A: Tensor
    stress_eV_A3: Tensor


def evaluate(network: GraphNetwork, batch: GraphBatch) -> Derived:
    """Evaluate energies, forces and stresses; nothing that comes back can be derived further.

    With ``r = x_destination - x_source`` and g = dE/dr: ``F_destination -= g``, ``F_source += g``,
    ``stress = sum (r g + g r) / (2 V)``.
    """
    edge = batch.edge.detach().requires_grad_(True)
    output = network(batch.with_edges(edge))
    gradient = torch.zeros_like(edge)
    if len(edge):
        (gradient,) = torch.autograd.grad(output.derived_eV.sum(), edge)
    with torch.no_grad():
        factor = -float(network.config.grad_multiplier)
        gradient = gradient * factor
        forces = site_forces(gradient, batch, network.config.add_reverse_forces)
        stress = virial(batch.edge, gradient, batch) * network.config.stress_multiplier
    kept: Any = (None if t is None else t.detach() for t in output)
    return Derived(Output(*kept), forces, stress)


def site_forces(gradient: Tensor, batch: GraphBatch, both_ends: bool = True) -> Tensor:
    """Return forces (site, 3) from the derivatives with respect to the edges (edge, 3)."""
    links = Links(batch.source, batch.destination, batch.edge_offset)
    arriving = links.collect(gradient)
    return links.gather(gradient) - arriving if both_ends else -arriving


def virial(edge: Tensor, gradient: Tensor, batch: GraphBatch) -> Tensor:
    """Symmetric stress (crystal, 3, 3) from edges and the derivatives with respect to them, (edge, 3) both."""
    outer = edge[:, :, None] * gradient[:, None, :]
    symmetric = ((outer + outer.transpose(1, 2)) / 2).flatten(1)
    site_offset = functional.pad(batch.counts.cumsum(0), (1, 0))
    offset = batch.edge_offset[site_offset]
    index = batch.crystal[batch.destination]
    return segment_sum(symmetric, index, offset).unflatten(1, (3, 3)) / batch.volume_A3[:, None, None]


def edge_changes(batch: GraphBatch, shift: Tensor, strain: Tensor) -> Tensor:
    """Return changes of edges (edge, 3) when sites are shifted (site, 3) and crystals strained (crystal, 3, 3)."""
    links = Links(batch.source, batch.destination, batch.edge_offset)
    strained = torch.einsum("ea,eab->eb", batch.edge, strain[batch.edge_crystal])
    return links.from_destination(shift) - links.from_source(shift) + strained


def largest_change(direction: Tensor, batch: GraphBatch) -> Tensor:
    """Largest length of the changes of each crystal's edges, (crystal,), never 0."""
    lengths = direction.norm(dim=1)
    largest = lengths.new_full((len(batch),), 1e-12)
    return largest.scatter_reduce(0, batch.edge_crystal, lengths, "amax")
