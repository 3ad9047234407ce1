"""Demagnetisation curves of a batch of grain structures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute, group, quantity


class Status(IntEnum):
    """How a minimisation, or a whole loop (its worst step), ended."""

    CONVERGED = 0
    ITERATION_LIMIT = 1
    STALLED = 2


STATUS_TEXT = "0 converged, 1 iteration limit, 2 stalled"


@dataclass(frozen=True, kw_only=True, eq=False)
class Loops(Artifact):
    """Computed demagnetisation curves, with how well each state converged."""

    SCHEMA: ClassVar[str] = "loops"
    VERSION: ClassVar[int] = 1

    index: np.ndarray = array(("loop",), "int64", "1", "random-stream index of each loop's structure")
    field_T: np.ndarray = array(
        ("field",),
        "float64",
        "T",
        "external field mu0 H along +y, in the order in which it was applied",
        ontology_label="MagneticFluxDensity",
    )
    magnetisation: np.ndarray = array(("loop", "field"), "float64", "1", "magnetisation along the field over M_s")
    step_status: np.ndarray = array(("loop", "field"), "uint8", "1", f"end of each minimisation: {STATUS_TEXT}")
    max_torque: np.ndarray = array(
        ("loop", "field"), "float64", "1", "largest torque |m x H| / M_s at the end of each minimisation"
    )
    evaluations: np.ndarray = array(("loop",), "int64", "1", "evaluations of the effective field")
    status: np.ndarray = array(("loop",), "uint8", "1", f"worst end of the loop: {STATUS_TEXT}")
    material: dict = group(
        "intrinsic properties, the same in every cell",
        mu0_Ms_T=quantity("T", "mu0 times the magnetisation M_s", ontology_label="SpontaneousMagneticPolarization"),
        K1_J_m3=quantity("J / m3", "uniaxial anisotropy constant", ontology_label="UniaxialAnisotropyConstant"),
        A_J_m=quantity("J / m", "exchange stiffness constant", ontology_label="ExchangeStiffnessConstant"),
    )
    tolerance: float = attribute(float, "1", "torque below which a state counts as converged")

    def check(self, where: str) -> None:
        """Codes must be known."""
        for name in ("status", "step_status"):
            largest = int(getattr(self, name).max(initial=0))
            self.require(largest <= max(Status), where, f"field {name!r}", f"code {largest}", STATUS_TEXT)
