"""Structures before and after the autoencoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

_IMAGE = ("sample", "channel", "ny", "nx")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reconstructions(Artifact):
    """Images of structures, their latent codes and what the decoder makes of these."""

    SCHEMA: ClassVar[str] = "reconstructions"
    VERSION: ClassVar[int] = 1

    index: np.ndarray = array(("sample",), "int64", "1", "random-stream index of each structure")
    original: np.ndarray = array(_IMAGE, "float32", "1", "image of the easy axes", compress=True)
    reconstructed: np.ndarray = array(_IMAGE, "float32", "1", "decoded image", compress=True)
    code: np.ndarray = array(("sample", "latent"), "float32", "1", "mean of the latent distribution")
    encoding: str = attribute(str, "1", "how the easy axes were presented to the network")
