"""Intrinsic properties of a magnetic phase."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lodestone.magnetism.units import MU0


@dataclass(frozen=True)
class Material:
    """Intrinsic properties of a uniaxial ferromagnet.

    Parameters
    ----------
    mu0_Ms_T : float
        Spontaneous polarisation mu0 M_s, in T.
    K1_J_m3 : float
        First uniaxial anisotropy constant, in J/m3.
    A_J_m : float
        Exchange stiffness, in J/m.

    Raises
    ------
    ValueError
        If the polarisation or the anisotropy is not positive, the exchange stiffness is negative, or one of them is
        not finite.
    """

    mu0_Ms_T: float
    K1_J_m3: float
    A_J_m: float

    def __post_init__(self) -> None:
        """Refuse what no ferromagnet has."""
        for name, value, least in (
            ("mu0_Ms_T", self.mu0_Ms_T, "> 0"),
            ("K1_J_m3", self.K1_J_m3, "> 0"),
            ("A_J_m", self.A_J_m, ">= 0"),
        ):
            if not (math.isfinite(value) and (value >= 0 if least == ">= 0" else value > 0)):
                raise ValueError(f"{name}: found {value!r}, allowed are finite values {least}")

    @property
    def anisotropy_field_T(self) -> float:
        """Anisotropy field mu0 H_A = 2 K_1 / M_s, in T."""
        return 2 * self.K1_J_m3 * MU0 / self.mu0_Ms_T

    @property
    def stray_energy_J_m3(self) -> float:
        """Twice the stray-field energy constant, mu0 M_s^2, in J/m3."""
        return self.mu0_Ms_T**2 / MU0

    @classmethod
    def from_config(cls, section: Mapping[str, float]) -> Material:
        """Material of a config section with the keys mu0_Ms_T, K1_J_m3 and A_J_m."""
        return cls(section["mu0_Ms_T"], section["K1_J_m3"], section["A_J_m"])
