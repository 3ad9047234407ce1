"""Training of the variational autoencoder on structures that are generated on the fly.

Loss of a batch::

    L = mean over samples, channels and cells of (x - x')^2  +  kl_weight * mean over samples and latents of KL

with ``KL = (mu^2 + sigma^2 - log sigma^2 - 1) / 2``. Both terms are means, so that `kl_weight` does not depend on the
sizes of image and code. In the usual form (sums over cells and latents, decoder variance s^2) it stands for
``kl_weight = 2 s^2 * latents / (channels * cells^2)``: 1e-3 is s = 0.16 for the paper's images.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.artifacts.hashing import settings_sha256
from lodestone.artifacts.network import Network
from lodestone.artifacts.provenance import Provenance
from lodestone.logs import Progress
from lodestone.loop_learning import devices, networks
from lodestone.loop_learning.encodings import channels_of
from lodestone.loop_learning.optimiser import Nadam
from lodestone.random import stream

ALGORITHM = 3
SAVE_INTERVAL_S = 300.0  # between two checkpoints, each of half a gigabyte
STRUCTURE_STAGE, VALIDATION_STAGE, TRAINING_STAGE = (
    "autoencoder_structures",
    "autoencoder_validation",
    "autoencoder_training",
)
Settings = Mapping[str, Any]


def loss_terms(image: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean squared error and the mean Kullback-Leibler divergence per latent."""
    error = torch.nn.functional.mse_loss(decoded.float(), image)
    mean, log_variance = mean.float(), log_variance.float()
    return error, 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).mean()


def learning_rate_at(step: int, steps: int, initial: float) -> float:
    """Return the learning rate of a step: the initial one, falling to a fiftieth along a cosine in the last third."""
    progress = max(0.0, 3 * step / steps - 2)
    return initial * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def epoch_plan(seed: int, epoch: int, settings: Settings) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the structure indices of every batch of an epoch, and one seed of the latent noise for each."""
    rng = stream(seed, TRAINING_STAGE, epoch + 1)  # stream 0 initialises the network
    count, size = settings["structures"], settings["batch_size"]
    first = epoch * count if settings["fresh_structures"] else 0
    order = first + rng.permutation(count)
    batches = [order[k : k + size] for k in range(0, count, size)]
    return batches, rng.integers(2**63, size=len(batches))


def train(
    settings: Settings,
    structure_settings: Settings,
    encoding: str,
    seed: int,
    checkpoint_path: str | Path,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> Network:
    """Train the autoencoder of one encoding, resuming from the checkpoint if there is one.

    Parameters
    ----------
    settings : mapping
        Section `autoencoder` of the config.
    structure_settings : mapping
        Section `structures` of the config.
    encoding : str
        See `lodestone.loop_learning.encodings`.
    seed : int
        Selects all random streams; on a CPU with the same number of threads (torch's setting) the result is
        reproducible to the bit, resumed or not.
    checkpoint_path : path
        Written every five minutes; the caller removes it when the result is stored.

    Returns
    -------
    Network
        Parameters of the epoch with the lowest validation loss.
    """
    return _Training(settings, structure_settings, encoding, seed, log).run(checkpoint_path, provenance)


class _Training:
    """State of one training run."""

    def __init__(
        self,
        settings: Settings,
        structure_settings: Settings,
        encoding: str,
        seed: int,
        log: logging.Logger,
    ) -> None:
        self.settings, self.structures, self.encoding = settings, structure_settings, encoding
        self.seed, self.threads, self.log = seed, torch.get_num_threads(), log
        self.device = devices.choose_device(settings["device"])
        self.backend = devices.describe(self.device, settings["mixed_precision"])
        self.arguments = {"cells": structure_settings["cells"], "channels": channels_of(encoding)}
        network = networks.build("autoencoder", self.arguments, stream(seed, TRAINING_STAGE, 0))
        self.network = network.to(self.device)
        self.optimiser = Nadam(self.network, self.threads)
        self.train_loss: list[float] = []
        self.validation_loss: list[float] = []
        self.best = self.optimiser.values.cpu().numpy().copy()
        self.batches_done, self.loss_sum = 0, torch.zeros((), device=self.device)  # of the epoch under way
        self.saved = time.monotonic()

    def run(self, checkpoint_path: str | Path, provenance: Provenance) -> Network:
        """Train to the end and return the best parameters."""
        self.checkpoint = Checkpoint(checkpoint_path, self.key(), log=self.log)
        self.resume(self.checkpoint.load())
        epochs = self.settings["epochs"]
        steps = -(-self.settings["structures"] // self.settings["batch_size"])
        done = len(self.train_loss) * steps + self.batches_done
        self.progress = Progress(epochs * steps, "batches", self.log, done=done)
        for epoch in range(len(self.train_loss), epochs):
            self.train_loss.append(self.train_epoch(epoch))
            self.validation_loss.append(self.validate())
            if self.validation_loss[-1] <= min(self.validation_loss):
                self.best = self.optimiser.values.cpu().numpy().copy()
            losses = self.train_loss[-1], self.validation_loss[-1]
            self.log.info("epoch %d of %d: loss %.5f, validation %.5f", epoch + 1, epochs, *losses)
            self.save_now_and_then()
        return Network(
            parameter=self.best,
            train_loss=np.array(self.train_loss),
            validation_loss=np.array(self.validation_loss),
            architecture={
                "name": "autoencoder",
                "arguments": self.arguments,
                "shapes": networks.shapes(self.network),
            },
            encoding=self.encoding,
            best_epoch=int(np.argmin(self.validation_loss)) + 1 if self.validation_loss else 0,
            provenance=replace(provenance, backend=f"{provenance.backend}, {self.backend}"),
        )

    def key(self) -> str:
        """Return a hash of everything that the result depends on."""
        parts = {"autoencoder": dict(self.settings), "structures": dict(self.structures)}
        return settings_sha256(parts | {"encoding": self.encoding, "seed": self.seed, "algorithm": ALGORITHM})

    def resume(self, state: dict[str, np.ndarray] | None) -> None:
        """Take over the state of a checkpoint."""
        if state is None:
            return
        self.optimiser.restore(state)
        self.best = state["best"]
        self.train_loss, self.validation_loss = state["train_loss"].tolist(), state["validation_loss"].tolist()
        self.batches_done, self.loss_sum = int(state["batches_done"]), torch.tensor(state["loss_sum"]).to(self.device)
        self.log.info("resumed after epoch %d and %d batches", len(self.train_loss), self.batches_done)

    def save_now_and_then(self) -> None:
        """Write a checkpoint if the last one is old."""
        if time.monotonic() - self.saved < SAVE_INTERVAL_S:
            return
        state = self.optimiser.state() | {
            "best": self.best,
            "train_loss": np.array(self.train_loss),
            "validation_loss": np.array(self.validation_loss),
            "batches_done": np.array(self.batches_done),
            "loss_sum": self.loss_sum.cpu().numpy(),
        }
        self.checkpoint.save(state)
        self.saved = time.monotonic()

    def train_epoch(self, epoch: int) -> float:
        """Return the mean loss of one epoch; picks up after the batches that are done already."""
        batches, noise_seeds = epoch_plan(self.seed, epoch, self.settings)
        steps = len(batches) * self.settings["epochs"]
        images = self.images(STRUCTURE_STAGE, batches[self.batches_done :])
        for k, image in enumerate(images, self.batches_done):
            generator = torch.Generator().manual_seed(int(noise_seeds[k]))  # drawn on the CPU: same for every device
            noise = torch.randn(len(image), networks.LATENT, generator=generator).to(self.device)
            loss = self.loss(image, noise)
            loss.backward()
            rate = learning_rate_at(epoch * len(batches) + k, steps, self.settings["learning_rate"])
            self.optimiser.step(rate)
            self.loss_sum += loss.detach() * len(image)
            self.batches_done = k + 1
            self.progress.update(1)
            self.save_now_and_then()
        mean = float(self.loss_sum) / self.settings["structures"]
        self.batches_done, self.loss_sum = 0, torch.zeros_like(self.loss_sum)
        return mean

    @torch.no_grad()
    def validate(self) -> float:
        """Return the loss of the validation structures, decoded from the mean code."""
        count, size = self.settings["validation_structures"], self.settings["batch_size"]
        batches = [np.arange(k, min(k + size, count)) for k in range(0, count, size)]
        total = 0.0
        for image in self.images(VALIDATION_STAGE, batches):
            total += float(self.loss(image, torch.zeros(len(image), networks.LATENT, device=self.device))) * len(image)
        return total / count

    def loss(self, image: Tensor, noise: Tensor) -> Tensor:
        with devices.precision(self.device, self.settings["mixed_precision"]):
            decoded, mean, log_variance = self.network(image, noise)
        error, divergence = loss_terms(image, decoded, mean, log_variance)
        return error + self.settings["kl_weight"] * divergence

    def images(self, stage: str, batches: list[np.ndarray]) -> Any:
        return devices.image_stream(
            self.seed, stage, batches, self.structures, self.encoding, self.device, self.threads
        )
