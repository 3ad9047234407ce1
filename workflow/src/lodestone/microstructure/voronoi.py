"""Voronoi grain structures, generated on the fly.

A structure is a set of seed points, uniform in the square, with one easy-axis angle per seed; each cell of a
square grid belongs to the grain of its nearest seed (Kovacs et al., section 2.2). Structure `i` of a stage is
drawn from its own random stream, so it does not depend on how structures are batched or on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numba import njit

from lodestone.random import stream

Settings = Mapping[str, Any]
COARSE, BLOCK = 32, 8  # cells along the edge of the blocks that share one list of candidate seeds


@dataclass(frozen=True)
class Sample:
    """The continuous description of one structure.

    Attributes
    ----------
    seed_xy : array (grain, 2), float64
        Seed points in the unit square, x along columns and y along rows.
    grain_angle_rad : array (grain,), float64
        Angle of the easy axis from +y, positive towards +x.
    max_misorientation_rad : float
        The bound theta of the angles; its sign is drawn but has no effect.
    """

    seed_xy: np.ndarray
    grain_angle_rad: np.ndarray
    max_misorientation_rad: float


@dataclass(frozen=True)
class Structures:
    """Structures of one batch; the fields are those of the `grains` artifact.

    Attributes
    ----------
    index : array (structure,), int64
        Index of the random stream of each structure.
    grain_label : array (structure, ny, nx), uint16
        Grain of each cell; rows run along +y.
    grain_offset : array (structure + 1,), int64
        Grains of structure `i` are ``grain_offset[i]:grain_offset[i + 1]`` of `grain_angle_rad`.
    grain_angle_rad : array (grain,), float64
        Easy-axis angles of all grains.
    grain_count : array (structure,), int32
        Number of seeds.
    max_misorientation_rad : array (structure,), float64
        Bound theta of the angles of each structure.
    """

    index: np.ndarray
    grain_label: np.ndarray
    grain_offset: np.ndarray
    grain_angle_rad: np.ndarray
    grain_count: np.ndarray
    max_misorientation_rad: np.ndarray

    def axis_angle_rad(self, i: int) -> np.ndarray:
        """Return the easy-axis angle of every cell of structure `i` as float32 (ny, nx), in radians."""
        angles = self.grain_angle_rad[self.grain_offset[i] : self.grain_offset[i + 1]]
        return angles.astype(np.float32)[self.grain_label[i]]


@njit(cache=True, nogil=True)
def _candidates(seed_xy, among, box, found):
    """Keep, of the seeds `among`, those that can be nearest to a point of the box (x0, x1, y0, y1)."""
    x0, x1, y0, y1 = box
    bound = np.inf
    for s in among:
        dx = max(abs(seed_xy[s, 0] - x0), abs(seed_xy[s, 0] - x1))
        dy = max(abs(seed_xy[s, 1] - y0), abs(seed_xy[s, 1] - y1))
        bound = min(bound, dx * dx + dy * dy)
    bound *= 1.0 + 1e-12  # rounding must not drop the nearest seed
    n = 0
    for s in among:
        dx = max(x0 - seed_xy[s, 0], 0.0, seed_xy[s, 0] - x1)
        dy = max(y0 - seed_xy[s, 1], 0.0, seed_xy[s, 1] - y1)
        found[n] = s
        if dx * dx + dy * dy <= bound:
            n += 1
    return found[:n]


@njit(cache=True, nogil=True)
def _fill_block(seed_xy, nearby, first_row, first_column, label):
    """Write the nearest of the seeds `nearby` for every cell of one block; the lower seed number wins a tie."""
    ny, nx = label.shape
    width = min(BLOCK, nx - first_column)
    x = (np.arange(first_column, first_column + width) + 0.5) / nx
    best = np.empty(BLOCK, np.float64)
    nearest = np.empty(BLOCK, np.int64)
    for i in range(first_row, min(first_row + BLOCK, ny)):
        best[:] = np.inf
        nearest[:] = 0
        for s in nearby:
            dy = seed_xy[s, 1] - (i + 0.5) / ny
            dy2 = dy * dy
            for k in range(width):  # seeds outside, cells inside: this loop is compiled to vector selects
                dx = seed_xy[s, 0] - x[k]
                distance = dx * dx + dy2
                closer = distance < best[k]
                best[k] = distance if closer else best[k]
                nearest[k] = s if closer else nearest[k]
        for k in range(width):
            label[i, first_column + k] = nearest[k]


@njit(cache=True, nogil=True)
def _fill_labels(seed_xy, label):
    """Write the nearest seed of every cell centre, going from coarse blocks to fine ones."""
    ny, nx = label.shape
    everyone = np.arange(seed_xy.shape[0])
    coarse = np.empty_like(everyone)
    fine = np.empty_like(everyone)
    for row in range(0, ny, COARSE):
        row_end = min(row + COARSE, ny)
        for column in range(0, nx, COARSE):
            column_end = min(column + COARSE, nx)
            box = ((column + 0.5) / nx, (column_end - 0.5) / nx, (row + 0.5) / ny, (row_end - 0.5) / ny)
            around = _candidates(seed_xy, everyone, box, coarse)
            for i in range(row, row_end, BLOCK):
                for j in range(column, column_end, BLOCK):
                    right, top = min(j + BLOCK, nx), min(i + BLOCK, ny)
                    box = ((j + 0.5) / nx, (right - 0.5) / nx, (i + 0.5) / ny, (top - 0.5) / ny)
                    _fill_block(seed_xy, _candidates(seed_xy, around, box, fine), i, j, label)


@njit(cache=True, nogil=True)
def _gather(value, label, image):
    """Write ``image[c, i, j] = value[c, label[i, j]]``."""
    for c in range(image.shape[0]):
        grain_value = value[c]
        for i in range(label.shape[0]):
            for j in range(label.shape[1]):
                image[c, i, j] = grain_value[label[i, j]]


def label_cells(seed_xy: np.ndarray, cells: int) -> np.ndarray:
    """Assign every cell of a square grid to its nearest seed.

    Parameters
    ----------
    seed_xy : array (grain, 2)
        Seed points in the unit square.
    cells : int
        Number of cells along an edge.

    Returns
    -------
    array (cells, cells), uint16
        Seed number of each cell, rows along +y.

    Raises
    ------
    ValueError
        If there is no seed or more than 65,535 of them.
    """
    if not 1 <= len(seed_xy) <= np.iinfo(np.uint16).max:
        raise ValueError(f"seed_xy: found {len(seed_xy)} seeds, allowed are 1 to {np.iinfo(np.uint16).max}")
    label = np.empty((cells, cells), np.uint16)
    _fill_labels(np.ascontiguousarray(seed_xy, np.float64), label)
    return label


def draw_sample(rng: np.random.Generator, settings: Settings) -> Sample:
    """Draw seeds and easy axes of one structure.

    The number of grains is uniform in [grain_count_min, grain_count_max], theta uniform in
    [-max_misorientation, max_misorientation], the angles uniform in [-|theta|, |theta|].
    """
    count = int(rng.integers(settings["grain_count_min"], settings["grain_count_max"] + 1))
    limit = np.deg2rad(float(settings["max_misorientation_deg"]))
    theta = float(rng.uniform(-limit, limit))
    return sample_with(rng, count, theta)


def sample_with(rng: np.random.Generator, grain_count: int, max_misorientation_rad: float) -> Sample:
    """Draw seeds and easy axes for a given number of grains and a given bound of their angles."""
    seed_xy = rng.random((grain_count, 2))
    bound = abs(max_misorientation_rad)
    return Sample(seed_xy, rng.uniform(-bound, bound, grain_count), max_misorientation_rad)


def sample_structure(rng: np.random.Generator, settings: Settings) -> tuple[np.ndarray, np.ndarray, float]:
    """Draw one structure: labels (ny, nx) uint16, angles (grain,) in rad, and theta in rad."""
    sample = draw_sample(rng, settings)
    return label_cells(sample.seed_xy, settings["cells"]), sample.grain_angle_rad, sample.max_misorientation_rad


def batch(seed: int, stage: str, start: int, stop: int, settings: Settings, threads: int = 1) -> Structures:
    """Generate the structures `start` to `stop` (exclusive) of a stage.

    Parameters
    ----------
    seed, stage : int, str
        Select the random streams (see `lodestone.random`).
    settings : mapping
        Keys `cells`, `grain_count_min`, `grain_count_max` and `max_misorientation_deg`.
    threads : int
        Threads to use; they change nothing in the result.
    """
    cells = settings["cells"]
    label = np.empty((stop - start, cells, cells), np.uint16)

    def build(i: int) -> Sample:
        sample = draw_sample(stream(seed, stage, start + i), settings)
        _fill_labels(sample.seed_xy, label[i])
        return sample

    samples = list(_map(build, range(stop - start), threads))
    count = np.array([len(s.grain_angle_rad) for s in samples], np.int32)
    return Structures(
        index=np.arange(start, stop, dtype=np.int64),
        grain_label=label,
        grain_offset=np.concatenate([[0], np.cumsum(count, dtype=np.int64)]).astype(np.int64),
        grain_angle_rad=np.concatenate([s.grain_angle_rad for s in samples]) if samples else np.empty(0),
        grain_count=count,
        max_misorientation_rad=np.array([s.max_misorientation_rad for s in samples], np.float64),
    )


def images(
    seed: int,
    stage: str,
    indices: Sequence[int] | np.ndarray,
    settings: Settings,
    grain_channels: Callable[[np.ndarray], np.ndarray],
    threads: int = 1,
) -> np.ndarray:
    """Generate structures straight as images, without keeping labels.

    Parameters
    ----------
    indices : sequence of int
        Random-stream index of each structure wanted.
    grain_channels : callable
        Maps angles (grain,) in rad to channel values (channel, grain); costs per grain, not per cell.

    Returns
    -------
    array (structure, channel, ny, nx), float32
    """
    cells = settings["cells"]
    channels = len(grain_channels(np.zeros(1)))
    image = np.empty((len(indices), channels, cells, cells), np.float32)

    def build(item: tuple[int, Any]) -> None:
        position, index = item
        sample = draw_sample(stream(seed, stage, int(index)), settings)
        label = np.empty((cells, cells), np.uint16)
        _fill_labels(sample.seed_xy, label)
        value = np.ascontiguousarray(grain_channels(sample.grain_angle_rad), np.float32)
        _gather(value, label, image[position])

    for _ in _map(build, list(enumerate(indices)), threads):
        pass
    return image


def image_batches(
    seed: int,
    stage: str,
    indices: Sequence[int] | np.ndarray,
    settings: Settings,
    grain_channels: Callable[[np.ndarray], np.ndarray],
    batch_size: int,
    threads: int = 1,
) -> Iterator[np.ndarray]:
    """Yield `images` in batches; one batch is in memory at a time."""
    for first in range(0, len(indices), batch_size):
        yield images(seed, stage, indices[first : first + batch_size], settings, grain_channels, threads)


def _map(function: Callable[[Any], Any], items: Sequence[Any], threads: int) -> Iterator[Any]:
    """Map in order; the compiled kernels release the interpreter lock, so threads run side by side."""
    if threads <= 1 or len(items) < 2:
        yield from map(function, items)
        return
    chunk = -(-len(items) // threads)
    with ThreadPoolExecutor(threads) as pool:
        parts = [items[first : first + chunk] for first in range(0, len(items), chunk)]
        for part in pool.map(lambda f, xs: [f(x) for x in xs], repeat(function), parts):
            yield from part
