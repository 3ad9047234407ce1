"""Baselines that a sceptic would ask for; same structures, same split, same table as the paper's method.

`mean`: the mean of the training targets. `gradient_boosting`: boosted trees on grain count and misorientation
statistics, settings chosen by cross-validation within the training set. `cnn`: a convolutional network on double-angle
images, without autoencoder, with symmetric copies.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lodestone.artifacts.codes import SYMMETRIES
from lodestone.artifacts.dataset import ANCHORS, HysteresisDataset, Split
from lodestone.artifacts.hashing import settings_sha256
from lodestone.artifacts.ledger import batch_key
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.provenance import Provenance
from lodestone.loop_learning import networks, supervised
from lodestone.loop_learning.devices import choose_device, describe
from lodestone.loop_learning.encodings import encode_axes, transform_image
from lodestone.loop_learning.ensemble import calibrate_residuals
from lodestone.loop_learning.reconstruction import axes_of
from lodestone.loop_learning.statistics import dataset_statistics
from lodestone.random import integer, stream

ALGORITHM = 2
LEVEL = 0.9  # of the intervals
FOLDS = 4
CNN_ENCODING = "double_angle"
BOOSTING_GRID = {
    "learning_rate": [0.05],
    "max_depth": [2, 3],
    "n_estimators": [100, 300],
    "subsample": [0.7],
}
Settings = Mapping[str, Any]


class _Result:
    """Predictions of a baseline (row, anchor), and its residuals on training structures that it had not seen."""

    def __init__(self, predicted: np.ndarray, residual: np.ndarray, exists: np.ndarray, backend: str) -> None:
        self.predicted, self.residual, self.exists, self.backend = predicted, residual, exists, backend


def train(
    name: str,
    dataset: HysteresisDataset,
    grains_paths: Sequence[str | Path],
    settings: Settings,
    structure_settings: Settings,
    seed: int,
    checkpoint_path: str | Path,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> Predictions:
    """Train one baseline on the training structures and predict all structures.

    Parameters
    ----------
    name : {"mean", "gradient_boosting", "cnn"}
    settings : mapping
        Section `baselines` of the config.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if name == "mean":
        result = _mean(dataset)
    elif name == "gradient_boosting":
        result = _boosting(dataset, dataset_statistics(grains_paths, dataset.index), seed, log)
    elif name == "cnn":
        result = _cnn(dataset, grains_paths, settings, seed, checkpoint_path, log, provenance)
    else:
        raise ValueError(f"baseline: found {name!r}, allowed are cnn, gradient_boosting, mean")
    nothing = np.zeros_like(result.residual)
    half = calibrate_residuals(result.residual, nothing, result.exists, LEVEL).half_width(np.zeros(len(ANCHORS)))
    return Predictions(
        index=dataset.index,
        split=dataset.split,
        target=dataset.anchor,
        target_exists=dataset.anchor_exists,
        predicted=result.predicted,
        spread=np.zeros_like(result.predicted),
        lower=result.predicted - half,
        upper=result.predicted + half,
        model=name,
        encoding=CNN_ENCODING if name == "cnn" else "statistics",
        coverage_level=LEVEL,
        provenance=replace(provenance, backend=result.backend),
    )


def _targets(dataset: HysteresisDataset) -> tuple[np.ndarray, supervised.Targets]:
    return np.flatnonzero(dataset.split == Split.TRAIN), supervised.Targets(dataset.anchor, dataset.anchor_exists)


def _mean(dataset: HysteresisDataset) -> _Result:
    rows, targets = _targets(dataset)
    mean, _ = targets.scaling(rows)
    predicted = np.tile(mean, (len(dataset.index), 1))
    return _Result(predicted, dataset.anchor[rows] - mean, dataset.anchor_exists[rows], "mean")


def _boosting(dataset: HysteresisDataset, features: np.ndarray, seed: int, log: logging.Logger) -> _Result:
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict

    train_rows, targets = _targets(dataset)
    default, _ = targets.scaling(train_rows)
    predicted = np.tile(default, (len(dataset.index), 1))
    residual = np.zeros((len(train_rows), len(ANCHORS)))
    state = integer(seed, "baseline", 0) % 2**32
    for j, anchor in enumerate(ANCHORS):
        known = dataset.anchor_exists[train_rows, j].astype(bool)
        rows = train_rows[known]
        if len(rows) < 2 * FOLDS:
            log.warning("%s: only %d training values, predicting their mean", anchor, len(rows))
            continue
        folds = KFold(FOLDS, shuffle=True, random_state=state)
        search = GridSearchCV(
            GradientBoostingRegressor(random_state=state), BOOSTING_GRID, cv=folds, scoring="neg_mean_absolute_error"
        )
        search.fit(features[rows], dataset.anchor[rows, j])
        log.info("%s: %s", anchor, search.best_params_)
        predicted[:, j] = search.predict(features)
        unseen = cross_val_predict(search.best_estimator_, features[rows], dataset.anchor[rows, j], cv=folds)
        residual[known, j] = dataset.anchor[rows, j] - unseen
    return _Result(predicted, residual, dataset.anchor_exists[train_rows], "scikit-learn gradient boosting")


def _cnn(
    dataset: HysteresisDataset,
    grains_paths: Sequence[str | Path],
    settings: Settings,
    seed: int,
    checkpoint_path: str | Path,
    log: logging.Logger,
    provenance: Provenance,
) -> _Result:
    """Train on nine tenths of the training structures; the rest choose the epoch and calibrate the intervals."""
    train_rows, targets = _targets(dataset)
    shuffled = stream(seed, "baseline", 1).permutation(train_rows)
    held_out = max(1, len(shuffled) // 10)
    plan = supervised.Plan(
        train_rows=np.sort(shuffled[held_out:]),
        validation_rows=np.sort(shuffled[:held_out]),
        epochs=settings["cnn_epochs"],
        batch_size=settings["cnn_batch_size"],
        learning_rate=settings["cnn_learning_rate"],
        augment=True,
        seed=seed,
        stage="baseline",
        unit=1,
        key=batch_key(settings_sha256(dict(settings)), settings_sha256(provenance.parents), f"cnn {ALGORITHM} {seed}"),
    )
    device = choose_device("auto")
    axes = axes_of(grains_paths, dataset.index.tolist())
    module = networks.build("image_regressor", {"channels": 2}, plan.rng(0)).to(device)

    def fetch(rows: np.ndarray, copies: np.ndarray) -> torch.Tensor:
        image = encode_axes(axes[rows], CNN_ENCODING)
        for copy, symmetry in enumerate(SYMMETRIES):
            if (copies == copy).any():
                image[copies == copy] = transform_image(image[copies == copy], CNN_ENCODING, symmetry)
        return torch.from_numpy(image).contiguous(memory_format=torch.channels_last).to(device)

    trained = supervised.fit(module, fetch, targets, plan, checkpoint_path, log)
    networks.set_flat(module, trained.parameter)
    mean, spread = targets.scaling(plan.train_rows)
    rows = np.arange(len(dataset.index))
    predicted = supervised.predict(module, fetch, rows, supervised.COPIES, batch_size=64).mean(1) * spread + mean
    unseen = plan.validation_rows
    log.info("best epoch %d of %d", trained.best_epoch, plan.epochs)
    backend = f"convolutional network, {describe(device)}"
    return _Result(predicted, dataset.anchor[unseen] - predicted[unseen], dataset.anchor_exists[unseen], backend)
