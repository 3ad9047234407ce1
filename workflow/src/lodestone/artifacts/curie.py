"""Curie temperatures, magnetisation against temperature and exchange stiffness of one crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

METHODS = ("mean_field", "rpa", "monte_carlo")


class CurieStatus(IntEnum):
    """How the search for one Curie temperature ended."""

    FOUND = 0
    NOT_ASKED = 1
    FAILED = 2


STATUS_TEXT = "0 found, 1 not asked for, 2 failed"


@dataclass(frozen=True, kw_only=True, eq=False)
class Curie(Artifact):
    """Magnetism of one crystal at finite temperature, from its exchange couplings."""

    SCHEMA: ClassVar[str] = "curie"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"method": len(METHODS), "lattice": 2, "axis": 3}

    Tc_K: np.ndarray = array(
        ("method",),
        "float64",
        "K",
        "Curie temperature in mean field, RPA and Monte Carlo; 0 where there is none",
        ontology_label="CurieTemperature",
    )
    Tc_error_K: np.ndarray = array(("method",), "float64", "K", "statistical error; 0 for mean field and RPA")
    status: np.ndarray = array(("method",), "uint8", "1", f"end of each search: {STATUS_TEXT}")
    temperature_K: np.ndarray = array(
        ("temperature",), "float64", "K", "temperatures of the magnetisation", ontology_label="ThermodynamicTemperature"
    )
    moment_muB: np.ndarray = array(("temperature",), "float64", "mu_B", "moment of the cell along the order")
    moment_error_muB: np.ndarray = array(("temperature",), "float64", "mu_B", "its statistical error")
    mu0_Ms_T: np.ndarray = array(
        ("temperature",), "float64", "T", "polarisation", ontology_label="SpontaneousMagneticPolarization"
    )
    component_moment_muB: np.ndarray = array(
        ("temperature", "component"), "float64", "mu_B", "moment per atom of each component along the order"
    )
    crossing_temperature_K: np.ndarray = array(("crossing",), "float64", "K", "temperatures around the crossing")
    binder: np.ndarray = array(("lattice", "crossing"), "float64", "1", "Binder cumulant, small and large lattice")
    binder_error: np.ndarray = array(("lattice", "crossing"), "float64", "1", "its statistical error")
    cells: np.ndarray = array(("lattice", "axis"), "int64", "1", "cells along a, b, c of the two lattices")
    name: str = attribute(str, "1", "what the crystal is called")
    message: str = attribute(str, "1", "why searches failed; empty if none did")
    moment_0_muB: float = attribute(float, "mu_B", "moment of the cell at T = 0, all spins along the order")
    A_J_m: float = attribute(float, "J / m", "exchange stiffness at T = 0", ontology_label="ExchangeStiffnessConstant")
    A_error_J_m: float = attribute(float, "J / m", "difference between two extrapolations of the damped sums")
    kuzmin_s: float = attribute(float, "1", "shape parameter of Kuz'min's law; 0 if has_kuzmin is 0")
    has_kuzmin: int = attribute(int, "1", "1 if Kuz'min's law was fitted to the magnetisation")
    kuzmin_rms_muB: float = attribute(float, "mu_B", "root mean square deviation from Kuz'min's law; 0 if not fitted")

    def check(self, where: str) -> None:
        """Codes must be known, and only temperatures that were found differ from 0."""
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(CurieStatus), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        absent = self.status != CurieStatus.FOUND
        self.require(not self.Tc_K[absent].any(), where, "field 'Tc_K'", "a value without status 0", "0 there")

    def curie_temperature_K(self, method: str) -> float | None:
        """Curie temperature of one method, None if it was not found."""
        k = METHODS.index(method)
        return float(self.Tc_K[k]) if self.status[k] == CurieStatus.FOUND else None
