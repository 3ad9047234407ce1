"""What is made small in a training, and its gradient with respect to the parameters.

Errors are in units of the spread of their labels; each goes through Huber's function, x^2 / 2 up to 1 and linear
beyond, so that few crystals with large forces do not lead the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodestone.graph_models import batching, derivatives, graphs
from lodestone.graph_models.graphs import GraphBatch
from lodestone.graph_models.network import GraphNetwork
from lodestone.graph_models.samples import Samples


class Loss(Protocol):
    """One kind of training."""

    def train(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """Add the gradient of the mean loss of some crystals to the parameters' gradients; returns the loss."""

    def measure(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """Mean loss of some crystals."""


def huber(error: Tensor) -> Tensor:
    """Huber's function of each error."""
    size = error.abs()
    return torch.where(size < 1, error * error / 2, size - 0.5)


def slope(error: Tensor) -> Tensor:
    """Return the derivative of `huber`."""
    return error.clamp(-1, 1)


class _Batches:
    """Crystals of a training as batches of bounded cost on a device."""

    def __init__(self, samples: Samples, network: GraphNetwork, device: torch.device) -> None:
        self.samples, self.device = samples, device
        self.settings = network.architecture.graph
        self.costs = np.array([batching.cost(g, self.settings) for g in samples.geometries])

    def parts(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut rows so that a part fits the device."""
        cuts = batching.batches(self.costs[rows], batching.rows_of_batch(self.device))
        return [rows[cut] for cut in cuts]

    def graph(self, rows: NDArray[np.int64]) -> GraphBatch:
        """Graphs of some crystals."""
        built = graphs.build([self.samples.geometries[k] for k in rows], self.settings)
        return built.to(self.device, torch.float32)

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Numbers on the device, single precision."""
        return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32, device=self.device)


class Regression:
    """Loss of values of crystals; labels that do not exist do not count.

    Parameters
    ----------
    samples : Samples
    target : ndarray, (crystal, target)
        What the network is to say.
    scale : ndarray, (target,)
        Spread of each target.
    network, device
        What trains, where.
    """

    def __init__(
        self,
        samples: Samples,
        target: NDArray[np.float64],
        scale: NDArray[np.float64],
        network: GraphNetwork,
        device: torch.device,
    ) -> None:
        self.batches = _Batches(samples, network, device)
        self.target, self.scale, self.exists = target, scale, samples.exists.astype(float)

    def train(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """See `Loss`."""
        count = max(self.exists[rows].sum(), 1.0)
        total = 0.0
        for part in self.batches.parts(rows):
            loss = self._sum(network, part) / count
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def measure(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """See `Loss`."""
        with torch.no_grad():
            total = sum(float(self._sum(network, part)) for part in self.batches.parts(rows))
        return total / max(float(self.exists[rows].sum()), 1.0)

    def _sum(self, network: GraphNetwork, rows: NDArray[np.int64]) -> Tensor:
        """Sum of the losses of some crystals."""
        tensor = self.batches.tensor
        error = (network(self.batches.graph(rows)).value - tensor(self.target[rows])) / tensor(self.scale)
        return (huber(error) * tensor(self.exists[rows])).sum()


@dataclass(frozen=True)
class Weights:
    """Weights of energies, forces and stresses, and the spreads that they are measured in."""

    energy: float
    force: float
    stress: float
    energy_scale_eV: float
    force_scale_eV_A: float
    stress_scale_eV_A3: float


class ForceField:
    """Loss of energies per atom, forces and stresses.

    The loss depends on derivatives of the energy E. Its gradient with respect to the parameters needs the derivative
    of E along one direction only: with u = -dL/dF for the atoms and dL/dS / V for the strain,
    ``dL = sum_g dL/dE_g dE_g + d(D_u E)``, and ``D_u E = (E(r + h u) - E(r - h u)) / (2 h)`` to second order. Two
    ordinary gradients take the place of one of second order; with steps of 0.01 angstrom they agree to 1e-3.

    Parameters
    ----------
    samples : Samples
        Its first target is the energy per atom.
    energy : ndarray, (crystal,)
        Energy per atom that the network is to give, eV.
    weights : Weights
    network, device
        What trains, where.
    """

    def __init__(
        self,
        samples: Samples,
        energy: NDArray[np.float64],
        weights: Weights,
        network: GraphNetwork,
        device: torch.device,
    ) -> None:
        self.batches = _Batches(samples, network, device)
        self.samples, self.energy, self.weights = samples, energy, weights

    def train(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """See `Loss`."""
        total = 0.0
        for part in self.batches.parts(rows):
            batch = self.batches.graph(part)
            loss, d_energy, d_forces, d_stress = self._errors(network, batch, part)
            direction = derivatives.edge_changes(batch, -d_forces, d_stress / batch.volume_A3[:, None, None])
            size = derivatives.largest_change(direction, batch)
            step = direction * (derivatives.STEP_A / size)[batch.edge_crystal, None]
            rate = size / (2 * derivatives.STEP_A)
            for sign in (1.0, -1.0):
                weight = (d_energy / 2 + sign * rate) / len(rows)
                derived = network(batch.with_edges(batch.edge + sign * step)).derived_eV
                (derived * weight).sum().backward()
            total += float(loss.sum()) / len(rows)
        return total

    def measure(self, network: GraphNetwork, rows: NDArray[np.int64]) -> float:
        """See `Loss`."""
        losses = [self._errors(network, self.batches.graph(p), p)[0].sum() for p in self.batches.parts(rows)]
        return float(sum(map(float, losses))) / max(len(rows), 1)

    def _errors(
        self, network: GraphNetwork, batch: GraphBatch, rows: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Loss (crystal,) and its derivatives by energy, forces (site, 3) and stress (crystal, 3, 3)."""
        weights, tensor = self.weights, self.batches.tensor
        derived = derivatives.evaluate(network, batch)
        sites = batch.counts.to(torch.float32)
        has_energy, has_forces = (tensor(f[rows]) for f in (self.samples.exists[:, 0], self.samples.has_forces))
        e = (derived.output.derived_eV / sites - tensor(self.energy[rows])) / weights.energy_scale_eV
        forces = tensor(np.concatenate([self.samples.forces_eV_A[k] for k in rows]))
        f = (derived.forces_eV_A - forces) / weights.force_scale_eV_A
        s = (derived.stress_eV_A3 - tensor(self.samples.stress_eV_A3[rows])) / weights.stress_scale_eV_A3
        share = has_forces / (3 * sites)
        per_site = torch.zeros_like(sites).index_add(0, batch.crystal, huber(f).sum(1))
        loss = weights.energy * has_energy * huber(e) + weights.force * share * per_site
        loss = loss + weights.stress * has_forces / 9 * huber(s).sum((1, 2))
        d_energy = weights.energy * has_energy * slope(e) / (weights.energy_scale_eV * sites)
        d_forces = (weights.force * share / weights.force_scale_eV_A)[batch.crystal, None] * slope(f)
        d_stress = (weights.stress * has_forces / (9 * weights.stress_scale_eV_A3))[:, None, None] * slope(s)
        return loss, d_energy, d_forces, d_stress


def scales(samples: Samples, rows: Sequence[int] | NDArray[np.int64], energy: NDArray[np.float64]) -> tuple[float, ...]:
    """Spreads of energies per atom (eV), forces (eV/A) and stresses (eV/A^3) of some crystals; 1 for what has none."""
    rows = np.asarray(rows)
    known = rows[samples.exists[rows, 0]]
    pushed = [k for k in rows if samples.has_forces[k]]
    forces = np.concatenate([np.zeros((0, 3)), *(samples.forces_eV_A[k] for k in pushed)])
    stresses = samples.stress_eV_A3[pushed]
    spreads = (np.std(energy[known]) if len(known) else 0.0, _rms(forces), _rms(stresses))
    return tuple(float(s) if s > 1e-9 else 1.0 for s in spreads)


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt((values**2).mean())) if values.size else 0.0
