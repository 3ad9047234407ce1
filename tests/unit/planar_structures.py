"""Layers of grains for the tests of the in-plane solver, and what is read off their curves."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.grains import Grains
from lodestone.magnetism.material import Material

MATERIAL = Material(mu0_Ms_T=1.61, K1_J_m3=4.2e6, A_J_m=8e-12)
CELL_NM = (2.0, 2.0, 36000.0)


def labels(ny, nx, grains, rng):
    """Voronoi tessellation of (ny, nx) cells, labels counted without gaps."""
    seeds = rng.uniform(0, 1, (grains, 2)) * (ny, nx)
    centre = np.indices((ny, nx)).reshape(2, -1).T + 0.5
    nearest = np.argmin(np.sum((centre[:, None] - seeds) ** 2, axis=2), axis=1)
    return np.unique(nearest, return_inverse=True)[1].reshape(ny, nx)


def structure(ny, nx, grains, spread_deg, seed):
    """Easy-axis angle of every cell, uniform between plus and minus `spread_deg` from grain to grain."""
    rng = np.random.default_rng(seed)
    label = labels(ny, nx, grains, rng)
    return np.radians(rng.uniform(-spread_deg, spread_deg, grains))[label]


def sweep_T(steps=100):
    """Fields from +H_A to -H_A."""
    return MATERIAL.anisotropy_field_T * np.linspace(1, -1, 2 * steps + 1)


def coercive_field(field_T, magnetisation):
    """Reversed field at which the magnetisation first falls through zero."""
    k = int(np.argmax(magnetisation < 0))
    pair = slice(k - 1, k + 1)
    return -float(np.interp(0.0, -magnetisation[pair], field_T[pair]))


def away_from_jumps(magnetisation, jump=0.02):
    """Fields on both sides of which the curve moves by less than `jump`: where no reversal is under way."""
    still = np.abs(np.diff(magnetisation)) < jump
    return np.concatenate([[True], still]) & np.concatenate([still, [True]])


def batch(cells, grains_per_structure, index, seed=5):
    """Batch whose structure i depends on index[i] only."""
    drawn = [structure_of(cells, grains_per_structure, seed, int(i)) for i in index]
    counts = [len(angle) for _, angle in drawn]
    return Grains(
        index=np.asarray(index),
        grain_label=np.stack([label for label, _ in drawn]).astype(np.uint16),
        grain_offset=np.concatenate([[0], np.cumsum(counts)]),
        grain_angle_rad=np.concatenate([angle for _, angle in drawn]),
        grain_count=np.asarray(counts),
        max_misorientation_rad=np.full(len(drawn), np.pi),
        cell_size_nm=np.array(CELL_NM),
        provenance=PROVENANCE,
    )


def structure_of(cells, grains, seed, index):
    """Labels and grain angles of one structure of a batch."""
    rng = np.random.default_rng([seed, index])
    label = labels(cells, cells, grains, rng)
    return label, rng.uniform(-np.pi, np.pi, label.max() + 1)


PROVENANCE = Provenance(
    backend="a test", seed=5, config_sha256="0" * 64, parents={"structures/000.h5": "1" * 64}, algorithm_version=1
)
