"""Trainings from scratch: regressions of properties, and force fields."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.hashing import settings_sha256
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.provenance import Provenance
from lodestone.graph_models import batching, elements, losses
from lodestone.graph_models.architecture import Architecture
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.fitting import Fitted, Plan, fit
from lodestone.graph_models.model import ENERGY_TARGET, choose_device, model_of
from lodestone.graph_models.network import GraphNetwork
from lodestone.graph_models.samples import UNITS, Samples, split_groups
from lodestone.random import integer

ALGORITHM = 1
STAGE, SPLIT_STAGE = "graph_model", "graph_model_split"
UNITS_OF_TASK = {"regression": 0, "force_field": 1}  # streams of the stages


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate, weight_decay : float
    validation_fraction : float
        Share of the crystals, by groups, that tells the best epoch; 0 keeps the last.
    patience : int
        Epochs without a better validation after which the training stops; 0 never stops.
    energy_weight, force_weight, stress_weight : float
        Of a force field's losses.
    device : str
        auto, cpu or gpu.
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    validation_fraction: float = 0.1
    patience: int = 0
    energy_weight: float = 1.0
    force_weight: float = 1.0
    stress_weight: float = 0.2
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        for name, least in (("epochs", 1), ("batch_size", 1), ("learning_rate", 1e-12), ("patience", 0)):
            if getattr(self, name) < least:
                raise ModelError(name, str(getattr(self, name)), f"{least} or more")
        if not 0 <= self.validation_fraction < 1:
            raise ModelError("validation_fraction", str(self.validation_fraction), "0 or more, and less than 1")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Take the known keys of a mapping."""
        return cls(**{f.name: settings[f.name] for f in fields(cls) if f.name in settings})

    def recorded(self) -> dict[str, Any]:
        """Return what the artifact keeps: all but the device."""
        return {name: value for name, value in asdict(self).items() if name != "device"}


def pretrain_regression(
    labels: LabelledSet | Sequence[LabelledSet],
    targets: Sequence[str],
    architecture: Architecture,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint_path: str | Path | None,
    log: logging.Logger,
    provenance: Provenance,
) -> GraphModel:
    """Train one network on several properties at once.

    Parameters
    ----------
    labels : LabelledSet or sequence of them
        Crystals may lack some of the labels.
    targets : sequence of str
        Such as formation_energy_eV_per_atom and moment_muB_per_atom; as many as the architecture has outputs.
    architecture : Architecture
    settings : TrainingSettings
    seed : int
    checkpoint_path : path or None
        State of the training; to be removed when the artifact is written.
    log : Logger
    provenance : Provenance
        Of the artifact.

    Raises
    ------
    ModelError
        For labels or crystals that cannot be used, or a loss that is no number.
    """
    samples = Samples.of(labels, targets)
    run = _Run(samples, architecture, settings, seed, "regression", provenance)
    mean, scale = _standard(samples, run.train_rows)
    network = run.network(mean, scale)
    loss = losses.Regression(samples, samples.value, scale, network, run.device)
    fitted = fit(network, loss, run.plan(network), checkpoint_path, log)
    kinds = [[name, UNITS[name]] for name in targets]
    return run.artifact(network, fitted, kinds, target_mean=mean, target_scale=scale)


def pretrain_force_field(
    labels: LabelledSet | Sequence[LabelledSet],
    architecture: Architecture,
    settings: TrainingSettings,
    *,
    seed: int,
    checkpoint_path: str | Path | None,
    log: logging.Logger,
    provenance: Provenance,
) -> GraphModel:
    """Train a force field on energies, forces and stresses; parameters as of `pretrain_regression`.

    The values of the elements are fitted to the energies first, on the training crystals, and the network learns what
    they leave.
    """
    samples = Samples.of(labels, [ENERGY_TARGET[0]])
    run = _Run(samples, architecture, settings, seed, "force_field", provenance)
    composition = samples.composition
    rows = run.train_rows
    mean, table = elements.fit(composition[rows], samples.value[rows], samples.exists[rows])
    energy = samples.value[:, 0] - (composition @ table)[:, 0]
    spreads = losses.scales(samples, rows, energy)
    weights = losses.Weights(settings.energy_weight, settings.force_weight, settings.stress_weight, *spreads)
    network = run.network(mean, np.array(spreads[:1]))
    loss = losses.ForceField(samples, energy, weights, network, run.device)
    fitted = fit(network, loss, run.plan(network), checkpoint_path, log)
    element, value = elements.pack(table)
    scaling = {"target_mean": mean, "target_scale": np.array(spreads[:1])}
    return run.artifact(network, fitted, [ENERGY_TARGET], element=element, element_value=value, **scaling)


def initialised(architecture: Architecture, seed: int, stage: str, unit: int) -> GraphNetwork:
    """Return a network with random parameters that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(integer(seed, stage, unit * 1_000_000))
        return GraphNetwork(architecture)


class _Run:
    """What both kinds of training share."""

    def __init__(
        self,
        samples: Samples,
        architecture: Architecture,
        settings: TrainingSettings,
        seed: int,
        task: str,
        provenance: Provenance,
    ) -> None:
        outputs = architecture.config().output_features
        if outputs != len(samples.targets):
            raise ModelError("architecture", f"{outputs} outputs", f"{len(samples.targets)}, one for each target")
        batching.require(samples.geometries, samples.names, architecture.graph)
        self.samples, self.architecture, self.settings = samples, architecture, settings
        self.seed, self.task, self.provenance = seed, task, provenance
        self.unit = UNITS_OF_TASK[task]
        self.device = choose_device(settings.device)
        rows = np.flatnonzero(samples.exists.any(1) | samples.has_forces)
        share = settings.validation_fraction
        self.train_rows, self.validation_rows = split_groups(samples.group, rows, share, seed, SPLIT_STAGE, self.unit)

    def network(self, mean: NDArray[np.float64], scale: NDArray[np.float64]) -> GraphNetwork:
        """Return the network at the start, its output standardised."""
        network = initialised(self.architecture, self.seed, STAGE, self.unit)
        network.scale.copy_(torch.from_numpy(scale))
        network.shift.copy_(torch.from_numpy(mean))
        return network.to(self.device)

    def plan(self, network: GraphNetwork) -> Plan:
        """Return the plan; every parameter moves."""
        parts = [self.provenance.key, self.architecture.to_dict(), self.settings.recorded(), self.task, ALGORITHM]
        return Plan(
            train_rows=self.train_rows,
            validation_rows=self.validation_rows,
            names=[name for name, _ in network.module.named_parameters()],
            epochs=self.settings.epochs,
            batch_size=self.settings.batch_size,
            learning_rate=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
            patience=self.settings.patience,
            seed=self.seed,
            stage=STAGE,
            unit=self.unit,
            key=settings_sha256({"parts": [*parts, self.seed]}),
        )

    def artifact(
        self, network: GraphNetwork, fitted: Fitted, targets: Sequence[Sequence[str]], **others: Any
    ) -> GraphModel:
        """Return the model that was trained."""
        network.fold_scaling()
        sizes = {"train_crystals": len(self.train_rows), "validation_crystals": len(self.validation_rows)}
        return model_of(
            network,
            force_field=self.task == "force_field",
            targets=targets,
            source="here",
            labels_from=self.samples.labels_from,
            provenance=self.provenance,
            train_loss=fitted.train_loss,
            validation_loss=fitted.validation_loss,
            best_epoch=fitted.best_epoch,
            moved=[name for name, _ in network.module.named_parameters()],
            training={**self.settings.recorded(), **sizes},
            **others,
        )


def _standard(samples: Samples, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and spread (target,) of the labels of some crystals."""
    exists = samples.exists[rows]
    count = np.maximum(exists.sum(0), 1)
    mean = samples.value[rows].sum(0, where=exists) / count
    spread = np.sqrt(((samples.value[rows] - mean) ** 2).sum(0, where=exists) / count)
    return mean, np.where(spread > 1e-12, spread, 1.0)
