"""Latent codes of the labelled structures and of their symmetric copies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

SYMMETRIES = ("identity", "mirror_x", "mirror_y", "rotate_180")


@dataclass(frozen=True, kw_only=True, eq=False)
class LatentCodes(Artifact):
    """Latent codes of the labelled structures."""

    SCHEMA: ClassVar[str] = "latent_codes"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"symmetry": len(SYMMETRIES)}

    index: np.ndarray = array(("loop",), "int64", "1", "random-stream index of each structure")
    code: np.ndarray = array(
        ("loop", "symmetry", "latent"),
        "float32",
        "1",
        f"mean of the latent distribution; copies: {', '.join(SYMMETRIES)}",
    )
    encoding: str = attribute(str, "1", "how the easy axes were presented to the network")
