"""Magnetic potentials of one form, fitted to one data set: an ensemble, or the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.ragged import group_sizes

if TYPE_CHECKING:
    from lodestone.spin_potential.potential import SpinPotential

QUANTITIES = ("energy", "force", "stress", "magnetic_force")
UNITS = ("meV/atom", "meV/Å", "GPa", "meV/µ_{B}")
_RMSE = "meV, meV / Angstrom, GPa, meV / mu_B"


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinFits(Artifact):
    """Parameters of each member, what it was fitted to, and its errors there and elsewhere."""

    SCHEMA: ClassVar[str] = "spin_fits"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"quantity": len(QUANTITIES)}
    RAGGED: ClassVar[Mapping[str, str]] = {"step": "step_offset"}

    parameter: np.ndarray = array(
        ("member", "parameter"),
        "float64",
        "1",
        "parameters in the order moment coefficients (eV), energies of the species (eV), radial coefficients",
    )
    trained: np.ndarray = array(
        ("member", "configuration"), "uint8", "1", "1 where the member was fitted to the configuration"
    )
    train_rmse: np.ndarray = array(
        ("member", "quantity"),
        "float64",
        "1",
        f"root mean square errors of energy per atom, forces, stresses, magnetic forces ({_RMSE}) where it was fitted",
        allow_nan=True,
    )
    test_rmse: np.ndarray = array(
        ("member", "quantity"), "float64", "1", "the same on all other configurations", allow_nan=True
    )
    step_offset: np.ndarray = array(("member_plus_one",), "int64", "1", "first step of each member in `loss`")
    loss: np.ndarray = array(("step",), "float64", "1", "lowest loss so far after each step")
    converged: np.ndarray = array(("member",), "uint8", "1", "1 where the fit ended by its tolerance")
    species: list = attribute(list, "1", "symbols of the elements, in the order of the parameters")
    level: int = attribute(int, "1", "level of the contractions")
    radial_size: int = attribute(int, "1", "number of radial basis functions, N_phi")
    magnetic_size: int = attribute(int, "1", "number of magnetic basis functions, N_psi")
    r_min_A: float = attribute(float, "Angstrom", "where the radial basis begins")
    r_cut_A: float = attribute(float, "Angstrom", "where the interaction ends")
    m_max_muB: float = attribute(float, "mu_B", "largest moment")
    magnetic_weight: float = attribute(float, "1", "weight w_t of magnetic forces in the loss, mu_B2 / eV2")
    labels_from: str = attribute(str, "1", "what computed the labels")

    def check(self, where: str) -> None:
        """Offsets and flags must make sense."""
        fits = group_sizes(self.step_offset, len(self.loss)) is not None
        self.require(fits, where, "field 'step_offset'", "others", f"rising from 0 to {len(self.loss)}")
        for name in ("trained", "converged"):
            flags = getattr(self, name)
            self.require(bool((flags <= 1).all()), where, f"field {name!r}", f"up to {flags.max(initial=0)}", "0 or 1")

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.parameter)

    def potential(self, member: int) -> SpinPotential:
        """Return one member."""
        from lodestone.spin_potential.potential import SpinPotential

        start = SpinPotential.random(
            self.species,
            level_number=self.level,
            magnetic_size=self.magnetic_size,
            rng=np.random.default_rng(0),
            radial_size=self.radial_size,
            r_min_A=self.r_min_A,
            r_cut_A=self.r_cut_A,
            m_max_muB=self.m_max_muB,
        )
        return start.with_parameters(self.parameter[member])

    def potentials(self) -> list[SpinPotential]:
        """Return all members."""
        return [self.potential(member) for member in range(len(self))]
