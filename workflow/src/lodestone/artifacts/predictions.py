"""Predicted anchor points beside the computed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.dataset import ANCHOR_TEXT, ANCHORS

_POINTS = ("sample", "anchor")


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions(Artifact):
    """Predicted anchor points with their uncertainty."""

    SCHEMA: ClassVar[str] = "predictions"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"anchor": len(ANCHORS)}

    index: np.ndarray = array(("sample",), "int64", "1", "random-stream index of each structure")
    split: np.ndarray = array(("sample",), "uint8", "1", "0 training, 1 test")
    target: np.ndarray = array(_POINTS, "float64", "1", f"computed {ANCHOR_TEXT}; 0 where there is none")
    target_exists: np.ndarray = array(_POINTS, "uint8", "1", "1 where the curve has the anchor point, else 0")
    predicted: np.ndarray = array(_POINTS, "float64", "1", f"predicted {ANCHOR_TEXT}")
    spread: np.ndarray = array(_POINTS, "float64", "1", "standard deviation over the ensemble")
    lower: np.ndarray = array(_POINTS, "float64", "1", "lower end of the interval at coverage_level")
    upper: np.ndarray = array(_POINTS, "float64", "1", "upper end of the interval at coverage_level")
    model: str = attribute(str, "1", "model that predicted")
    encoding: str = attribute(str, "1", "how the easy axes were presented to the model")
    coverage_level: float = attribute(float, "1", "part of the computed values that the interval should contain")

    def check(self, where: str) -> None:
        """Intervals must be ordered and the level a probability."""
        crossed = int((self.lower > self.upper).sum())
        self.require(
            crossed == 0, where, "fields 'lower' and 'upper'", f"{crossed} crossed intervals", "lower <= upper"
        )
        level = self.coverage_level
        self.require(0 < level < 1, where, "attribute 'coverage_level'", str(level), "between 0 and 1")
