"""Energies, forces and stresses of many crystals at once, for the relaxer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch

from lodestone.artifacts.graph_model import GraphModel
from lodestone.dft.relaxation import Evaluation, Geometry
from lodestone.graph_models import batching, derivatives, graphs
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.memory import keep_freed_memory, single_threaded
from lodestone.graph_models.model import (
    architecture_of,
    choose_device,
    element_table,
    heads_of,
    join,
    network_of,
    shares_body,
    with_heads,
)


@dataclass(frozen=True)
class GraphEvaluation(Evaluation):
    """An evaluation with the spread of an ensemble; 0 for a single model.

    Attributes
    ----------
    energy_sigma_eV : float
        Standard deviation of the energy of the cell.
    """

    energy_sigma_eV: float = 0.0
    force_sigma_eV_A: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Evaluator:
    """A force field on one device; the members of an ensemble are averaged.

    Members that differ in their output layer only are evaluated in one pass: the mean of their energies is the energy
    of the mean layer.

    Parameters
    ----------
    models : GraphModel or sequence of GraphModel
        Force fields of one architecture; several make one ensemble.
    device : str
        auto, cpu or gpu.
    threads : int
        Batches that run side by side on a CPU; results do not depend on it.

    Raises
    ------
    ModelError
        For a model that is no force field, or members that do not fit together.
    """

    def __init__(self, models: GraphModel | Sequence[GraphModel], device: str = "auto", threads: int = 1) -> None:
        given = [models] if isinstance(models, GraphModel) else list(models)
        self.model = _checked(given)
        self.device, self.threads = choose_device(device), max(1, threads)
        self.settings = architecture_of(self.model).graph
        self._shared = self.model.members > 1 and shares_body(self.model)
        used = _mean_head(self.model) if self._shared else self.model
        self.networks = [network_of(used, self.device, member=k) for k in range(used.members)]
        for network in self.networks:
            network.tabulate()
        self._elements = element_table(self.model)[:, 0]
        keep_freed_memory()
        single_threaded()

    def __call__(self, geometries: Sequence[Geometry]) -> list[GraphEvaluation]:
        """Evaluate all geometries; one that cannot be evaluated gets the reason instead of numbers."""
        results = [GraphEvaluation(failure=batching.refusal(g, self.settings)) for g in geometries]
        rows = [k for k, result in enumerate(results) if not result.failure]
        costs = [batching.cost(geometries[k], self.settings) for k in rows]
        parts = [[rows[k] for k in part] for part in batching.batches(costs, batching.rows_of_batch(self.device))]
        for part, evaluated in zip(parts, self._run([[geometries[k] for k in part] for part in parts]), strict=True):
            for k, result in zip(part, evaluated, strict=True):
                results[k] = result
        return results

    def _run(self, parts: list[list[Geometry]]) -> list[list[GraphEvaluation]]:
        """Evaluate batches, several at once on a CPU."""
        if self.threads == 1 or len(parts) < 2 or self.device.type != "cpu":
            return [self._batch(part) for part in parts]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self._batch, parts))

    def _batch(self, geometries: list[Geometry]) -> list[GraphEvaluation]:
        """Evaluate one batch."""
        built = graphs.build(geometries, self.settings)
        refused = batching.graph_refusals(built)
        batch = built.to(self.device, torch.float32)
        members = [derivatives.evaluate(network, batch) for network in self.networks]
        forces = np.stack([m.forces_eV_A.double().cpu().numpy() for m in members])
        stress = np.stack([m.stress_eV_A3.double().cpu().numpy() for m in members]).mean(0)
        energies = self._energies(members, np.array([len(g.atomic_numbers) for g in geometries]))
        moments = self._moments(members)
        results, start = [], 0
        for k, geometry in enumerate(geometries):
            sites = slice(start, start + len(geometry.atomic_numbers))
            start = sites.stop
            energy = energies[:, k] + self._elements[np.asarray(geometry.atomic_numbers)].sum()
            own = forces[:, sites]
            results.append(
                GraphEvaluation(failure=refused[k])
                if k in refused
                else _evaluation(energy, own, stress[k], moments[sites] if len(moments) else np.zeros(len(own[0])))
            )
        return results

    def _energies(self, members: list[derivatives.Derived], sites: np.ndarray) -> np.ndarray:
        """Energy of the network by every member, (member, crystal) eV."""
        energies = np.stack([m.output.energy_eV.double().cpu().numpy() for m in members])
        if not self._shared:
            return energies
        features = members[0].output.features.double().cpu().numpy()
        each = np.stack([features @ weight[0] + bias[0] for weight, bias in heads_of(self.model)])
        return energies + (each - each.mean(0)) * sites

    def _moments(self, members: list[derivatives.Derived]) -> np.ndarray:
        """Moments of the sites, (site,) mu_B; empty without such an output."""
        values = [m.output.site_value[:, 0].double().cpu().numpy() for m in members if m.output.site_value is not None]
        return np.mean(values, axis=0) if values else np.zeros(0)


def _evaluation(energy: np.ndarray, forces: np.ndarray, stress: np.ndarray, moments: np.ndarray) -> GraphEvaluation:
    """Mean and spread over members of energies (member,) and forces (member, site, 3)."""
    if not (np.isfinite(energy).all() and np.isfinite(forces).all() and np.isfinite(stress).all()):
        return GraphEvaluation(failure="the model gave a number that is not finite")
    spread = np.sqrt(((forces - forces.mean(0)) ** 2).mean(0).sum(-1))
    return GraphEvaluation(
        energy_eV=float(energy.mean()),
        forces_eV_A=forces.mean(0),
        stress_eV_A3=stress,
        moments_muB=moments,
        energy_sigma_eV=float(energy.std(ddof=1)) if len(energy) > 1 else 0.0,
        force_sigma_eV_A=spread,
    )


def _checked(models: Sequence[GraphModel]) -> GraphModel:
    """All models as one ensemble; they must be force fields of one architecture."""
    if not models:
        raise ModelError("force field", "no model", "one at least")
    for model in models:
        if not model.is_force_field:
            raise ModelError(f"model {model.source}", f"a {model.task} of {model.target_names}", "a force field")
    return join(models)


def _mean_head(model: GraphModel) -> GraphModel:
    """Return one network with the mean output layer of all members."""
    weights, biases = zip(*heads_of(model), strict=True)
    return with_heads(
        model, [(np.mean(weights, axis=0).astype(np.float32), np.mean(biases, axis=0).astype(np.float32))]
    )
