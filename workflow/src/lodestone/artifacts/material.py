"""What micromagnetics needs of one crystal, against temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

_FLAGS = ("has_Ms", "has_A", "has_K1")


@dataclass(frozen=True, kw_only=True, eq=False)
class MaterialTable(Artifact):
    """M_s(T), A(T) and K_1(T) of one crystal by models from values at T = 0. Values that do not exist are 0."""

    SCHEMA: ClassVar[str] = "material"
    VERSION: ClassVar[int] = 1

    temperature_K: np.ndarray = array(
        ("temperature",), "float64", "K", "temperatures asked for", ontology_label="ThermodynamicTemperature"
    )
    mu0_Ms_T: np.ndarray = array(
        ("temperature",),
        "float64",
        "T",
        "polarisation by Kuz'min's law",
        ontology_label="SpontaneousMagneticPolarization",
    )
    A_J_m: np.ndarray = array(
        ("temperature",),
        "float64",
        "J / m",
        "exchange stiffness, a model: with the square of M_s",
        ontology_label="ExchangeStiffnessConstant",
    )
    K1_J_m3: np.ndarray = array(
        ("temperature",),
        "float64",
        "J / m3",
        "uniaxial anisotropy constant, a model: with the third power of M_s (Callen and Callen)",
        ontology_label="UniaxialAnisotropyConstant",
    )
    name: str = attribute(str, "1", "what the crystal is called")
    message: str = attribute(str, "1", "why a value does not exist, and what limits the others")
    has_Ms: int = attribute(int, "1", "1 if there is a magnetisation with its temperature")
    has_A: int = attribute(int, "1", "1 if there is an exchange stiffness")
    has_K1: int = attribute(int, "1", "1 if there is an anisotropy constant")
    mu0_Ms_0_T: float = attribute(float, "T", "polarisation at T = 0")
    A_0_J_m: float = attribute(float, "J / m", "exchange stiffness at T = 0")
    A_0_error_J_m: float = attribute(float, "J / m", "difference between two extrapolations of the damped sums")
    K1_0_J_m3: float = attribute(float, "J / m3", "anisotropy constant at T = 0")
    Tc_K: float = attribute(float, "K", "Curie temperature of the law", ontology_label="CurieTemperature")
    shape: float = attribute(float, "1", "shape parameter s of Kuz'min's law")
    Ms_source: str = attribute(str, "1", "where the polarisation comes from, with its back end")
    A_source: str = attribute(str, "1", "where the stiffness comes from, with its back end")
    K1_source: str = attribute(str, "1", "where the anisotropy constant comes from, with its back end")
    Tc_source: str = attribute(str, "1", "method of the Curie temperature")
    shape_source: str = attribute(str, "1", "where the shape parameter comes from")

    def check(self, where: str) -> None:
        """Check that flags are 0 or 1, and that without magnetisation there is nothing else."""
        for name in _FLAGS:
            value = getattr(self, name)
            self.require(value in (0, 1), where, f"attribute {name!r}", str(value), "0 or 1")
        self.require(
            bool((self.temperature_K >= 0).all()), where, "field 'temperature_K'", "a negative one", "0 and above"
        )
        if not self.has_Ms:
            empty = not (self.mu0_Ms_T.any() or self.A_J_m.any() or self.K1_J_m3.any())
            self.require(empty, where, "attribute 'has_Ms'", "0 with values", "no values")
