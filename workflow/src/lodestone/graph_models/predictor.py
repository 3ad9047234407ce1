"""Properties of many crystals at once, with uncertainty, for the fitness of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.dft.relaxation import Geometry
from lodestone.graph_models import batching, bodies, ensemble
from lodestone.graph_models.model import (
    architecture_of,
    choose_device,
    element_table,
    heads_of,
    network_of,
    shares_body,
)


@dataclass(frozen=True)
class Prediction:
    """Properties of crystals.

    Attributes
    ----------
    targets : list of str
    value, sigma, half_width : ndarray, (crystal, target)
        Mean and standard deviation over the ensemble, and half of the calibrated interval; NaN for failures.
    failure : list of str
        Why a crystal has no values; empty where it has.
    """

    targets: list[str]
    value: NDArray[np.float64]
    sigma: NDArray[np.float64]
    half_width: NDArray[np.float64]
    failure: list[str]

    def column(self, target: str) -> NDArray[np.float64]:
        """Values of one target, (crystal,)."""
        return self.value[:, self.targets.index(target)]


class Predictor:
    """A model on one device. A force field predicts its energy per atom.

    Parameters
    ----------
    model : GraphModel
    device : str
        auto, cpu or gpu.
    """

    def __init__(self, model: GraphModel, device: str = "auto") -> None:
        self.model, self.device = model, choose_device(device)
        self.settings = architecture_of(model).graph
        self._shared = shares_body(model)
        used = 1 if self._shared else model.members
        self.networks = [network_of(model, self.device, member=k) for k in range(used)]
        for network in self.networks:
            network.tabulate()
        self._elements = element_table(model)

    def __call__(self, geometries: Sequence[Geometry]) -> Prediction:
        """Predict all geometries; one that cannot be evaluated gets the reason instead of numbers."""
        failure = [batching.refusal(g, self.settings) for g in geometries]
        rows = [k for k, reason in enumerate(failure) if not reason]
        shape = len(geometries), len(self.model.targets)
        value, sigma, half = (np.full(shape, np.nan) for _ in range(3))
        if rows:
            members = self._members([geometries[k] for k in rows])
            value[rows], sigma[rows] = members.mean(0), ensemble.spread(members)
            half[rows] = ensemble.half_width(sigma[rows], self.model.interval_factor, self.model.interval_floor)
            for k in rows:
                if not np.isfinite(value[k]).all():
                    failure[k] = "the model gave a number that is not finite"
        return Prediction(self.model.target_names, value, sigma, half, failure)

    def _members(self, geometries: list[Geometry]) -> NDArray[np.float64]:
        """Values by every member, (member, crystal, target)."""
        found = [bodies.features(network, geometries, self.device) for network in self.networks]
        added = np.stack([self._elements[g.atomic_numbers].mean(0) for g in geometries])
        if self._shared and self.model.members > 1 and self.networks[0].config.link == "identity":
            return np.stack([found[0].features @ w.T + b for w, b in heads_of(self.model)]) + added
        return np.stack([body.output for body in found]) + added
