"""Formation energies and energies above the convex hull of a set of crystals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import SHELL_TEXT, STATUS_TEXT, Status
from lodestone.artifacts.ragged import group_sizes, unpack_texts

_TEXTS = {f"{name}_offset": f"{name}_utf8" for name in ("name", "formula", "decay", "reason")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Hull(Artifact):
    """One row for each crystal of the set, also for those without an energy. Values that do not exist are 0."""

    SCHEMA: ClassVar[str] = "hull"
    VERSION: ClassVar[int] = 3
    RAGGED: ClassVar[Mapping[str, str]] = {
        "name_byte": "name_offset",
        "formula_byte": "formula_offset",
        "decay_byte": "decay_offset",
        "reason_byte": "reason_offset",
    }

    index: np.ndarray = array(("crystal",), "int64", "1", "number of the crystal in its structure set")
    status: np.ndarray = array(("crystal",), "uint8", "1", f"end of its calculation: {STATUS_TEXT}")
    site_count: np.ndarray = array(("crystal",), "int64", "1", "atoms in the cell")
    volume_A3: np.ndarray = array(("crystal",), "float64", "Angstrom3", "volume of the cell")
    moment_muB: np.ndarray = array(("crystal",), "float64", "mu_B", "moment of the cell without 4f moments")
    mu0_Ms_T: np.ndarray = array(("crystal",), "float64", "T", "saturation polarisation; see f_shell, moments_signed")
    has_mu0_Ms: np.ndarray = array(("crystal",), "uint8", "1", "1 where there is a saturation")
    f_shell: np.ndarray = array(("crystal",), "uint8", "1", f"4f moments in the saturation: {SHELL_TEXT}")
    energy_product_limit_kJ_m3: np.ndarray = array(
        ("crystal",), "float64", "kJ / m3", "largest energy product of that polarisation, (mu0 Ms)^2 / (4 mu0)"
    )
    energy_eV_per_atom: np.ndarray = array(("crystal",), "float64", "eV", "energy per atom, corrections included")
    correction_eV_per_atom: np.ndarray = array(("crystal",), "float64", "eV", "corrections per atom")
    formation_energy_eV_per_atom: np.ndarray = array(
        ("crystal",), "float64", "eV", "energy per atom above that of the elements"
    )
    has_formation_energy: np.ndarray = array(("crystal",), "uint8", "1", "1 where there is a formation energy")
    formation_spread_eV_per_atom: np.ndarray = array(
        ("crystal",), "float64", "eV", "largest minus smallest formation energy of the back end's models"
    )
    above_hull_eV_per_atom: np.ndarray = array(
        ("crystal",), "float64", "eV", "energy per atom above the convex hull of all crystals and elements"
    )
    above_hull_spread_eV_per_atom: np.ndarray = array(
        ("crystal",), "float64", "eV", "largest minus smallest energy above the hull of the back end's models"
    )
    model_formation_energy_eV_per_atom: np.ndarray = array(
        ("crystal", "model"), "float64", "eV", "formation energy by each model"
    )
    element: np.ndarray = array(("element",), "uint8", "1", "atomic numbers of the elements with a reference energy")
    element_energy_eV_per_atom: np.ndarray = array(
        ("element",), "float64", "eV", "energy per atom of the most stable crystal of each element"
    )
    name_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each name")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals")
    formula_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each formula")
    formula_utf8: np.ndarray = array(("formula_byte",), "uint8", "1", "reduced formulas")
    decay_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each list of products")
    decay_utf8: np.ndarray = array(("decay_byte",), "uint8", "1", "what the hull consists of at each composition")
    reason_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each reason")
    reason_utf8: np.ndarray = array(
        ("reason_byte",), "uint8", "1", "why there is no formation energy; empty where there is one"
    )
    backend: str = attribute(str, "1", "name of the back end")
    moments_signed: int = attribute(
        int, "1", "1 if the back end knows the signs of moments; 0: the saturation is a sum of sizes, an upper bound"
    )
    corrections: str = attribute(str, "1", "corrections of the energies: none, mp2020, or none (in the model)")
    models: list = attribute(list, "1", "names of the back end's models; empty for DFT")

    def check(self, where: str) -> None:
        """Offsets, codes and flags must make sense."""
        for offset, values in _TEXTS.items():
            fits = group_sizes(getattr(self, offset), len(getattr(self, values))) is not None
            self.require(fits, where, f"field {offset!r}", "others", f"rising from 0 to {len(getattr(self, values))}")
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        lowest = float(self.above_hull_eV_per_atom.min(initial=0.0))
        self.require(lowest >= -1e-6, where, "field 'above_hull_eV_per_atom'", f"{lowest} eV", "0 or more")
        models = self.model_formation_energy_eV_per_atom.shape[1]
        found = f"{len(self.models)} names for {models} models"
        self.require(len(self.models) == models, where, "attribute 'models'", found, "one name a model")

    def names(self) -> list[str]:
        """Names of the crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def formulas(self) -> list[str]:
        """Reduced formulas of the crystals."""
        return unpack_texts(self.formula_offset, self.formula_utf8)

    def decays(self) -> list[str]:
        """Return what the hull consists of at the composition of each crystal; empty without a hull."""
        return unpack_texts(self.decay_offset, self.decay_utf8)

    def reasons(self) -> list[str]:
        """Why crystals have no formation energy; empty for those that have one."""
        return unpack_texts(self.reason_offset, self.reason_utf8)
