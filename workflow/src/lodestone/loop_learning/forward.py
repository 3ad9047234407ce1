"""From structures to predicted anchor points in one call: encoder, ensemble and calibrated intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.loop_learning import ensemble, regressor
from lodestone.loop_learning.codes import encode_copies, load_autoencoder
from lodestone.loop_learning.encodings import encode_axes


class ForwardModel:
    """A trained autoencoder and the ensemble on its codes.

    Parameters
    ----------
    network : Network
        Autoencoder.
    members : sequence of Network
        Regressors of the same encoding.
    fold_predictions : sequence of Predictions
        Out-of-fold predictions that calibrate the intervals.
    """

    def __init__(self, network: Network, members: Sequence[Network], fold_predictions: Sequence[Predictions]) -> None:
        self.encoding = network.encoding
        wrong = [m.encoding for m in members if m.encoding != self.encoding]
        if wrong:
            raise ValueError(f"regressors: found one for {wrong[0]!r}, allowed is {self.encoding!r}")
        self.autoencoder = load_autoencoder(network)
        self.members = list(members)
        self.copies = regressor.copies_of(members)
        self.calibration = ensemble.calibrate(fold_predictions, fold_predictions[0].coverage_level)

    def encode(self, axis_angle_rad: np.ndarray) -> np.ndarray:
        """Return the codes (n, symmetry, latent) of easy-axis angles (n, ny, nx)."""
        return encode_copies(self.autoencoder, encode_axes(axis_angle_rad, self.encoding), self.encoding)

    def predict_codes(self, code: np.ndarray) -> ensemble.Estimate:
        """Predict from codes (n, symmetry, latent), averaged over the copies."""
        return ensemble.estimate(self.members, code, self.calibration)

    def outputs(self, axis_angle_rad: np.ndarray) -> np.ndarray:
        """Return the predictions of every member for every copy, (member and copy, n, anchor); they should agree."""
        output = regressor.predict_codes(self.members, self.encode(axis_angle_rad))[:, :, : self.copies]
        return np.moveaxis(output, 2, 1).reshape(-1, *output.shape[1::2])

    def predict(self, axis_angle_rad: np.ndarray) -> ensemble.Estimate:
        """Predict the anchor points of easy-axis angles (n, ny, nx)."""
        return self.predict_codes(self.encode(axis_angle_rad))
