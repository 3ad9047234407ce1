"""Labelled structures: anchor points of every curve, and the split into training and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array
from lodestone.artifacts.loops import STATUS_TEXT

ANCHORS = ("M_1", "M_r", "H_k90", "H_k80", "H_k70", "H_c")
ANCHOR_TEXT = "M_1, M_r over M_s; H_k90, H_k80, H_k70, H_c over H_A, reversed fields positive"


class Split(IntEnum):
    """What a labelled structure is used for."""

    TRAIN = 0
    TEST = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class HysteresisDataset(Artifact):
    """Anchor points of all computed curves, with the split."""

    SCHEMA: ClassVar[str] = "hysteresis_dataset"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"anchor": len(ANCHORS)}

    index: np.ndarray = array(("loop",), "int64", "1", "random-stream index of each loop's structure")
    anchor: np.ndarray = array(("loop", "anchor"), "float64", "1", f"{ANCHOR_TEXT}; 0 where there is none")
    anchor_exists: np.ndarray = array(
        ("loop", "anchor"), "uint8", "1", "1 where the curve has the anchor point, else 0"
    )
    split: np.ndarray = array(("loop",), "uint8", "1", "0 training, 1 test")
    grain_count: np.ndarray = array(("loop",), "int32", "1", "number of grains")
    max_misorientation_rad: np.ndarray = array(
        ("loop",), "float64", "rad", "easy axes are uniform within plus and minus this angle"
    )
    field_T: np.ndarray = array(
        ("field",), "float64", "T", "external field mu0 H along +y", ontology_label="MagneticFluxDensity"
    )
    magnetisation: np.ndarray = array(("loop", "field"), "float64", "1", "magnetisation along the field over M_s")
    status: np.ndarray = array(("loop",), "uint8", "1", f"worst end of the loop: {STATUS_TEXT}")

    def check(self, where: str) -> None:
        """Every structure once; flags 0 or 1; no value without its anchor point."""
        unique = len(np.unique(self.index)) == len(self.index)
        self.require(unique, where, "field 'index'", "a structure twice", "every structure once")
        for name in ("anchor_exists", "split"):
            largest = int(getattr(self, name).max(initial=0))
            self.require(largest <= 1, where, f"field {name!r}", str(largest), "0 or 1")
        stray = self.anchor[self.anchor_exists == 0]
        self.require(not stray.any(), where, "field 'anchor'", "a value for an anchor point that is absent", "0 there")
