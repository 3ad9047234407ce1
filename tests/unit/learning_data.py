"""A small labelled data set with a target that a network can learn: no micromagnetics involved."""

import logging

import numpy as np

from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.provenance import Provenance
from lodestone.microstructure import voronoi

STRUCTURES = {"cells": 32, "grain_count_min": 4, "grain_count_max": 12, "max_misorientation_deg": 180.0}
AUTOENCODER = {
    "structures": 24,
    "validation_structures": 8,
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "kl_weight": 1e-4,
    "fresh_structures": True,
    "device": "cpu",
    "mixed_precision": False,
}
REGRESSOR = {
    "folds": 4,
    "max_epochs": 6,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "ensemble": 2,
    "symmetry_augmentation": True,
    "coverage_level": 0.9,
    "device": "cpu",
}
BASELINES = {"cnn_epochs": 8, "cnn_batch_size": 16, "cnn_learning_rate": 3e-3}
LOG = logging.getLogger("test")
SEED = 11


def provenance():
    return Provenance(backend="test", seed=SEED, config_sha256="0" * 64)


def make_grains(start, stop):
    drawn = voronoi.batch(SEED, "labelled_structures", start, stop, STRUCTURES)
    return Grains(**vars(drawn), cell_size_nm=[2.0, 2.0, 36000.0], provenance=provenance())


def make_dataset(count=96, test=24):
    """Targets are averages over the cells; H_k70 does not exist for every fourth structure."""
    drawn = voronoi.batch(SEED, "labelled_structures", 0, count, STRUCTURES)
    cosine = np.stack([np.cos(drawn.axis_angle_rad(i)) ** 2 for i in range(count)]).mean((1, 2))
    anchor = np.stack([cosine, 0.5 + 0.5 * cosine, cosine**2, 0.1 + cosine, 1 - cosine, 0.3 + 0.2 * cosine], axis=1)
    exists = np.ones((count, 6), np.uint8)
    exists[::4, 4] = 0
    anchor[exists == 0] = 0.0
    return HysteresisDataset(
        index=drawn.index,
        anchor=anchor,
        anchor_exists=exists,
        split=(np.arange(count) >= count - test).astype(np.uint8),
        grain_count=drawn.grain_count,
        max_misorientation_rad=drawn.max_misorientation_rad,
        field_T=np.array([1.0, 0.0, -1.0]),
        magnetisation=np.zeros((count, 3)),
        status=np.zeros(count, np.uint8),
        provenance=provenance(),
    )
