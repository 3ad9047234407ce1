"""Structures before and after the autoencoder, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.network import Network
from lodestone.artifacts.provenance import Provenance
from lodestone.artifacts.reconstructions import Reconstructions
from lodestone.loop_learning.codes import encode_images, load_autoencoder
from lodestone.loop_learning.encodings import encode_axes
from lodestone.loop_learning.networks import Autoencoder


def axes_of(grains_paths: Sequence[str | Path], indices: Sequence[int]) -> np.ndarray:
    """Return the easy-axis angles (n, ny, nx) of the structures with the given indices, in that order.

    Raises
    ------
    ValueError
        If a structure is in none of the files.
    """
    found: dict[int, np.ndarray] = {}
    wanted = {int(i) for i in indices}
    for path in grains_paths:
        for part in Grains.stream(path, chunk=64):
            for row in np.flatnonzero(np.isin(part.index, list(wanted))):
                found[int(part.index[row])] = part.axis_angle_rad(int(row))
    missing = sorted(wanted - set(found))
    if missing:
        raise ValueError(f"structures: found no structure {missing[0]} in {len(grains_paths)} files, expected it there")
    return np.stack([found[int(i)] for i in indices])


@torch.no_grad()
def decode_images(autoencoder: Autoencoder, code: np.ndarray) -> np.ndarray:
    """Return the decoded images (n, channel, ny, nx) of codes (n, latent)."""
    return np.ascontiguousarray(autoencoder.decoder(torch.from_numpy(np.asarray(code, np.float32))).numpy())


def reconstruct(
    network: Network,
    grains_paths: Sequence[str | Path],
    dataset: HysteresisDataset,
    count: int,
    *,
    provenance: Provenance,
) -> Reconstructions:
    """Pass the first `count` test structures through the autoencoder."""
    rows = np.flatnonzero(dataset.split == Split.TEST)[:count]
    autoencoder = load_autoencoder(network)
    original = encode_axes(axes_of(grains_paths, dataset.index[rows].tolist()), network.encoding)
    code = encode_images(autoencoder, original)
    return Reconstructions(
        index=dataset.index[rows],
        original=original,
        reconstructed=decode_images(autoencoder, code),
        code=code,
        encoding=network.encoding,
        provenance=provenance,
    )
