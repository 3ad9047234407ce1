"""What a sceptic would compute from a grain structure by hand: grain sizes and misorientations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lodestone.artifacts.grains import Grains

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
NAMES = (
    "grain count",
    "mean grain area",
    "area-weighted grain area",
    "mean misorientation",
    "standard deviation of misorientation",
    "mean of |cos phi|",
    "mean of cos^2 phi",
    "mean of cos 2 phi",
    "|mean of sin 2 phi|",
    *(f"misorientation quantile {q}" for q in QUANTILES),
)


def structure_statistics(area: np.ndarray, angle_rad: np.ndarray) -> np.ndarray:
    """Return the statistics named in `NAMES` of one structure.

    Parameters
    ----------
    area : array (grain,)
        Part of the structure that each grain covers; grains that cover nothing are left out.
    angle_rad : array (grain,)
        Angle of the easy axis from the field direction. The misorientation is that of the axis, in [0, pi/2].

    Returns
    -------
    array (len(NAMES),), float64
        Averages over grains are weighted by area.
    """
    seen = area > 0
    weight, angle = area[seen] / area[seen].sum(), angle_rad[seen]
    misorientation = np.abs((angle + np.pi / 2) % np.pi - np.pi / 2)
    mean = float(weight @ misorientation)
    order = np.argsort(misorientation)
    cumulative = np.cumsum(weight[order])
    position = np.minimum(np.searchsorted(cumulative, QUANTILES), len(order) - 1)
    return np.array(
        [
            len(weight),
            1 / len(weight),
            float(weight @ weight),
            mean,
            np.sqrt(weight @ (misorientation - mean) ** 2),
            weight @ np.abs(np.cos(angle)),
            weight @ np.cos(angle) ** 2,
            weight @ np.cos(2 * angle),
            abs(weight @ np.sin(2 * angle)),
            *misorientation[order][position],
        ]
    )


def dataset_statistics(grains_paths: Sequence[str | Path], indices: np.ndarray) -> np.ndarray:
    """Return the statistics (structure, len(NAMES)) of the structures with the given indices, in that order.

    Raises
    ------
    ValueError
        If a structure is in none of the files.
    """
    found: dict[int, np.ndarray] = {}
    for path in grains_paths:
        for part in Grains.stream(path, chunk=64):
            for row, index in enumerate(part.index):
                angle = part.grain_angle_rad[part.grain_offset[row] : part.grain_offset[row + 1]]
                area = np.bincount(part.grain_label[row].ravel(), minlength=len(angle)) / part.grain_label[row].size
                found[int(index)] = structure_statistics(area, angle)
    missing = [int(i) for i in indices if int(i) not in found]
    if missing:
        raise ValueError(f"structures: found no structure {missing[0]} in {len(grains_paths)} files, expected it there")
    return np.stack([found[int(i)] for i in indices])
