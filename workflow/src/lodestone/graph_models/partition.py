"""Which crystals are learned from, which are tested on, and the folds of the former."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.samples import Samples, folds_of, split_groups

STAGE = "transfer"
SPLIT, FOLDS, BOOTSTRAP, SKETCH, TRAINING = range(5)  # random streams of the stage


@dataclass(frozen=True)
class Partition:
    """Split by groups; the test crystals cover the range of compositions (mean atomic numbers).

    Attributes
    ----------
    train_rows, test_rows : ndarray of int
    fold : ndarray of int, (train crystal,)
        Fold of each of `train_rows`.
    """

    train_rows: NDArray[np.int64]
    test_rows: NDArray[np.int64]
    fold: NDArray[np.int64]

    @classmethod
    def of(cls, samples: Samples, test_fraction: float, folds: int, seed: int) -> Self:
        """Split samples; raises `ModelError` if too few groups are left to learn from."""
        usable = np.flatnonzero(samples.exists.any(1) | samples.has_forces)
        first = usable[samples.first_set[usable]]
        heaviness = samples.composition @ np.arange(samples.composition.shape[1], dtype=float)
        train, test = split_groups(samples.group, first, test_fraction, seed, STAGE, SPLIT, strata=heaviness)
        train = np.sort(np.concatenate([train, usable[~samples.first_set[usable]]]))
        groups = len(np.unique(samples.group[train]))
        if groups < 2 or not len(test):
            found = f"{len(usable)} crystals in {len(np.unique(samples.group[usable]))} groups"
            raise ModelError("labels to learn from", found, "three groups at least: two to learn from, one to test on")
        return cls(train, test, folds_of(samples.group, train, folds, seed, STAGE, FOLDS))

    @property
    def folds(self) -> NDArray[np.int64]:
        """Numbers of the folds."""
        return np.unique(self.fold)
