"""Predictions of the regressor ensemble, with intervals that hold what they promise.

The interval of anchor point j of structure i is ``prediction +- q_j * u_ij`` with ``u = sqrt(s^2 + s0^2)``: `s` is the
standard deviation over the four symmetric copies, which should agree and do not quite, and `s0` a constant, the
root-mean-square of the out-of-fold residuals. `q_j` is the conformal quantile of the out-of-fold ``|residual| / u`` of
the training structures (normalised split conformal prediction, cross-validated: Vovk 2015), so that the interval
contains the computed value for at least about `coverage_level` of new structures of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.provenance import Provenance
from lodestone.loop_learning import regressor


@dataclass(frozen=True)
class Calibration:
    """Width of the intervals.

    Attributes
    ----------
    quantile : array (anchor,)
        Conformal quantile of the normalised residuals.
    floor : array (anchor,)
        Constant part of the scale, in units of the anchor point.
    """

    quantile: np.ndarray
    floor: np.ndarray

    def half_width(self, spread: np.ndarray) -> np.ndarray:
        """Return the half width of the intervals for a spread over symmetric copies, (..., anchor)."""
        return self.quantile * np.sqrt(spread**2 + self.floor**2)


@dataclass(frozen=True)
class Estimate:
    """Ensemble prediction of some structures, each field (row, anchor)."""

    predicted: np.ndarray
    spread: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def calibrate(fold_predictions: Sequence[Predictions], level: float) -> Calibration:
    """Determine the width of the intervals from out-of-fold predictions."""
    residual = np.concatenate([p.target - p.predicted for p in fold_predictions])
    spread = np.concatenate([p.spread for p in fold_predictions])
    exists = np.concatenate([p.target_exists for p in fold_predictions])
    return calibrate_residuals(residual, spread, exists, level)


def calibrate_residuals(residual: np.ndarray, spread: np.ndarray, exists: np.ndarray, level: float) -> Calibration:
    """Determine the width of the intervals from residuals of structures that the model did not train on.

    Parameters
    ----------
    residual, spread, exists : array (row, anchor)
        An anchor point without any computed value gets an interval of width zero.
    level : float
        Part of the computed values that the intervals should contain.
    """
    anchors = residual.shape[1]
    quantile, floor = np.zeros(anchors), np.zeros(anchors)
    for j in range(anchors):
        mask = exists[:, j].astype(bool)
        r, s = np.abs(residual[mask, j]), spread[mask, j]
        if len(r):
            floor[j] = max(math.sqrt(float((r**2).mean())), 1e-12)
            quantile[j] = conformal_quantile(r / np.sqrt(s**2 + floor[j] ** 2), level)
    return Calibration(quantile, floor)


def conformal_quantile(score: np.ndarray, level: float) -> float:
    """Return the ``ceil((n + 1) level)``-th smallest score; the largest if there are too few of them."""
    rank = min(math.ceil((len(score) + 1) * level), len(score))
    return float(np.sort(score)[rank - 1])


def estimate(members: Sequence[Network], code: np.ndarray, calibration: Calibration) -> Estimate:
    """Predict codes (row, symmetry, latent) with all members, averaged over the copies that they were trained on."""
    output = regressor.predict_codes(members, code)
    copies = output[:, :, : regressor.copies_of(members)]
    predicted = copies.mean((0, 2))
    asymmetry = np.sqrt(output.var(axis=2).mean(0))
    half = calibration.half_width(asymmetry)
    return Estimate(predicted, copies.mean(2).std(0), predicted - half, predicted + half)


def predict(
    codes: LatentCodes,
    dataset: HysteresisDataset,
    members: Sequence[Network],
    fold_predictions: Sequence[Predictions],
    settings: Mapping[str, Any],
    *,
    provenance: Provenance,
) -> Predictions:
    """Predict the anchor points of all labelled structures, training and test.

    Parameters
    ----------
    settings : mapping
        Section `regressor` of the config.
    """
    calibration = calibrate(fold_predictions, settings["coverage_level"])
    code = codes.code[regressor.rows_of(codes, dataset)]
    found = estimate(members, code, calibration)
    return Predictions(
        index=dataset.index,
        split=dataset.split,
        target=dataset.anchor,
        target_exists=dataset.anchor_exists,
        predicted=found.predicted,
        spread=found.spread,
        lower=found.lower,
        upper=found.upper,
        model=f"ensemble of {len(members)} regressors",
        encoding=codes.encoding,
        coverage_level=settings["coverage_level"],
        provenance=provenance,
    )
