"""What an ensemble of magnetic potentials makes of equilibrium moments and of relaxed crystals, beside the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.ragged import group_sizes, unpack_texts

_MEMBER_CRYSTAL = ("member", "crystal")


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinChecks(Artifact):
    """Moments brought to equilibrium, and crystals relaxed with their moments, by each member.

    Values of a crystal that was not relaxed to the end are those where it stopped.
    """

    SCHEMA: ClassVar[str] = "spin_checks"
    VERSION: ClassVar[int] = 1
    RAGGED: ClassVar[Mapping[str, str]] = {"atom": "atom_offset", "name_byte": "name_offset"}

    row: np.ndarray = array(("configuration",), "int64", "1", "number of each equilibrium configuration in the data")
    atom_offset: np.ndarray = array(("configuration_plus_one",), "int64", "1", "first atom of each of them")
    is_host: np.ndarray = array(("atom",), "uint8", "1", "1 for atoms of the host")
    label_moment_muB: np.ndarray = array(("atom",), "float64", "mu_B", "free moment of the label")
    moment_muB: np.ndarray = array(("member", "atom"), "float64", "mu_B", "equilibrium moment of the potential")
    equilibrated: np.ndarray = array(
        ("member", "configuration"), "uint8", "1", "1 where no magnetic force was left above the tolerance"
    )
    name_offset: np.ndarray = array(("crystal_plus_one",), "int64", "1", "first byte of each name of a relaxed crystal")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the relaxed crystals")
    atom_count: np.ndarray = array(("crystal",), "int64", "1", "atoms in the cell")
    solute_fraction: np.ndarray = array(("crystal",), "float64", "1", "fraction of solute atoms")
    label_formation_eV: np.ndarray = array(
        ("crystal",),
        "float64",
        "eV",
        "formation energy per atom of the labels from the crystals of host and solute; NaN without that of the host",
        allow_nan=True,
    )
    label_lattice_A: np.ndarray = array(
        ("crystal",), "float64", "Angstrom", "edge of a cubic cell of two atoms with the label's volume per atom"
    )
    label_moment_per_host_muB: np.ndarray = array(
        ("crystal",), "float64", "mu_B", "total moment over the number of host atoms, of the label"
    )
    formation_eV: np.ndarray = array(_MEMBER_CRYSTAL, "float64", "eV", "the same of the potential", allow_nan=True)
    lattice_A: np.ndarray = array(_MEMBER_CRYSTAL, "float64", "Angstrom", "the same of the potential")
    moment_per_host_muB: np.ndarray = array(_MEMBER_CRYSTAL, "float64", "mu_B", "the same of the potential")
    relaxed: np.ndarray = array(
        _MEMBER_CRYSTAL, "uint8", "1", "1 where forces, stresses and magnetic forces vanished in reach of the data"
    )
    magnetic_size: int = attribute(int, "1", "number of magnetic basis functions, N_psi")
    magnetic_weight: float = attribute(float, "1", "weight w_t of magnetic forces in the loss, mu_B2 / eV2")
    species: list = attribute(list, "1", "symbols of the elements, the host first")
    labels_from: str = attribute(str, "1", "what computed the labels")

    def check(self, where: str) -> None:
        """Offsets and flags must make sense."""
        for offset, values in (("atom_offset", "is_host"), ("name_offset", "name_utf8")):
            fits = group_sizes(getattr(self, offset), len(getattr(self, values))) is not None
            self.require(fits, where, f"field {offset!r}", "others", f"rising from 0 to {len(getattr(self, values))}")
        for name in ("is_host", "equilibrated", "relaxed"):
            flags = getattr(self, name)
            self.require(bool((flags <= 1).all()), where, f"field {name!r}", f"up to {flags.max(initial=0)}", "0 or 1")

    def names(self) -> list[str]:
        """Names of the relaxed crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def moment_rmse_muB(self) -> np.ndarray:
        """Error of the host's equilibrium moments of each member (member,), where they were found; NaN if nowhere.

        A crystal and the one with all moments reversed are the same: sizes are compared.
        """
        of_atom = np.repeat(np.arange(len(self.row)), np.diff(self.atom_offset))
        used = (self.equilibrated[:, of_atom] == 1) & (self.is_host == 1)
        return _rmse(np.abs(self.moment_muB) - np.abs(self.label_moment_muB), used)

    def formation_rmse_eV(self) -> np.ndarray:
        """Error of the formation energies of each member (member,) over the crystals that were relaxed."""
        return _rmse(self.formation_eV - self.label_formation_eV, (self.relaxed == 1) & np.isfinite(self.formation_eV))

    def lattice_rmse_A(self) -> np.ndarray:
        """Error of the lattice parameters of each member (member,) over the crystals that were relaxed."""
        return _rmse(self.lattice_A - self.label_lattice_A, self.relaxed == 1)

    def total_moment_rmse_muB(self) -> np.ndarray:
        """Error of the total moments per host atom of each member (member,) over the crystals that were relaxed."""
        errors = np.abs(self.moment_per_host_muB) - np.abs(self.label_moment_per_host_muB)
        return _rmse(errors, self.relaxed == 1)


def _rmse(errors: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Root mean squares over the last axis, where `used`."""
    count = used.sum(axis=1)
    squares = np.where(used, errors**2, 0.0).sum(axis=1)
    return np.sqrt(np.where(count > 0, squares / np.maximum(count, 1), np.nan))
