"""Where a network trains, and structures drawn straight on that device."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any

# Must stand before the first allocation: with huge pages, activations of tens of MB are mapped in a few faults.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import numpy as np
import torch
from torch import Tensor

from lodestone.loop_learning.encodings import channels_of, encode_angles
from lodestone.microstructure import voronoi
from lodestone.random import stream

DEVICE_CHUNK = 16  # structures labelled at once on a device: 256 seeds x 160 x 160 distances each, 0.9 GB in all


def choose_device(setting: str) -> torch.device:
    """Return the device for ``auto`` (a GPU if there is one), ``cpu`` or ``gpu``.

    Raises
    ------
    ValueError
        If a GPU is asked for and there is none, or the setting is unknown.
    """
    if setting not in ("auto", "cpu", "gpu"):
        raise ValueError(f"device: found {setting!r}, allowed are auto, cpu, gpu")
    if setting == "gpu" and not torch.cuda.is_available():
        raise ValueError("device: found 'gpu', but this machine offers none; allowed here are auto and cpu")
    return torch.device("cuda" if setting != "cpu" and torch.cuda.is_available() else "cpu")


def describe(device: torch.device, mixed_precision: bool = False) -> str:
    """Return words for the report: what trained the network, and in which precision."""
    if device.type == "cpu":
        return "CPU, single precision"
    return f"{torch.cuda.get_device_name(device)}, {'bfloat16 products' if mixed_precision else 'single precision'}"


def precision(device: torch.device, mixed_precision: bool) -> AbstractContextManager[Any]:
    """Return the context of a forward pass: bfloat16 products on a GPU if asked for, else single precision."""
    if mixed_precision and device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def images_on_device(samples: Sequence[voronoi.Sample], cells: int, encoding: str, device: torch.device) -> Tensor:
    """Label and encode structures on a device by comparing every cell with every seed.

    Gives the same labels as `voronoi.label_cells`, which is faster on a CPU.

    Returns
    -------
    Tensor (structure, channel, cells, cells), float32
    """
    image = torch.empty(len(samples), channels_of(encoding), cells, cells, device=device)
    centre = (torch.arange(cells, dtype=torch.float64, device=device) + 0.5) / cells
    for first in range(0, len(samples), DEVICE_CHUNK):
        part = samples[first : first + DEVICE_CHUNK]
        most = max(len(s.grain_angle_rad) for s in part)
        seeds = np.full((len(part), most, 2), 10.0)  # padding lies far outside the unit square
        values = np.zeros((len(part), channels_of(encoding), most), np.float32)
        for k, sample in enumerate(part):
            seeds[k, : len(sample.seed_xy)] = sample.seed_xy
            values[k, :, : len(sample.seed_xy)] = encode_angles(sample.grain_angle_rad, encoding)
        seed_xy = torch.tensor(seeds, device=device)
        dx2 = (seed_xy[:, :, None, 0] - centre).square()
        dy2 = (seed_xy[:, :, None, 1] - centre).square()
        label = (dx2[:, :, None, :] + dy2[:, :, :, None]).argmin(1).flatten(1)
        value = torch.tensor(values, device=device)
        wanted = label[:, None].expand(-1, value.shape[1], -1)
        image[first : first + len(part)] = value.gather(2, wanted).unflatten(2, (cells, cells))
    return image


def image_stream(
    seed: int,
    stage: str,
    batches: Sequence[np.ndarray],
    settings: voronoi.Settings,
    encoding: str,
    device: torch.device,
    threads: int,
) -> Iterator[Tensor]:
    """Yield the images of batches of structure indices; the next batch is drawn while one is in use."""

    def draw(indices: np.ndarray) -> Tensor:
        if device.type == "cpu":
            image = voronoi.images(seed, stage, indices, settings, lambda a: encode_angles(a, encoding), threads)
            return torch.from_numpy(image).contiguous(memory_format=torch.channels_last)
        samples = [voronoi.draw_sample(stream(seed, stage, int(i)), settings) for i in indices]
        return images_on_device(samples, settings["cells"], encoding, device)

    if not len(batches):
        return
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(draw, batches[0])
        for following in batches[1:]:
            image = ahead.result()
            ahead = pool.submit(draw, following)
            yield image
        yield ahead.result()
