"""Transfer that moves the last layers or everything, by gradient descent from where the model stands.

A network is trained for each fold, without it. Together they are the ensemble; alone each predicts the fold it has not
seen.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.hashing import settings_sha256
from lodestone.graph_models import bodies, elements, losses, mechanics
from lodestone.graph_models.fitting import Plan, fit
from lodestone.graph_models.model import (
    HEAD,
    PER_CELL,
    choose_device,
    element_table,
    flatten,
    network_of,
    parameters_of,
)
from lodestone.graph_models.network import GraphNetwork
from lodestone.graph_models.outcome import Outcome, Push
from lodestone.graph_models.partition import STAGE, TRAINING, Partition
from lodestone.graph_models.samples import Samples

if TYPE_CHECKING:
    from lodestone.graph_models.transfer import TransferSettings

Array = NDArray[np.float64]


def checkpoint_paths(path: str | Path, folds: int) -> list[Path]:
    """Where the trainings of the folds keep their states; see `remove_checkpoints`."""
    return [Path(f"{path}.fold{k}") for k in range(folds)]


def remove_checkpoints(path: str | Path) -> None:
    """Remove the states of the trainings of all folds: to be called when the artifacts are written."""
    for state in Path(path).parent.glob(f"{Path(path).name}.fold*"):
        state.unlink()


def moving(network: GraphNetwork, scope: str) -> list[str]:
    """Names of the parameters that a scope moves: last_layers is the last convolution and the output layer."""
    names = [name for name, _ in network.module.named_parameters()]
    if scope == "full":
        return names
    layers = len(network.module.gcn_layers)
    last = f"gcn_layers.{layers - 1}." if layers else f"alignn_layers.{len(network.module.alignn_layers) - 1}."
    # What the last layer does to edges leads nowhere.
    idle = (f"{last}bn_edges.", f"{last}edge_update.", f"{last}node_update.bn_edges.")
    return [name for name in names if name in HEAD or (name.startswith(last) and not name.startswith(idle))]


def run(
    model: GraphModel,
    samples: Samples,
    partition: Partition,
    settings: TransferSettings,
    seed: int,
    log: logging.Logger,
    checkpoint_path: str | Path | None,
    key: list[Any],
) -> Outcome:
    """Train one network for each fold and make an ensemble of the first `settings.ensemble` of them."""
    device = choose_device(settings.device)
    start = network_of(model, device)
    per_cell = np.array([name in PER_CELL for name in model.target_names])
    before = _values(start, model, samples, device)
    before[:, per_cell] /= samples.site_counts[:, None]
    table, shift = _references(model, samples, partition, before, per_cell, settings)
    referenced = np.where(per_cell, 0.0, before) + shift + samples.composition @ (table - element_table(model))
    run_key = [*key, seed]
    members, out_of_fold = [], np.full(samples.value.shape, np.nan)
    values = []
    for k in partition.folds:
        network = _start(model, device, per_cell, shift)
        rows = partition.train_rows[partition.fold != k]
        loss = _loss(network, model, samples, rows, table, settings, device)
        path = None if checkpoint_path is None else checkpoint_paths(checkpoint_path, int(k) + 1)[-1]
        log.info("training without fold %d", k)
        fit(network, loss, _plan(network, rows, settings, seed, int(k), run_key), path, log)
        network.fold_scaling()
        members.append(flatten(parameters_of(network)))
        found = bodies.features(network, samples.geometries, device)
        values.append(found.output + _added(model, found) + samples.composition @ table)
        out = partition.train_rows[partition.fold == k]
        out_of_fold[out] = values[-1][out]
    used = slice(0, max(1, min(settings.ensemble, len(members))))
    element, element_value = elements.pack(table)
    parameter = np.stack(members[used])
    outcome: dict[str, Any] = {"element": element, "element_value": element_value, "parameter": parameter}
    pushes = [Push(), Push()]
    if model.is_force_field:
        pushes = [mechanics.push(m, samples, device) for m in (model, replace(model, **outcome))]
    return Outcome(
        samples=samples,
        partition=partition,
        coverage_level=settings.coverage_level,
        before=before,
        referenced=referenced,
        members=np.stack(values[used]),
        out_of_fold=out_of_fold,
        fold_sigma=np.zeros_like(before),
        moved=moving(start, settings.scope),
        chosen={},
        push_before=pushes[0],
        push_after=pushes[1],
        **outcome,
    )


def _added(model: GraphModel, body: bodies.Body) -> Array:
    """Return what the repulsion adds to a force field's energy per atom, (crystal, 1), or 0."""
    return body.repulsion_eV_per_atom[:, None] if model.is_force_field else np.zeros((1, 1))


def _values(network: GraphNetwork, model: GraphModel, samples: Samples, device: torch.device) -> Array:
    """Return what a model says about all crystals, (crystal, target)."""
    body = bodies.features(network, samples.geometries, device)
    return np.asarray(body.output + _added(model, body) + samples.composition @ element_table(model))


def _references(
    model: GraphModel,
    samples: Samples,
    partition: Partition,
    before: Array,
    per_cell: NDArray[np.bool_],
    settings: TransferSettings,
) -> tuple[Array, Array]:
    """Values of the elements (119, target), and what is added to every crystal (target,)."""
    table = np.where(per_cell, 0.0, element_table(model))
    if not settings.element_reference_refit:
        return table, np.zeros(len(per_cell))
    rows = partition.train_rows
    error, exists = (samples.value - np.where(per_cell, 0.0, before))[rows], samples.exists[rows]
    share, shift = samples.composition[rows], np.zeros(len(per_cell))
    for k in range(len(per_cell)):
        one = slice(k, k + 1)
        penalty = elements.choose_penalty(share, error[:, one], exists[:, one], partition.fold)
        shift[one], change = elements.fit(share, error[:, one], exists[:, one], penalty)
        table[:, one] += change
    return table, shift


def _start(model: GraphModel, device: torch.device, per_cell: NDArray[np.bool_], shift: Array) -> GraphNetwork:
    """Return the network as it came, its output shifted; without weights for a target of the cell."""
    network = network_of(model, device)
    with torch.no_grad():
        network.module.fc.weight[torch.from_numpy(per_cell)] = 0.0
        network.module.fc.bias[torch.from_numpy(per_cell)] = 0.0
    network.shift.copy_(torch.from_numpy(shift))
    return network


def _loss(
    network: GraphNetwork,
    model: GraphModel,
    samples: Samples,
    rows: NDArray[np.int64],
    table: Array,
    settings: TransferSettings,
    device: torch.device,
) -> losses.Regression | losses.ForceField:
    """Return the loss of a training on some crystals."""
    left = samples.value - samples.composition @ table
    if not model.is_force_field:
        spread = np.array([left[rows, k][samples.exists[rows, k]].std() for k in range(left.shape[1])])
        return losses.Regression(samples, left, np.where(spread > 1e-9, spread, 1.0), network, device)
    spreads = losses.scales(samples, rows, left[:, 0])
    weights = losses.Weights(settings.energy_weight, settings.force_weight, settings.stress_weight, *spreads)
    return losses.ForceField(samples, left[:, 0], weights, network, device)


def _plan(
    network: GraphNetwork, rows: NDArray[np.int64], settings: TransferSettings, seed: int, fold: int, key: list[Any]
) -> Plan:
    """Return the plan of a fold's training: no validation, all epochs, so that its fold stays unseen."""
    return Plan(
        train_rows=rows,
        validation_rows=np.zeros(0, np.int64),
        names=moving(network, settings.scope),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        patience=0,
        seed=seed,
        stage=STAGE,
        unit=TRAINING * 1000 + fold,
        key=settings_sha256({"parts": [*key, fold]}),
    )
