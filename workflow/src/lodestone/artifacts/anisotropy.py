"""Anisotropy constants of a set of crystals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import SHELL_TEXT, STATUS_TEXT, Status
from lodestone.artifacts.ragged import group_sizes, unpack_texts


@dataclass(frozen=True, kw_only=True, eq=False)
class Anisotropy(Artifact):
    """One row for each crystal, also for those without energies. Values that do not exist are 0."""

    SCHEMA: ClassVar[str] = "anisotropy"
    VERSION: ClassVar[int] = 3
    DIMS: ClassVar[Mapping[str, int]] = {"axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {"name_byte": "name_offset", "reason_byte": "reason_offset"}

    index: np.ndarray = array(("crystal",), "int64", "1", "number of the crystal in its structure set")
    status: np.ndarray = array(("crystal",), "uint8", "1", f"end of its calculation: {STATUS_TEXT}")
    K1_J_m3: np.ndarray = array(
        ("crystal",),
        "float64",
        "J / m3",
        "constant of E = K1 sin^2 theta, positive for an easy axis",
        ontology_label="UniaxialAnisotropyConstant",
    )
    has_K1: np.ndarray = array(("crystal",), "uint8", "1", "1 where there is a constant: never in cubic crystals")
    misfit_J_m3: np.ndarray = array(("crystal",), "float64", "J / m3", "root mean square of what the fit leaves")
    uniaxial: np.ndarray = array(("crystal",), "uint8", "1", "1 where one axis explains the energies")
    easy_direction: np.ndarray = array(("crystal",), "int64", "1", "number of the direction of lowest energy")
    unit_axis: np.ndarray = array(("crystal", "axis"), "float64", "1", "axis of theta, Cartesian unit vector")
    mu0_Ms_T: np.ndarray = array(("crystal",), "float64", "T", "saturation polarisation; see f_shell, moments_signed")
    has_mu0_Ms: np.ndarray = array(("crystal",), "uint8", "1", "1 where there is a saturation")
    f_shell: np.ndarray = array(("crystal",), "uint8", "1", f"4f moments in the saturation: {SHELL_TEXT}")
    has_hardness: np.ndarray = array(("crystal",), "uint8", "1", "1 with a uniaxial constant and a saturation")
    hardness: np.ndarray = array(("crystal",), "float64", "1", "sqrt(mu0 K1) / (mu0 Ms), 0 for an easy plane")
    anisotropy_field_T: np.ndarray = array(
        ("crystal",), "float64", "T", "mu0 HA = 2 K1 mu0 / (mu0 Ms), negative for an easy plane"
    )
    name_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each name")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals")
    reason_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each reason")
    reason_utf8: np.ndarray = array(("reason_byte",), "uint8", "1", "why there is no constant; empty where there is")
    backend: str = attribute(str, "1", "name of the back end")
    moments_signed: int = attribute(
        int, "1", "1 if the back end knows the signs of moments; 0: the saturation is a sum of sizes, an upper bound"
    )

    def check(self, where: str) -> None:
        """Offsets, codes and axes must make sense."""
        for name in ("name", "reason"):
            offset, size = getattr(self, f"{name}_offset"), len(getattr(self, f"{name}_utf8"))
            fits = group_sizes(offset, size) is not None
            self.require(fits, where, f"field '{name}_offset'", "others", f"rising from 0 to {size}")
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        lengths = np.linalg.norm(self.unit_axis, axis=1)[self.has_K1 == 1]
        self.require(np.allclose(lengths, 1), where, "field 'unit_axis'", f"lengths {lengths}", "1")

    def names(self) -> list[str]:
        """Names of the crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def reasons(self) -> list[str]:
        """Why crystals have no constant; empty for those that have one."""
        return unpack_texts(self.reason_offset, self.reason_utf8)
