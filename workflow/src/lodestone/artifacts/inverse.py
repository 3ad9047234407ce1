"""Structures found for wanted figures of merit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

FIGURES = ("M_r", "H_c", "squareness")
_FIGURE_TEXT = "M_r over M_s, H_c over H_A, squareness H_k90 / H_c"
_FOUND = ("goal", "candidate", "figure")


@dataclass(frozen=True, kw_only=True, eq=False)
class InverseDesigns(Artifact):
    """Best structures of a genetic search for each goal, recomputed by micromagnetics."""

    SCHEMA: ClassVar[str] = "inverse_designs"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"figure": len(FIGURES)}

    goal: np.ndarray = array(("goal", "figure"), "float64", "1", f"wanted {_FIGURE_TEXT}")
    predicted: np.ndarray = array(_FOUND, "float64", "1", f"predicted {_FIGURE_TEXT}")
    predicted_lower: np.ndarray = array(_FOUND, "float64", "1", "lower end of the prediction interval")
    predicted_upper: np.ndarray = array(_FOUND, "float64", "1", "upper end of the prediction interval")
    computed: np.ndarray = array(_FOUND, "float64", "1", f"computed {_FIGURE_TEXT}; 0 where there is none")
    computed_exists: np.ndarray = array(_FOUND, "uint8", "1", "1 where the computed curve has the figure, else 0")
    grain_label: np.ndarray = array(
        ("goal", "candidate", "ny", "nx"), "uint16", "1", "grain of each cell, counted from 0", compress=True
    )
    axis_angle_rad: np.ndarray = array(
        ("goal", "candidate", "ny", "nx"),
        "float32",
        "rad",
        "easy axis of each cell from +y (the field direction), positive towards +x",
        compress=True,
    )
    field_T: np.ndarray = array(
        ("field",), "float64", "T", "external field mu0 H along +y", ontology_label="MagneticFluxDensity"
    )
    magnetisation: np.ndarray = array(
        ("goal", "candidate", "field"), "float64", "1", "computed magnetisation along the field over M_s"
    )
    best_error: np.ndarray = array(("goal", "generation"), "float64", "1", "smallest error of each generation")
    encoding: str = attribute(str, "1", "encoding of the forward model")
