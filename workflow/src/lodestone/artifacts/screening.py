"""The screening table: the best crystals of a search as models predicted them and as a back end computed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import STATUS_TEXT, Status
from lodestone.artifacts.ragged import group_sizes, unpack_texts

KINDS = ("found by the search", "reference")
KIND_TEXT = ", ".join(f"{code} {text}" for code, text in enumerate(KINDS))


@dataclass(frozen=True, kw_only=True, eq=False)
class Screening(Artifact):
    """One row for each crystal, also for those without an energy. Values that do not exist are 0."""

    SCHEMA: ClassVar[str] = "screening"
    VERSION: ClassVar[int] = 1
    RAGGED: ClassVar[Mapping[str, str]] = {
        "name_byte": "name_offset",
        "formula_byte": "formula_offset",
        "group_byte": "group_offset",
        "reason_byte": "reason_offset",
    }

    kind: np.ndarray = array(("crystal",), "uint8", "1", KIND_TEXT)
    search_id: np.ndarray = array(("crystal",), "int64", "1", "id in the search; -1 for a reference")
    status: np.ndarray = array(("crystal",), "uint8", "1", f"end of its calculation: {STATUS_TEXT}")
    site_count: np.ndarray = array(("crystal",), "int64", "1", "atoms in the cell")
    space_group: np.ndarray = array(("crystal",), "int64", "1", "number of the space group after the relaxation")
    volume_A3: np.ndarray = array(("crystal",), "float64", "Angstrom3", "volume of the cell after the relaxation")
    predicted_formation_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "formation energy per atom that the models predicted"
    )
    predicted_sigma_eV: np.ndarray = array(("crystal",), "float64", "eV", "spread of the models about it")
    predicted_mu0_Ms_T: np.ndarray = array(
        ("crystal",), "float64", "T", "saturation polarisation that the models predicted, 4f moments included"
    )
    has_prediction: np.ndarray = array(("crystal",), "uint8", "1", "1 where models predicted the crystal")
    formation_eV: np.ndarray = array(("crystal",), "float64", "eV", "formation energy per atom by the back end")
    formation_spread_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "largest minus smallest formation energy of the back end's models; 0 for DFT"
    )
    above_hull_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "energy per atom above the hull of all that the back end computed"
    )
    has_energy: np.ndarray = array(("crystal",), "uint8", "1", "1 where there are such energies")
    moment_muB: np.ndarray = array(("crystal",), "float64", "mu_B", "moment of the cell, 4f moments included")
    mu0_Ms_T: np.ndarray = array(("crystal",), "float64", "T", "saturation polarisation, 4f moments included")
    has_mu0_Ms: np.ndarray = array(("crystal",), "uint8", "1", "1 where there is a saturation")
    Tc_K: np.ndarray = array(("crystal",), "float64", "K", "Curie temperature in mean field from exchange couplings")
    has_Tc: np.ndarray = array(("crystal",), "uint8", "1", "1 where couplings were computed")
    name_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each name")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals")
    formula_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each formula")
    formula_utf8: np.ndarray = array(("formula_byte",), "uint8", "1", "reduced formulas")
    group_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each space group symbol")
    group_utf8: np.ndarray = array(("group_byte",), "uint8", "1", "symbols of the space groups")
    reason_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each reason")
    reason_utf8: np.ndarray = array(("reason_byte",), "uint8", "1", "why there is no energy; empty where there is one")
    backend: str = attribute(str, "1", "back end of the energies and moments")
    moments_signed: int = attribute(
        int, "1", "1 if the back end knows the signs of moments; 0: the saturation is a sum of sizes, an upper bound"
    )
    threshold_mu0_Ms_T: float = attribute(float, "T", "predicted saturation from which crystals were validated")

    def check(self, where: str) -> None:
        """Offsets and codes must make sense."""
        for name in ("name", "formula", "group", "reason"):
            offset, size = getattr(self, f"{name}_offset"), len(getattr(self, f"{name}_utf8"))
            fits = group_sizes(offset, size) is not None
            self.require(fits, where, f"field '{name}_offset'", "others", f"rising from 0 to {size}")
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        kind = int(self.kind.max(initial=0))
        self.require(kind < len(KINDS), where, "field 'kind'", f"code {kind}", KIND_TEXT)
        groups = bool((self.space_group <= 230).all())
        self.require(groups, where, "field 'space_group'", f"up to {self.space_group.max(initial=0)}", "0 to 230")

    def names(self) -> list[str]:
        """Names of the crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def formulas(self) -> list[str]:
        """Reduced formulas."""
        return unpack_texts(self.formula_offset, self.formula_utf8)

    def groups(self) -> list[str]:
        """Symbols of the space groups; empty where there is no final geometry."""
        return unpack_texts(self.group_offset, self.group_utf8)

    def reasons(self) -> list[str]:
        """Why crystals have no energy; empty for those that have one."""
        return unpack_texts(self.reason_offset, self.reason_utf8)
