"""Results of one batch of calculations of crystals, whatever back end made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import STATUS_TEXT, Status
from lodestone.artifacts.ragged import group_sizes, unpack_text, unpack_texts

if TYPE_CHECKING:
    from pymatgen.core import Structure

_FLAGS = ("has_structure", "has_energy", "has_forces", "has_stress", "has_moments", "has_axis_energies")
_OFFSETS = {
    "site_offset": "atomic_number",
    "name_offset": "name_utf8",
    "message_offset": "message_utf8",
    "extra_offset": "extra_utf8",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Calculations(Artifact):
    """One row for each calculation that was asked for, also for those that gave nothing.

    Values that do not exist are 0 and have a flag of 0. Without a final geometry the start geometry stands there.
    """

    SCHEMA: ClassVar[str] = "calculations"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"vector": 3, "axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {
        "site": "site_offset",
        "name_byte": "name_offset",
        "message_byte": "message_offset",
        "extra_byte": "extra_offset",
    }

    index: np.ndarray = array(("calculation",), "int64", "1", "number of the crystal in its structure set")
    status: np.ndarray = array(("calculation",), "uint8", "1", f"how it ended: {STATUS_TEXT}")
    lattice_A: np.ndarray = array(
        ("calculation", "vector", "axis"), "float64", "Angstrom", "final lattice vectors a, b, c as rows"
    )
    site_offset: np.ndarray = array(
        ("calculation_plus_one",), "int64", "1", "first site of each crystal; the last is the number of sites"
    )
    atomic_number: np.ndarray = array(("site",), "uint8", "1", "atomic number of each site")
    fractional: np.ndarray = array(("site", "axis"), "float64", "1", "final position along a, b, c")
    has_structure: np.ndarray = array(("calculation",), "uint8", "1", "1 where the geometry is a final one")
    energy_eV: np.ndarray = array(("calculation",), "float64", "eV", "total energy of the cell, without corrections")
    has_energy: np.ndarray = array(("calculation",), "uint8", "1", "1 where there is an energy")
    force_eV_A: np.ndarray = array(("site", "axis"), "float64", "eV / Angstrom", "force on each atom")
    has_forces: np.ndarray = array(("calculation",), "uint8", "1", "1 where there are forces")
    stress_eV_A3: np.ndarray = array(
        ("calculation", "vector", "axis"), "float64", "eV / Angstrom3", "dE/dstrain over the volume"
    )
    has_stress: np.ndarray = array(("calculation",), "uint8", "1", "1 where there is a stress")
    moment_muB: np.ndarray = array(("site",), "float64", "mu_B", "moment of each site along the axis of all moments")
    has_moments: np.ndarray = array(("calculation",), "uint8", "1", "1 where there are moments")
    total_moment_muB: np.ndarray = array(("calculation",), "float64", "mu_B", "moment of the cell, 0 without moments")
    magnetic_force_eV_muB: np.ndarray = array(
        ("site",), "float64", "eV / mu_B", "minus the derivative of the energy with respect to the moment of the site"
    )
    has_magnetic_force: np.ndarray = array(("site",), "uint8", "1", "1 where the moment was held")
    direction: np.ndarray = array(
        ("direction", "axis"), "float64", "1", "axes of the magnetisation in units of the lattice vectors"
    )
    axis_energy_eV: np.ndarray = array(
        ("calculation", "direction"), "float64", "eV", "energy with spin-orbit coupling, magnetisation along each axis"
    )
    has_axis_energies: np.ndarray = array(("calculation",), "uint8", "1", "1 where there are such energies")
    model_energy_eV: np.ndarray = array(
        ("calculation", "model"), "float64", "eV", "energy of the final geometry by each model of the back end"
    )
    hubbard: np.ndarray = array(("calculation",), "uint8", "1", "1 where a Hubbard U was applied")
    ionic_steps: np.ndarray = array(("calculation",), "int64", "1", "ionic steps")
    name_offset: np.ndarray = array(("calculation_plus_one",), "int64", "1", "first byte of each name in name_utf8")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals, one after the other")
    message_offset: np.ndarray = array(("calculation_plus_one",), "int64", "1", "first byte of each message")
    message_utf8: np.ndarray = array(("message_byte",), "uint8", "1", "why it did not converge, in words")
    extra_offset: np.ndarray = array(("calculation_plus_one",), "int64", "1", "first byte of each extra")
    extra_utf8: np.ndarray = array(("extra_byte",), "uint8", "1", "anything else of each calculation, as JSON")
    kind: str = attribute(str, "1", "relax, static, anisotropy or constrained")
    backend: str = attribute(str, "1", "name of the back end")
    preset: str = attribute(str, "1", "name of the settings")
    moments_signed: int = attribute(int, "1", "1 if the back end knows the signs of moments, 0 if it gives their sizes")
    settings: dict = attribute(dict, "1", "the calculation in full")
    models: list = attribute(list, "1", "names of the models, the first of which gave energy_eV; empty for DFT")

    def check(self, where: str) -> None:
        """Offsets, codes and flags must make sense."""
        for offset, values in _OFFSETS.items():
            fits = group_sizes(getattr(self, offset), len(getattr(self, values))) is not None
            expected = f"rising from 0 to {len(getattr(self, values))}"
            self.require(fits, where, f"field {offset!r}", "others", expected)
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        for name in _FLAGS:
            flags = getattr(self, name)
            self.require(bool((flags <= 1).all()), where, f"field {name!r}", f"up to {flags.max(initial=0)}", "0 or 1")
        lost = (self.status == Status.CONVERGED) & ((self.has_energy == 0) | (self.has_structure == 0))
        self.require(not lost.any(), where, "field 'status'", "converged without energy or geometry", "both")
        models = self.model_energy_eV.shape[1]
        found = f"{len(self.models)} names for {models} models"
        self.require(len(self.models) == models, where, "attribute 'models'", found, "one name a model")

    def names(self) -> list[str]:
        """Names of the crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def messages(self) -> list[str]:
        """Why each calculation did not converge; empty where it did."""
        return unpack_texts(self.message_offset, self.message_utf8)

    def extras(self, which: int) -> dict[str, Any]:
        """Return what else the back end had to say about one calculation."""
        return json.loads(unpack_text(self.extra_offset, self.extra_utf8, which) or "{}")

    def sites(self, which: int) -> slice:
        """Rows of one crystal in the arrays of sites."""
        return slice(int(self.site_offset[which]), int(self.site_offset[which + 1]))

    def site_counts(self) -> np.ndarray:
        """Return the number of sites of each crystal (calculation,)."""
        return np.diff(self.site_offset)

    def volumes_A3(self) -> np.ndarray:
        """Volume of each cell (calculation,), cubic angstrom."""
        return np.abs(np.linalg.det(self.lattice_A)) if len(self.lattice_A) else np.zeros(0)

    def structure(self, which: int) -> Structure:
        """Return one geometry as pymatgen's `Structure`, with the site property `magmom` if there are moments."""
        from pymatgen.core import Lattice, Structure

        rows = self.sites(which)
        moments = {"magmom": self.moment_muB[rows].tolist()} if self.has_moments[which] else None
        return Structure(
            Lattice(self.lattice_A[which]),
            self.atomic_number[rows].tolist(),
            self.fractional[rows],
            site_properties=moments,
        )
