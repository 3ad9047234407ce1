"""From computed curves to labelled samples: anchor points, and the split into training and test set."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lodestone.artifacts.base import ArtifactError, Provenance
from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.loops import Loops, Status
from lodestone.magnetism.loop_figures import anchor_points
from lodestone.magnetism.material import Material
from lodestone.random import stream


def collect(
    grains_paths: Sequence[str | Path],
    loops_paths: Sequence[str | Path],
    material: Material,
    test_count: int,
    seed: int,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> HysteresisDataset:
    """Read the anchor points off all curves and draw the test set.

    Parameters
    ----------
    grains_paths, loops_paths : sequence of path
        The `grains` and `loops` artifacts, batch by batch in the same order.
    material : Material
        Gives the anisotropy field H_A, the unit of the fields of the anchor points.
    test_count : int
        Structures kept aside for the test, drawn at random; all others are for training.
    seed : int
        Selects the random stream of the split.
    log : logging.Logger
        Told about curves that did not converge at every field.

    Raises
    ------
    ArtifactError
        If a batch of curves was not computed for the structures given with it, or for other fields than the first.
    ValueError
        If no structure would be left for training.
    """
    batches = list(_batches(grains_paths, loops_paths))
    field_T = batches[0]["field_T"]
    for path, batch in zip(loops_paths, batches, strict=True):
        if not np.array_equal(batch["field_T"], field_T):
            raise ArtifactError(path, "field 'field_T'", "other fields", f"the fields of {loops_paths[0]}")
    joined = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0] if name != "field_T"}
    points = [anchor_points(field_T, curve, material.anisotropy_field_T) for curve in joined["magnetisation"]]
    exists = np.array([there for _, there in points], np.uint8)
    unfinished = int((joined["status"] != Status.CONVERGED).sum())
    if unfinished:
        log.warning("%d of %d curves did not converge at every field; they keep their status", unfinished, len(points))
    return HysteresisDataset(
        **joined,
        field_T=field_T,
        anchor=np.where(exists, [values for values, _ in points], 0.0),
        anchor_exists=exists,
        split=draw_split(len(points), test_count, seed),
        provenance=provenance,
    )


def draw_split(count: int, test_count: int, seed: int) -> np.ndarray:
    """Return the split (sample,) as uint8, with `test_count` samples in the test set.

    Raises
    ------
    ValueError
        If no sample would be left for training.
    """
    if not 0 <= test_count < count:
        raise ValueError(f"test_count: found {test_count}, allowed are 0 to {count - 1} of {count} samples")
    split = np.full(count, Split.TRAIN, np.uint8)
    split[stream(seed, "split").permutation(count)[:test_count]] = Split.TEST
    return split


def _batches(grains_paths: Sequence[str | Path], loops_paths: Sequence[str | Path]) -> Iterator[dict[str, np.ndarray]]:
    """Yield what the data set keeps of each batch."""
    for grains_path, loops_path in zip(grains_paths, loops_paths, strict=True):
        loops = Loops.read(loops_path)
        parts = [(p.index, p.grain_count, p.max_misorientation_rad) for p in Grains.stream(grains_path)]
        index, grain_count, max_misorientation_rad = (np.concatenate(values) for values in zip(*parts, strict=True))
        if not np.array_equal(index, loops.index):
            raise ArtifactError(loops_path, "field 'index'", "other structures", f"those of {grains_path}")
        yield {
            "index": index,
            "grain_count": grain_count,
            "max_misorientation_rad": max_misorientation_rad,
            "magnetisation": loops.magnetisation,
            "status": loops.status,
            "field_T": loops.field_T,
        }
