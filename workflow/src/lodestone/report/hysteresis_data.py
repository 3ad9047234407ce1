"""What the hysteresis section needs, read from the artifacts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.inverse import InverseDesigns
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.material import MaterialTable
from lodestone.artifacts.morphing import Morphing
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.reconstructions import Reconstructions
from lodestone.magnetism.material import Material
from lodestone.magnetism.material_source import at_temperature, material_of
from lodestone.report.inputs import Library

INPUTS = (
    "dataset", "loops", "autoencoders", "reconstructions", "folds", "predictions", "baselines", "morphing", "designs",
)  # fmt: skip
NAMES = {
    "x_component": "x component",
    "double_angle": "double angle",
    "mean": "mean",
    "gradient_boosting": "gradient boosting",
    "cnn": "plain CNN",
}
CHANNELS = {"x_component": ("sin φ",), "double_angle": ("cos 2φ", "sin 2φ")}


@dataclass
class Health:
    """How the loops ended: one entry per loop, gathered over all batches."""

    status: np.ndarray
    max_torque: np.ndarray
    evaluations: np.ndarray
    bad_steps: int
    steps: int
    tolerance: float
    material: Mapping[str, float]


@dataclass
class Training:
    """Loss of one training per epoch, and the epoch that was kept."""

    train: np.ndarray
    validation: np.ndarray
    best_epoch: int


@dataclass
class Run:
    """All of one run of the hysteresis study, as far as it went.

    Attributes
    ----------
    config : mapping
        The section ``hysteresis`` of the configuration.
    models : dict of name to Predictions
        Encodings first, then baselines, under the names of `NAMES`.
    crystal : MaterialTable or None
        Where the material comes from, if not from numbers of the configuration.
    encodings : list of str
        Names in `models` that belong to the autoencoder with the regressor; the last one is the main one.
    """

    library: Library
    config: Mapping[str, Any]
    dataset: HysteresisDataset | None = None
    health: Health | None = None
    models: dict[str, Predictions] = field(default_factory=dict)
    encodings: list[str] = field(default_factory=list)
    autoencoders: dict[str, Training] = field(default_factory=dict)
    folds: dict[str, list[Training]] = field(default_factory=dict)
    reconstructions: dict[str, Reconstructions] = field(default_factory=dict)
    morphings: list[Morphing] = field(default_factory=list)
    designs: InverseDesigns | None = None
    crystal: MaterialTable | None = None

    @property
    def anisotropy_field_T(self) -> float:
        """Anisotropy field mu0 H_A of the material (section 2.2 of the paper)."""
        return self.material.anisotropy_field_T

    @property
    def material(self) -> Material:
        """Material of the config, or the one that it takes from electronic structure."""
        section = self.config["material"]
        if self.crystal is None:
            return material_of(section)
        return at_temperature(self.crystal, section["temperature_K"], section["fallback_K1_J_m3"])

    @property
    def main(self) -> str | None:
        """Encoding whose figures lead: the last one of the configuration, which the search uses too."""
        return self.encodings[-1] if self.encodings else None

    def reduced(self, field_T: np.ndarray) -> np.ndarray:
        """Fields over H_A."""
        return field_T / self.anisotropy_field_T


def name_of(key: str) -> str:
    """Name of an encoding or a baseline for people."""
    return NAMES.get(key, key.replace("_", " "))


def gather(library: Library, config: Mapping[str, Any]) -> Run:
    """Read all artifacts of the study; stages that were not run stay empty."""
    run = Run(library, config, dataset=library.one("dataset", HysteresisDataset), health=_health(library))
    run.crystal = library.one("hysteresis_material", MaterialTable)
    for predictions in library.each("predictions", Predictions):
        run.models[name_of(predictions.encoding)] = predictions
    run.encodings = list(run.models)
    for predictions in library.each("baselines", Predictions):
        run.models[name_of(predictions.model)] = predictions
    for network in library.each("autoencoders", Network):
        run.autoencoders[name_of(network.encoding)] = _training(network)
    for network in library.each("folds", Network):
        run.folds.setdefault(name_of(network.encoding), []).append(_training(network))
    run.reconstructions = {name_of(r.encoding): r for r in library.each("reconstructions", Reconstructions)}
    run.morphings = library.all("morphing", Morphing)
    run.designs = library.one("designs", InverseDesigns)
    return run


def _training(network: Network) -> Training:
    """Keep the losses and let the parameters go."""
    return Training(network.train_loss, network.validation_loss, network.best_epoch)


def _health(library: Library) -> Health | None:
    """Gather the ends of all loops, one batch in memory at a time."""
    parts = [
        (b.status, b.max_torque.max(axis=1), b.evaluations, int((b.step_status != 0).sum()), b.step_status.size,
         b.tolerance, b.material)
        for b in library.each("loops", Loops)
    ]  # fmt: skip
    if not parts:
        return None
    status, torque, evaluations, bad, steps, tolerance, material = zip(*parts, strict=True)
    return Health(
        np.concatenate(status), np.concatenate(torque), np.concatenate(evaluations), sum(bad), sum(steps),
        max(tolerance), material[0],
    )  # fmt: skip


@dataclass
class Errors:
    """Mean absolute error per anchor on the test set, its standard error and the number of samples."""

    mean: np.ndarray
    standard_error: np.ndarray
    count: np.ndarray


def errors_on_test(predictions: Predictions) -> Errors:
    """Average |predicted - computed| over the test samples whose curve has the anchor (the paper's Table 3)."""
    test = predictions.split == Split.TEST
    there = predictions.target_exists[test].astype(bool)
    miss = np.where(there, np.abs(predictions.predicted[test] - predictions.target[test]), 0.0)
    count = there.sum(axis=0)
    safe = np.maximum(count, 1)
    mean = miss.sum(axis=0) / safe
    variance = np.where(there, (miss - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count - 1, 1)
    missing = count == 0
    return Errors(np.where(missing, np.nan, mean), np.where(count < 2, np.nan, np.sqrt(variance / safe)), count)


@dataclass
class Coverage:
    """Share of test values inside their intervals, the 95 % range that the sample size allows, mean half width."""

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    half_width: np.ndarray


def coverage_on_test(predictions: Predictions) -> Coverage:
    """Measure the intervals on the test set; ranges by Wilson (J. Am. Stat. Assoc. 22, 209 (1927))."""
    test = predictions.split == Split.TEST
    there = predictions.target_exists[test].astype(bool)
    target, lower, upper = predictions.target[test], predictions.lower[test], predictions.upper[test]
    inside = ((target >= lower) & (target <= upper) & there).sum(axis=0)
    count = np.maximum(there.sum(axis=0), 1)
    share, z = inside / count, 1.96
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # The range contains the share itself also where rounding says otherwise, at 0 and 1.
    low, high = np.minimum(centre - reach, share), np.maximum(centre + reach, share)
    width = np.where(there, upper - lower, 0.0).sum(axis=0) / count / 2
    return Coverage(share, np.clip(low, 0, 1), np.clip(high, 0, 1), width)
