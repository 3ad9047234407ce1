"""Hosts with a light element in a void: what it does to energy and magnetisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import STATUS_TEXT, Status
from lodestone.artifacts.ragged import group_sizes, unpack_texts


@dataclass(frozen=True, kw_only=True, eq=False)
class Interstitials(Artifact):
    """One row for each filled crystal, the largest drop of the formation energy first; those without an energy last."""

    SCHEMA: ClassVar[str] = "interstitials"
    VERSION: ClassVar[int] = 1
    RAGGED: ClassVar[Mapping[str, str]] = {
        f"{name}_byte": f"{name}_offset" for name in ("name", "host", "formula", "reason")
    }

    element: np.ndarray = array(("crystal",), "uint8", "1", "atomic number of the element in the void")
    status: np.ndarray = array(("crystal",), "uint8", "1", f"end of its calculation: {STATUS_TEXT}")
    has_energy: np.ndarray = array(("crystal",), "uint8", "1", "1 where there are energies of crystal and host")
    formation_eV: np.ndarray = array(("crystal",), "float64", "eV", "formation energy per atom")
    change_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "formation energy per atom less that of the host: negative stabilises"
    )
    insertion_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "energy to put one atom of the element, from its reference, into the host"
    )
    above_hull_eV: np.ndarray = array(
        ("crystal",), "float64", "eV", "energy per atom above the hull of all that the back end computed"
    )
    volume_ratio: np.ndarray = array(("crystal",), "float64", "1", "volume over that of as many atoms of the host")
    mu0_Ms_T: np.ndarray = array(("crystal",), "float64", "T", "saturation polarisation, 4f moments included")
    host_mu0_Ms_T: np.ndarray = array(("crystal",), "float64", "T", "that of the host")
    name_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each name")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals")
    host_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each host's name")
    host_utf8: np.ndarray = array(("host_byte",), "uint8", "1", "names of the hosts")
    formula_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each formula")
    formula_utf8: np.ndarray = array(("formula_byte",), "uint8", "1", "reduced formulas")
    reason_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each reason")
    reason_utf8: np.ndarray = array(("reason_byte",), "uint8", "1", "why there is no energy; empty where there is one")
    backend: str = attribute(str, "1", "back end of the energies and moments")

    def check(self, where: str) -> None:
        """Offsets and codes must make sense."""
        for name in ("name", "host", "formula", "reason"):
            offset, size = getattr(self, f"{name}_offset"), len(getattr(self, f"{name}_utf8"))
            fits = group_sizes(offset, size) is not None
            self.require(fits, where, f"field '{name}_offset'", "others", f"rising from 0 to {size}")
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)

    def texts(self, name: str) -> list[str]:
        """Texts of one kind: name, host, formula or reason."""
        return unpack_texts(getattr(self, f"{name}_offset"), getattr(self, f"{name}_utf8"))
