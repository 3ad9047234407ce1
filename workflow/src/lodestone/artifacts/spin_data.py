"""Configurations with energies, forces, stresses and magnetic forces, which magnetic potentials are fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.ragged import group_sizes, unpack_texts

if TYPE_CHECKING:
    from lodestone.spin_potential.configurations import Configurations
    from lodestone.spin_potential.loss import Labels

_OFFSETS = {"atom_offset": "kind", "name_offset": "name_utf8"}
_ATOM = ("atom",)


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinData(Artifact):
    """Labelled configurations of one alloy; labels that do not exist are NaN."""

    SCHEMA: ClassVar[str] = "spin_data"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"vector": 3, "axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {"atom": "atom_offset", "name_byte": "name_offset"}

    cell_A: np.ndarray = array(("configuration", "vector", "axis"), "float64", "Angstrom", "lattice vectors as rows")
    atom_offset: np.ndarray = array(
        ("configuration_plus_one",), "int64", "1", "first atom of each configuration; the last is the number of atoms"
    )
    position_A: np.ndarray = array(("atom", "axis"), "float64", "Angstrom", "Cartesian position of each atom")
    kind: np.ndarray = array(_ATOM, "uint8", "1", "number of the species in `species`")
    moment_muB: np.ndarray = array(_ATOM, "float64", "mu_B", "moment of each atom along the axis of all moments")
    energy_eV: np.ndarray = array(("configuration",), "float64", "eV", "energy of the cell", allow_nan=True)
    force_eV_A: np.ndarray = array(("atom", "axis"), "float64", "eV / Angstrom", "force on each atom", allow_nan=True)
    stress_eV_A3: np.ndarray = array(
        ("configuration", "vector", "axis"),
        "float64",
        "eV / Angstrom3",
        "dE/dstrain over the volume",
        allow_nan=True,
    )
    magnetic_force_eV_muB: np.ndarray = array(
        _ATOM, "float64", "eV / mu_B", "minus the derivative of the energy with respect to the moment", allow_nan=True
    )
    equilibrium: np.ndarray = array(("configuration",), "uint8", "1", "1 where the moments were free")
    relaxed: np.ndarray = array(("configuration",), "uint8", "1", "1 where positions and cell were relaxed too")
    group: np.ndarray = array(("configuration",), "int64", "1", "configurations of one group never straddle a split")
    ordering: np.ndarray = array(
        ("configuration",), "int64", "1", "crystal that the configuration was made from, by number"
    )
    name_offset: np.ndarray = array(("configuration_plus_one",), "int64", "1", "first byte of each name in name_utf8")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the configurations, one after the other")
    species: list = attribute(list, "1", "symbols of the elements, the host first")
    labels_from: str = attribute(str, "1", "what computed the labels")
    left_out: list = attribute(list, "1", "configurations that were left out, each with the reason")

    def check(self, where: str) -> None:
        """Offsets, species and flags must make sense."""
        for offset, values in _OFFSETS.items():
            fits = group_sizes(getattr(self, offset), len(getattr(self, values))) is not None
            self.require(fits, where, f"field {offset!r}", "others", f"rising from 0 to {len(getattr(self, values))}")
        largest = int(self.kind.max(initial=0))
        allowed = f"below {len(self.species)}"
        self.require(largest < max(len(self.species), 1), where, "field 'kind'", f"number {largest}", allowed)
        for name in ("equilibrium", "relaxed"):
            flags = getattr(self, name)
            self.require(bool((flags <= 1).all()), where, f"field {name!r}", f"up to {flags.max(initial=0)}", "0 or 1")

    def __len__(self) -> int:
        """Return the number of configurations."""
        return len(self.energy_eV)

    def names(self) -> list[str]:
        """Names of the configurations."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def counts(self) -> np.ndarray:
        """Atoms of each configuration (configuration,)."""
        return np.diff(self.atom_offset)

    def configurations(self) -> Configurations:
        """Return all of them as a potential takes them."""
        from lodestone.spin_potential.configurations import Configurations

        return Configurations(
            names=tuple(self.names()),
            species=tuple(self.species),
            offset=self.atom_offset,
            cell_A=self.cell_A,
            position_A=self.position_A,
            kind=self.kind.astype(np.int64),
            moment_muB=self.moment_muB,
        )

    def labels(self) -> Labels:
        """Return what a potential should say about them."""
        from lodestone.spin_potential.loss import Labels

        return Labels(self.energy_eV, self.force_eV_A, self.stress_eV_A3, self.magnetic_force_eV_muB)
