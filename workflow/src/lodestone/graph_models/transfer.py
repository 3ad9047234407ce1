"""Transfer of a trained model to other crystals: what was learned stays, and the output layer is fitted anew.

The body of the network is frozen, so that what it makes of a crystal is a constant. It is computed once; the output
layer then follows from linear least squares, for properties and for energies, forces and stresses alike.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.provenance import Provenance
from lodestone.artifacts.transfer import Transfer
from lodestone.graph_models import batching, deep_transfer, head_transfer
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.model import ENERGY_TARGET, PER_CELL, architecture_of
from lodestone.graph_models.outcome import Outcome
from lodestone.graph_models.partition import Partition
from lodestone.graph_models.samples import UNITS, Samples

ALGORITHM = 1
SCOPES = ("head", "last_layers", "full")


@dataclass(frozen=True)
class TransferSettings:
    """How a model is specialised.

    Attributes
    ----------
    scope : str
        head: the output layer alone. last_layers: with the last convolution. full: everything.
    element_reference_refit : bool
        Fit what each element adds to the target before the rest.
    test_fraction : float
        Share of crystals, by groups, that are not learned from.
    folds : int
        Of the cross-validation on the training crystals.
    ensemble : int
        Members; of `head` bootstrap samples, otherwise at most the folds.
    coverage_level : float
        Share of true values that the intervals aim at.
    epochs, batch_size : int
    learning_rate, weight_decay : float
        For last_layers and full.
    energy_weight, force_weight, stress_weight : float
        For force fields.
    force_equations : int
        How many equations the forces and stresses of all crystals give to a head, as random combinations of all of
        them; 0 takes every component.
    device : str
        auto, cpu or gpu.
    """

    scope: str = "head"
    element_reference_refit: bool = True
    test_fraction: float = 0.2
    folds: int = 5
    ensemble: int = 4
    coverage_level: float = 0.9
    epochs: int = 60
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    energy_weight: float = 1.0
    force_weight: float = 1.0
    stress_weight: float = 0.2
    force_equations: int = 1280
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        if self.scope not in SCOPES:
            raise ModelError("scope", repr(self.scope), ", ".join(SCOPES))
        for name, least in (("folds", 2), ("ensemble", 1), ("epochs", 1), ("force_equations", 0)):
            if getattr(self, name) < least:
                raise ModelError(name, str(getattr(self, name)), f"{least} or more")
        for name in ("test_fraction", "coverage_level"):
            if not 0 < getattr(self, name) < 1:
                raise ModelError(name, str(getattr(self, name)), "more than 0 and less than 1")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Take the known keys of a mapping."""
        return cls(**{f.name: settings[f.name] for f in fields(cls) if f.name in settings})

    def recorded(self) -> dict[str, Any]:
        """Return what artifacts keep: all but the device."""
        return {name: value for name, value in asdict(self).items() if name != "device"}


def specialise(
    model: GraphModel,
    labels: LabelledSet | Sequence[LabelledSet],
    settings: TransferSettings,
    *,
    seed: int,
    checkpoint_path: str | Path | None,
    log: logging.Logger,
    provenance: Provenance,
) -> tuple[GraphModel, Transfer]:
    """Specialise a model and say what it predicts before and after.

    Parameters
    ----------
    model : GraphModel
        Its first member is the start. A total moment of the cell becomes a moment per atom.
    labels : LabelledSet or sequence of them
        Test crystals come from the first set; those of further sets are learned from.
    settings : TransferSettings
    seed : int
    checkpoint_path : path or None
        Where scopes other than head keep the states of their trainings; see `deep_transfer.remove_checkpoints`.
    log : Logger
    provenance : Provenance
        Of both artifacts.

    Returns
    -------
    GraphModel
        An ensemble with calibrated intervals.
    Transfer
        Predictions and errors.

    Raises
    ------
    ModelError
        For labels or crystals that cannot be used.
    """
    if model.members > 1:
        log.info("the first of %d members is the start", model.members)
    targets = [ENERGY_TARGET[0]] if model.is_force_field else [PER_CELL.get(n, n) for n in model.target_names]
    samples = Samples.of(labels, targets)
    batching.require(samples.geometries, samples.names, architecture_of(model).graph)
    partition = Partition.of(samples, settings.test_fraction, settings.folds, seed)
    if settings.scope == "head":
        outcome = head_transfer.run(model, samples, partition, settings, seed, log)
    else:
        key = [provenance.key, settings.recorded(), ALGORITHM]
        outcome = deep_transfer.run(model, samples, partition, settings, seed, log, checkpoint_path, key)
    for line in outcome.summary():
        log.info("%s", line)
    kinds = [[name, UNITS[name]] for name in targets]
    return _model(model, outcome, kinds, settings, provenance), outcome.artifact(model, kinds, settings, provenance)


def _model(
    model: GraphModel,
    outcome: Outcome,
    targets: list[list[str]],
    settings: TransferSettings,
    provenance: Provenance,
) -> GraphModel:
    """Return the specialised model."""
    rows = outcome.partition.train_rows
    sizes = {"train_crystals": len(rows), "test_crystals": len(outcome.partition.test_rows)}
    return replace(
        model,
        parameter=outcome.parameter,
        train_loss=np.zeros(0),
        validation_loss=np.zeros(0),
        best_epoch=0,
        element=outcome.element,
        element_value=outcome.element_value,
        interval_factor=outcome.interval_factor,
        interval_floor=outcome.interval_floor,
        coverage_level=settings.coverage_level,
        targets=targets,
        labels_from=outcome.samples.labels_from,
        moved=outcome.moved,
        training={**settings.recorded(), **sizes, **outcome.chosen},
        provenance=provenance,
    )
