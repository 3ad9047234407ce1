"""Structures on the line between two latent codes, with predicted and computed curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.dataset import ANCHOR_TEXT, ANCHORS

_POINTS = ("step", "anchor")


@dataclass(frozen=True, kw_only=True, eq=False)
class Morphing(Artifact):
    """Decoded structures between two structures, with predicted and computed anchor points."""

    SCHEMA: ClassVar[str] = "morphing"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"anchor": len(ANCHORS)}

    alpha: np.ndarray = array(("step",), "float64", "1", "position on the line: 0 structure A, 1 structure B")
    image: np.ndarray = array(
        ("step", "channel", "ny", "nx"), "float32", "1", "decoded image of the easy axes", compress=True
    )
    axis_angle_rad: np.ndarray = array(
        ("step", "ny", "nx"),
        "float32",
        "rad",
        "easy axes read from the image, from +y (the field direction), positive towards +x",
        compress=True,
    )
    predicted: np.ndarray = array(_POINTS, "float64", "1", f"predicted {ANCHOR_TEXT}")
    lower: np.ndarray = array(_POINTS, "float64", "1", "lower end of the prediction interval")
    upper: np.ndarray = array(_POINTS, "float64", "1", "upper end of the prediction interval")
    anchor: np.ndarray = array(_POINTS, "float64", "1", f"computed {ANCHOR_TEXT}; 0 where there is none")
    anchor_exists: np.ndarray = array(_POINTS, "uint8", "1", "1 where the computed curve has the anchor point, else 0")
    field_T: np.ndarray = array(
        ("field",), "float64", "T", "external field mu0 H along +y", ontology_label="MagneticFluxDensity"
    )
    magnetisation: np.ndarray = array(
        ("step", "field"), "float64", "1", "computed magnetisation along the field over M_s"
    )
    pair: str = attribute(str, "1", "name of the pair of structures")
    encoding: str = attribute(str, "1", "how the easy axes were presented to the network")
    endpoints: dict = attribute(dict, "1", "grain count and largest misorientation (rad) of A and B")
