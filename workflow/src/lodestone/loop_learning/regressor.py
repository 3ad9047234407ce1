"""The multi-head regressor from latent codes to anchor points: cross-validation and the members of the ensemble."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.hashing import settings_sha256
from lodestone.artifacts.ledger import batch_key
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.provenance import Provenance
from lodestone.loop_learning import networks, supervised
from lodestone.loop_learning.devices import choose_device, describe
from lodestone.random import stream

ALGORITHM = 2
STAGE = "regressor"
MEMBER_UNIT = 1000  # random-stream unit of the first ensemble member; folds have 1, 2, ...
SMOOTHING = 5  # epochs over which the validation curves are averaged before the lowest point is taken
Settings = Mapping[str, Any]


def rows_of(codes: LatentCodes, dataset: HysteresisDataset) -> np.ndarray:
    """Return the row of `codes` of every row of the data set.

    Raises
    ------
    ValueError
        If a labelled structure has no code.
    """
    position = {int(index): row for row, index in enumerate(codes.index)}
    missing = [int(index) for index in dataset.index if int(index) not in position]
    if missing:
        raise ValueError(f"codes: found none for structure {missing[0]}, expected one for each of the data set")
    return np.array([position[int(index)] for index in dataset.index], np.int64)


def fold_rows(dataset: HysteresisDataset, folds: int, seed: int) -> list[np.ndarray]:
    """Split the training rows at random into folds of equal size; all copies of a structure stay together."""
    train = np.flatnonzero(dataset.split == Split.TRAIN)
    return [np.sort(part) for part in np.array_split(stream(seed, STAGE, 0).permutation(train), folds)]


def choose_epochs(fold_networks: Sequence[Network]) -> int:
    """Return the number of epochs with the lowest mean validation loss over the folds, after smoothing."""
    curve = np.mean([network.validation_loss for network in fold_networks], axis=0)
    last = len(curve) - 1
    half = [min(SMOOTHING // 2, k, last - k) for k in range(len(curve))]  # windows stay centred at both ends
    smooth = [curve[k - h : k + h + 1].mean() for k, h in enumerate(half)]
    return int(np.argmin(smooth)) + 1


def validate_fold(
    codes: LatentCodes,
    dataset: HysteresisDataset,
    fold: int,
    settings: Settings,
    seed: int,
    checkpoint_path: str | Path,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> tuple[Network, Predictions]:
    """Train without one fold and predict it.

    Parameters
    ----------
    fold : int
        Number of the fold that is left out, from 0.
    settings : mapping
        Section `regressor` of the config.

    Returns
    -------
    Network
        Parameters of the best epoch, and the losses of every epoch.
    Predictions
        Of the fold that was left out; `spread` is the standard deviation over the symmetric copies, and the
        interval is the prediction itself, since none is calibrated yet.
    """
    run = _Run(codes, dataset, settings, seed, checkpoint_path, log, provenance)
    parts = fold_rows(dataset, settings["folds"], seed)
    train_rows = np.sort(np.concatenate([part for k, part in enumerate(parts) if k != fold]))
    network = run.train(train_rows, parts[fold], settings["max_epochs"], 1 + fold)
    output = predict_copies([network], codes, rows_of(codes, dataset)[parts[fold]])[0]
    rows, predicted = parts[fold], output[:, : copies_of([network])].mean(1)
    return network, Predictions(
        index=dataset.index[rows],
        split=dataset.split[rows],
        target=dataset.anchor[rows],
        target_exists=dataset.anchor_exists[rows],
        predicted=predicted,
        spread=output.std(1),
        lower=predicted,
        upper=predicted,
        model=f"regressor without fold {fold}",
        encoding=codes.encoding,
        coverage_level=settings["coverage_level"],
        provenance=network.provenance,
    )


def train_member(
    codes: LatentCodes,
    dataset: HysteresisDataset,
    fold_networks: Sequence[Network],
    member: int,
    settings: Settings,
    seed: int,
    checkpoint_path: str | Path,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> Network:
    """Train one member of the ensemble on the whole training set, for the epochs that the folds recommend."""
    train_rows = np.flatnonzero(dataset.split == Split.TRAIN)
    epochs = choose_epochs(fold_networks)
    log.info("training member %d for %d epochs, chosen by %d folds", member, epochs, len(fold_networks))
    run = _Run(codes, dataset, settings, seed, checkpoint_path, log, provenance)
    return run.train(train_rows, np.empty(0, np.int64), epochs, MEMBER_UNIT + member)


def copies_of(members: Sequence[Network]) -> int:
    """Return how many symmetric copies a prediction averages over: all, or one if a member was not trained on them."""
    return supervised.COPIES if all(m.architecture["symmetry_augmentation"] for m in members) else 1


def predict_copies(members: Sequence[Network], codes: LatentCodes, rows: np.ndarray) -> np.ndarray:
    """Return the predictions of every member for every symmetric copy, (member, row, symmetry, anchor)."""
    return predict_codes(members, codes.code[rows])


@torch.no_grad()
def predict_codes(members: Sequence[Network], code: np.ndarray) -> np.ndarray:
    """Return the predictions of every member for codes (row, symmetry, latent): (member, row, symmetry, anchor)."""
    flat = torch.from_numpy(np.ascontiguousarray(code)).flatten(0, 1)
    outputs = []
    for network in members:
        module = networks.build(network.architecture["name"], network.architecture["arguments"])
        networks.set_flat(module, network.parameter)
        outputs.append(module(flat).double().unflatten(0, code.shape[:2]).numpy())
    return np.stack(outputs)


@dataclass(frozen=True)
class _Run:
    """What one training run needs beside its rows."""

    codes: LatentCodes
    dataset: HysteresisDataset
    settings: Settings
    seed: int
    checkpoint_path: str | Path
    log: logging.Logger
    provenance: Provenance

    def plan(self, train_rows: np.ndarray, validation_rows: np.ndarray, epochs: int, unit: int) -> supervised.Plan:
        """Return the training plan; its key covers everything that the result depends on."""
        settings = self.settings
        hashes = settings_sha256(dict(settings)), settings_sha256(self.provenance.parents)
        return supervised.Plan(
            train_rows=train_rows,
            validation_rows=validation_rows,
            epochs=epochs,
            batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"],
            augment=settings["symmetry_augmentation"],
            seed=self.seed,
            stage=STAGE,
            unit=unit,
            key=batch_key(*hashes, f"{ALGORITHM} {self.seed} {unit} {epochs}"),
        )

    def train(self, train_rows: np.ndarray, validation_rows: np.ndarray, epochs: int, unit: int) -> Network:
        """Train one regressor; its artifact maps raw codes to anchor points, all scaling folded into the weights."""
        plan = self.plan(train_rows, validation_rows, epochs, unit)
        device = choose_device(self.settings["device"])
        module = networks.build_regressor(plan.rng(0)).to(device)
        code = self.codes.code[rows_of(self.codes, self.dataset)]
        mean, scale = code_scaling(code[train_rows])
        inputs = torch.from_numpy(((code - mean) / scale).astype(np.float32)).to(device)
        targets = supervised.Targets(self.dataset.anchor, self.dataset.anchor_exists)
        trained = supervised.fit(
            module, lambda rows, copies: inputs[rows, copies], targets, plan, self.checkpoint_path, self.log
        )
        networks.set_flat(module, trained.parameter)
        networks.fold_scaling(module.cpu(), mean, scale, *targets.scaling(train_rows))
        return Network(
            parameter=networks.get_flat(module),
            train_loss=trained.train_loss,
            validation_loss=trained.validation_loss,
            architecture={
                "name": "regressor",
                "arguments": {},
                "shapes": networks.shapes(module),
                "symmetry_augmentation": self.settings["symmetry_augmentation"],
            },
            encoding=self.codes.encoding,
            best_epoch=trained.best_epoch,
            provenance=replace(self.provenance, backend=f"{self.provenance.backend}, {describe(device)}"),
        )


def code_scaling(code: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the mean (latent,) and one common scale of codes (row, symmetry, latent).

    One scale for all latents: those that the divergence has switched off stay small instead of being blown up to noise.
    """
    mean = code.mean((0, 1), dtype=np.float64)
    return mean, float(np.sqrt(((code - mean) ** 2).mean(dtype=np.float64)).clip(1e-12))
