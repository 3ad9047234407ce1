"""Latent codes of the labelled structures and of their symmetric copies."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lodestone.artifacts.codes import SYMMETRIES, LatentCodes
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.network import Network
from lodestone.artifacts.provenance import Provenance
from lodestone.loop_learning import networks
from lodestone.loop_learning.encodings import encode_axes, transform_image

CHUNK = 64


def load_autoencoder(network: Network) -> networks.Autoencoder:
    """Build the autoencoder of a network artifact, ready for use on the CPU.

    Raises
    ------
    ValueError
        If the artifact holds another kind of network.
    """
    module = load(network)
    if not isinstance(module, networks.Autoencoder):
        raise ValueError(f"network: found {network.architecture['name']!r}, allowed is 'autoencoder'")
    return module


def load(network: Network) -> torch.nn.Module:
    """Build any network of an artifact."""
    module = networks.build(network.architecture["name"], network.architecture["arguments"])
    networks.set_flat(module, network.parameter)
    return module.eval()


@torch.no_grad()
def encode_images(autoencoder: networks.Autoencoder, image: np.ndarray) -> np.ndarray:
    """Return the mean latent codes (n, latent) of images (n, channel, ny, nx)."""
    tensor = torch.from_numpy(image).contiguous(memory_format=torch.channels_last)
    return autoencoder.encoder(tensor)[0].numpy()


def encode_copies(autoencoder: networks.Autoencoder, image: np.ndarray, encoding: str) -> np.ndarray:
    """Return the codes of the four symmetry-equivalent copies of images, (n, symmetry, latent)."""
    codes = [encode_images(autoencoder, transform_image(image, encoding, symmetry)) for symmetry in SYMMETRIES]
    return np.stack(codes, axis=1)


def encode_dataset(
    network: Network,
    grains_paths: Sequence[str | Path],
    encoding: str,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> LatentCodes:
    """Encode every structure of the `grains` artifacts, read in chunks.

    Raises
    ------
    ValueError
        If the network was trained for another encoding.
    """
    if network.encoding != encoding:
        raise ValueError(f"network: found one trained for {network.encoding!r}, allowed is {encoding!r}")
    autoencoder = load_autoencoder(network)
    index, code = [], []
    for path in grains_paths:
        for part in Grains.stream(path, chunk=CHUNK):
            image = encode_axes(part.axis_angle_rad(slice(None)), encoding)
            index.append(part.index)
            code.append(encode_copies(autoencoder, image, encoding))
        log.info("encoded %s", path)
    return LatentCodes(index=np.concatenate(index), code=np.concatenate(code), encoding=encoding, provenance=provenance)
