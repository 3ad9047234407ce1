"""Training of networks that map structures to anchor points: the regressor and the convolutional baseline.

What is validated and kept is the running average of the parameters over the last epochs: at a constant learning rate
they wander about a minimum, and the error of a single epoch says more about that walk than about the number of epochs
that cross-validation is to find.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.logs import Progress
from lodestone.loop_learning.optimiser import Nadam
from lodestone.random import stream

COPIES = 4  # symmetry-equivalent copies of a structure
SAVE_INTERVAL_S = 30.0
AVERAGED_EPOCHS = 5.0  # memory of the running average
EPOCH_STREAMS = 1_000_000  # random streams set aside for each training run
Fetch = Callable[[np.ndarray, np.ndarray], Tensor]  # rows and copies, both (n,), to network inputs


@dataclass(frozen=True)
class Targets:
    """Anchor points of the labelled structures: values (loop, anchor) and which of them exist."""

    value: np.ndarray
    exists: np.ndarray

    def scaling(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation (anchor,) over the existing values of the given rows.

        An anchor point that no row has is scaled by one; one that never varies likewise.
        """
        exists = self.exists[rows].astype(bool)
        count = np.maximum(exists.sum(0), 1)
        mean = np.where(exists, self.value[rows], 0.0).sum(0) / count
        spread = np.sqrt(np.where(exists, (self.value[rows] - mean) ** 2, 0.0).sum(0) / count)
        return mean, np.where(spread > 1e-12, spread, 1.0)


@dataclass(frozen=True)
class Plan:
    """What a training run does.

    Attributes
    ----------
    train_rows, validation_rows : array (n,)
        Rows of the data set; symmetric copies of a row stay with it. Validation may be empty.
    epochs, batch_size : int
    learning_rate : float
    augment : bool
        Take a random one of the four symmetric copies at every visit, and validate on the mean over all four.
    seed, stage, unit
        Random streams `unit * EPOCH_STREAMS + epoch` of the stage.
    key : str
        Hash of everything that the training depends on, for the checkpoint.
    """

    train_rows: np.ndarray
    validation_rows: np.ndarray
    epochs: int
    batch_size: int
    learning_rate: float
    augment: bool
    seed: int
    stage: str
    unit: int
    key: str

    def rng(self, epoch: int) -> np.random.Generator:
        """Return the random stream of an epoch, counted from 1; 0 initialises the network."""
        return stream(self.seed, self.stage, self.unit * EPOCH_STREAMS + epoch)


@dataclass(frozen=True)
class Trained:
    """Losses of every epoch, in units of the targets' variances, and the flat parameters of the best epoch."""

    parameter: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    best_epoch: int


def predict(module: nn.Module, fetch: Fetch, rows: np.ndarray, copies: int, batch_size: int = 256) -> np.ndarray:
    """Return the outputs for `copies` symmetric copies of some rows, (row, copy, target), float64."""
    parts = []
    with torch.no_grad():
        for first in range(0, len(rows), batch_size):
            part = rows[first : first + batch_size]
            outputs = [module(fetch(part, np.full(len(part), c))).double().cpu().numpy() for c in range(copies)]
            parts.append(np.stack(outputs, axis=1))
    return np.concatenate(parts)


def masked_error(output: np.ndarray, target: np.ndarray, exists: np.ndarray) -> float:
    """Return the mean squared error over existing targets."""
    return float((exists * (output - target) ** 2).sum() / max(exists.sum(), 1))


def fit(
    module: nn.Module, fetch: Fetch, targets: Targets, plan: Plan, checkpoint_path: str | Path, log: logging.Logger
) -> Trained:
    """Train a network on standardised targets with Nadam, resuming from the checkpoint if there is one.

    Without validation rows the last epoch is the best.
    """
    return _Fit(module, fetch, targets, plan, log).run(Checkpoint(checkpoint_path, plan.key, log=log))


class _Fit:
    """State of one training run."""

    def __init__(self, module: nn.Module, fetch: Fetch, targets: Targets, plan: Plan, log: logging.Logger) -> None:
        self.module, self.fetch, self.plan, self.log = module, fetch, plan, log
        mean, spread = targets.scaling(plan.train_rows)
        self.exists = targets.exists.astype(np.float64)
        self.target = (targets.value - mean) / spread * self.exists
        self.optimiser = Nadam(module, torch.get_num_threads())
        self.average = self.optimiser.values.clone()
        self.device = self.optimiser.values.device
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.best = self.optimiser.values.cpu().numpy().copy()

    def run(self, checkpoint: Checkpoint) -> Trained:
        self.resume(checkpoint.load())
        saved = time.monotonic()
        progress = Progress(self.plan.epochs, "epochs", self.log, done=len(self.train_loss))
        for epoch in range(len(self.train_loss) + 1, self.plan.epochs + 1):
            self.train_loss.append(self.train_epoch(self.plan.rng(epoch)))
            if len(self.plan.validation_rows):
                self.validation_loss.append(self.validate())
            if not self.validation_loss or self.validation_loss[-1] <= min(self.validation_loss):
                self.best = self.average.cpu().numpy().copy()
            if time.monotonic() - saved > SAVE_INTERVAL_S:
                checkpoint.save(self.state())
                saved = time.monotonic()
            progress.update(1)
        best = int(np.argmin(self.validation_loss)) + 1 if self.validation_loss else len(self.train_loss)
        return Trained(self.best, np.array(self.train_loss), np.array(self.validation_loss), best)

    def resume(self, state: Mapping[str, Any] | None) -> None:
        if state is None:
            return
        self.optimiser.restore(dict(state))
        self.best = state["best"]
        self.average.copy_(torch.from_numpy(state["average"]))
        self.train_loss, self.validation_loss = state["train_loss"].tolist(), state["validation_loss"].tolist()
        self.log.info("resumed after epoch %d", len(self.train_loss))

    def state(self) -> dict[str, np.ndarray]:
        losses = {"train_loss": np.array(self.train_loss), "validation_loss": np.array(self.validation_loss)}
        return self.optimiser.state() | losses | {"best": self.best, "average": self.average.cpu().numpy()}

    def train_epoch(self, rng: np.random.Generator) -> float:
        rows = rng.permutation(self.plan.train_rows)
        copies = rng.integers(COPIES if self.plan.augment else 1, size=len(rows))
        total = torch.zeros((), device=self.device)
        for first in range(0, len(rows), self.plan.batch_size):
            part = slice(first, first + self.plan.batch_size)
            output = self.module(self.fetch(rows[part], copies[part]))
            target, exists = self.tensor(self.target[rows[part]]), self.tensor(self.exists[rows[part]])
            loss = (exists * (output - target).square()).sum() / exists.sum().clamp(min=1)
            loss.backward()
            self.optimiser.step(self.plan.learning_rate)
            self.average.lerp_(self.optimiser.values, self.average_weight(len(rows)))
            total += loss.detach() * len(rows[part])
        return float(total) / len(rows)

    def average_weight(self, rows: int) -> float:
        """Weight of the newest parameters; short memory at first, so that the start is forgotten."""
        memory = AVERAGED_EPOCHS * rows / self.plan.batch_size
        return max(1 / (1 + memory), 1 / (1 + self.optimiser.steps / 4))

    def validate(self) -> float:
        """Return the error of the averaged parameters on the validation rows."""
        rows = self.plan.validation_rows
        walking = self.optimiser.values.clone()
        self.optimiser.values.copy_(self.average)
        output = predict(self.module, self.fetch, rows, COPIES if self.plan.augment else 1).mean(1)
        self.optimiser.values.copy_(walking)
        return masked_error(output, self.target[rows], self.exists[rows])

    def tensor(self, values: np.ndarray) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device)
