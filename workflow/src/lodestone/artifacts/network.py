"""Trained networks: parameters, architecture and the history of the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute


@dataclass(frozen=True, kw_only=True, eq=False)
class Network(Artifact):
    """Parameters of a trained network, enough to build it again."""

    SCHEMA: ClassVar[str] = "network"
    VERSION: ClassVar[int] = 1

    parameter: np.ndarray = array(("parameter",), "float32", "1", "all parameters, flattened, in state_dict order")
    train_loss: np.ndarray = array(("epoch",), "float64", "1", "mean training loss of each epoch")
    validation_loss: np.ndarray = array(
        ("validated_epoch",), "float64", "1", "validation loss of each epoch; empty for a training without validation"
    )
    architecture: dict = attribute(dict, "1", "name, arguments, and shapes: a list of [parameter name, shape]")
    encoding: str = attribute(str, "1", "how the easy axes were presented to the network")
    best_epoch: int = attribute(int, "1", "epoch, counted from 1, whose parameters these are")

    def check(self, where: str) -> None:
        """Shapes must account for every parameter."""
        shapes = self.architecture.get("shapes")
        self.require(
            isinstance(shapes, list), where, "attribute 'architecture'", str(sorted(self.architecture)), "shapes"
        )
        total = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in shapes or [])
        self.require(
            total == len(self.parameter), where, "field 'parameter'", f"{len(self.parameter)} values", str(total)
        )
        epochs = len(self.validation_loss)
        self.require(
            epochs in (0, len(self.train_loss)), where, "field 'validation_loss'", f"{epochs} epochs", "none or all"
        )
