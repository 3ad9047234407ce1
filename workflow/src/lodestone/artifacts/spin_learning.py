"""Learning curves of magnetic potentials: labels asked for by the potential, and labels at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.spin_fits import QUANTITIES

STRATEGIES = ("asked", "random")
NEVER, TEST = -1, -2
_ROUND = ("strategy", "round")


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinLearning(Artifact):
    """Errors on test data against the number of labels, for both ways to choose them."""

    SCHEMA: ClassVar[str] = "spin_learning"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"quantity": len(QUANTITIES), "strategy": len(STRATEGIES)}

    label_count: np.ndarray = array(_ROUND, "int64", "1", "configurations fitted to, by strategy (asked, random)")
    test_rmse: np.ndarray = array(
        (*_ROUND, "quantity"),
        "float64",
        "1",
        "root mean square errors on the test configurations: energy per atom (meV), forces (meV / Angstrom), stresses "
        "(GPa), magnetic forces (meV / mu_B)",
        allow_nan=True,
    )
    round_of: np.ndarray = array(
        ("strategy", "configuration"),
        "int64",
        "1",
        "round in which a configuration got its label; -1 never, -2 test configuration",
    )
    magnetic_size: int = attribute(int, "1", "number of magnetic basis functions, N_psi")
    magnetic_weight: float = attribute(float, "1", "weight w_t of magnetic forces in the loss, mu_B2 / eV2")
    labels_from: str = attribute(str, "1", "what computed the labels")

    def check(self, where: str) -> None:
        """Test configurations are the same for both, and every round adds labels."""
        same = bool(((self.round_of == TEST) == (self.round_of[:1] == TEST)).all())
        self.require(same, where, "field 'round_of'", "other test configurations", "the same for every strategy")
        rising = bool((np.diff(self.label_count, axis=1) >= 0).all())
        self.require(rising, where, "field 'label_count'", "falling numbers", "numbers that do not fall")

    def labels_to_reach(self, strategy: str, quantity: str, error: float) -> float:
        """Return how many labels a strategy needs for an error, between rounds by a straight line in both logarithms.

        The lowest error so far counts; infinite if it is not reached, the first number if it was there at once.
        """
        k = STRATEGIES.index(strategy)
        errors = np.minimum.accumulate(self.test_rmse[k, :, QUANTITIES.index(quantity)])
        counts = self.label_count[k]
        reached = np.flatnonzero(errors <= error)
        if not len(reached):
            return float("inf")
        n = int(reached[0])
        if n == 0:
            return float(counts[0])
        x, y = np.log(counts[n - 1 : n + 1]), np.log(errors[n - 1 : n + 1])
        return float(np.exp(x[0] + (x[1] - x[0]) * (np.log(error) - y[0]) / (y[1] - y[0])))

    def saving(self, quantity: str) -> float:
        """Labels that random choice needs for the lowest error that both reach, over those that asking needs."""
        q = QUANTITIES.index(quantity)
        error = float(self.test_rmse[:, :, q].min(axis=1).max())
        random, asked = (self.labels_to_reach(name, quantity, error) for name in ("random", "asked"))
        return random / asked
