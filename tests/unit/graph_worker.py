"""Trains a force field and kills itself after some epochs: ``graph_worker.py CHECKPOINT EPOCHS``."""

import logging
import os
import signal
import sys

from graph_crystals import PROVENANCE, labelled, tiny

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.graph_models.training import TrainingSettings, pretrain_force_field


def train(checkpoint):
    settings = TrainingSettings(epochs=4, batch_size=4, validation_fraction=0.25, device="cpu")
    return pretrain_force_field(
        labelled(12), tiny(hidden=8), settings, seed=3, checkpoint_path=checkpoint, log=logging.getLogger("test"),
        provenance=PROVENANCE,
    )  # fmt: skip


def kill_after(saves):
    """Kill this process, without any warning, once the state was saved so often."""
    save, count = Checkpoint.save, [0]

    def counted(self, arrays):
        save(self, arrays)
        count[0] += 1
        if count[0] == saves:
            os.kill(os.getpid(), signal.SIGKILL)

    Checkpoint.save = counted


if __name__ == "__main__":
    kill_after(int(sys.argv[2]))
    train(sys.argv[1])
