"""Epochs of a training: shuffling, schedule, validation, checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.losses import Loss
from lodestone.graph_models.memory import keep_freed_memory, single_threaded
from lodestone.graph_models.network import GraphNetwork
from lodestone.graph_models.optimiser import AdamW, learning_rate
from lodestone.logs import Progress
from lodestone.random import stream

EPOCH_STREAMS = 1_000_000  # random streams set aside for each training


@dataclass(frozen=True)
class Plan:
    """What a training does.

    Attributes
    ----------
    train_rows, validation_rows : ndarray of int, (n,)
        Crystals; without validation the last epoch is kept.
    names : sequence of str
        Parameters that move.
    epochs, batch_size : int
    learning_rate, weight_decay : float
    patience : int
        Epochs without a better validation after which it stops; 0 never stops.
    seed, stage, unit
        Random stream ``unit * EPOCH_STREAMS + epoch`` of the stage.
    key : str
        Hash of all that the training depends on, for the checkpoint.
    """

    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64]
    names: Sequence[str]
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    patience: int
    seed: int
    stage: str
    unit: int
    key: str

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Training crystals in the order of an epoch, counted from 1."""
        rng = stream(self.seed, self.stage, self.unit * EPOCH_STREAMS + epoch)
        return rng.permutation(self.train_rows)


@dataclass(frozen=True)
class Fitted:
    """Losses of all epochs, and the best epoch, counted from 1, whose parameters the network has."""

    train_loss: NDArray[np.float64]
    validation_loss: NDArray[np.float64]
    best_epoch: int


def fit(
    network: GraphNetwork, loss: Loss, plan: Plan, checkpoint_path: str | Path | None, log: logging.Logger
) -> Fitted:
    """Train a network in place, going on from the checkpoint if there is one.

    The state is saved after every epoch: a training that was killed ends with the same bits as one that was not.
    """
    if not len(plan.train_rows):
        raise ModelError("training", "no crystal to learn from", "one at least")
    keep_freed_memory()
    single_threaded()
    checkpoint = None if checkpoint_path is None else Checkpoint(checkpoint_path, plan.key, log=log)
    return _Fit(network, loss, plan, log).run(checkpoint)


class _Fit:
    """State of one training."""

    def __init__(self, network: GraphNetwork, loss: Loss, plan: Plan, log: logging.Logger) -> None:
        self.network, self.loss, self.plan, self.log = network, loss, plan, log
        self.optimiser = AdamW(network.module, plan.names, plan.weight_decay)
        self.per_epoch = -(-len(plan.train_rows) // plan.batch_size)
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.best = self.optimiser.values.clone()

    def run(self, checkpoint: Checkpoint | None) -> Fitted:
        self.resume(None if checkpoint is None else checkpoint.load())
        progress = Progress(self.plan.epochs, "epochs", self.log, done=len(self.train_loss))
        while len(self.train_loss) < self.plan.epochs and not self.stalled():
            self.train_loss.append(self.epoch(len(self.train_loss) + 1))
            if len(self.plan.validation_rows):
                self.validation_loss.append(self.loss.measure(self.network, self.plan.validation_rows))
            if not self.validation_loss or self.validation_loss[-1] <= min(self.validation_loss):
                self.best = self.optimiser.values.clone()
            if checkpoint is not None:
                checkpoint.save(self.state())
            progress.update(1)
        with torch.no_grad():
            self.optimiser.values.copy_(self.best)
        best = int(np.argmin(self.validation_loss)) + 1 if self.validation_loss else len(self.train_loss)
        self.log.info("epoch %d of %d kept", best, len(self.train_loss))
        return Fitted(np.array(self.train_loss), np.array(self.validation_loss), best)

    def stalled(self) -> bool:
        """Whether validation has not become better for too long."""
        if not self.plan.patience or not self.validation_loss:
            return False
        return len(self.validation_loss) - 1 - int(np.argmin(self.validation_loss)) >= self.plan.patience

    def epoch(self, number: int) -> float:
        """Train one epoch and return its mean loss."""
        rows = self.plan.order(number)
        total = 0.0
        for first in range(0, len(rows), self.plan.batch_size):
            part = rows[first : first + self.plan.batch_size]
            loss = self.loss.train(self.network, part)
            if not np.isfinite(loss):
                raise ModelError(
                    f"training, epoch {number}", f"a loss of {loss}", "a number; try a lower learning rate"
                )
            steps = self.per_epoch * self.plan.epochs
            self.optimiser.step(learning_rate(self.optimiser.steps, steps, self.plan.learning_rate))
            total += loss * len(part)
        return total / len(rows)

    def state(self) -> dict[str, np.ndarray]:
        losses = {"train_loss": np.array(self.train_loss), "validation_loss": np.array(self.validation_loss)}
        return self.optimiser.state() | losses | {"best": self.best.cpu().numpy()}

    def resume(self, state: dict[str, np.ndarray] | None) -> None:
        if state is None:
            return
        self.optimiser.restore(state)
        self.best = torch.from_numpy(state["best"].copy()).to(self.optimiser.values.device)
        self.train_loss, self.validation_loss = state["train_loss"].tolist(), state["validation_loss"].tolist()
        self.log.info("resumed after epoch %d", len(self.train_loss))
