"""A magnetic moment tensor potential as data (Kotykhov et al., Eqs. 3 to 6).

Units: eV, angstrom, Bohr magnetons.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential.levels import Level, level

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpinPotential:
    """Tables and parameters of a potential.

    Attributes
    ----------
    species : tuple of str
        Symbols of the elements, in the order of the parameters.
    level : Level
        Contractions.
    r_min_A, r_cut_A : float
        Interval of the radial basis; beyond the second there is no interaction.
    m_max_muB : float
        Moments lie between minus this and this.
    moment_coefficients : ndarray, (scalar,)
        xi of Eq. 3, eV.
    species_energies : ndarray, (species,)
        Energy of an atom without neighbours, eV.
    radial_coefficients : ndarray, (species, species, mu, zeta, beta, gamma)
        c of Eq. 5.
    scaling : float
        Factor of all radial functions.
    symmetrised : bool
        Whether the energy is the mean over a configuration and the one with all moments reversed, Eq. 6. Files of
        other programs do not say; motep evaluates them without.
    """

    species: tuple[str, ...]
    level: Level
    r_min_A: float
    r_cut_A: float
    m_max_muB: float
    moment_coefficients: Array
    species_energies: Array
    radial_coefficients: Array
    scaling: float = 1.0
    symmetrised: bool = True

    def __post_init__(self) -> None:
        """Check that intervals and shapes fit together."""
        if not 0 <= self.r_min_A < self.r_cut_A:
            raise ValueError(f"r_min_A and r_cut_A: found {self.r_min_A} and {self.r_cut_A}, expected them to rise")
        if self.m_max_muB <= 0:
            raise ValueError(f"m_max_muB: found {self.m_max_muB}, allowed: above 0")
        count = len(self.species)
        shape = self.radial_coefficients.shape
        expected = (count, count, self.level.radial_functions)
        if len(shape) != 6 or shape[:3] != expected or shape[4] != shape[5]:
            raise ValueError(f"radial_coefficients: found shape {shape}, expected {expected} and three basis sizes")
        for name, size in (("moment_coefficients", len(self.level.scalars)), ("species_energies", count)):
            if getattr(self, name).shape != (size,):
                raise ValueError(f"{name}: found shape {getattr(self, name).shape}, expected ({size},)")

    @classmethod
    def random(
        cls,
        species: Sequence[str],
        *,
        level_number: int,
        magnetic_size: int,
        rng: np.random.Generator,
        radial_size: int = 8,
        r_min_A: float = 2.0,
        r_cut_A: float = 5.0,
        m_max_muB: float = 3.0,
    ) -> SpinPotential:
        """Return a potential to start a fit from: small random parameters.

        Parameters
        ----------
        species : sequence of str
            Symbols of the elements.
        level_number : int
            Level, 2 to 12.
        magnetic_size : int
            N_psi of Eq. 5.
        rng : numpy.random.Generator
            Draws them.
        radial_size : int
            N_phi of Eq. 5.
        r_min_A, r_cut_A, m_max_muB : float
            As in `SpinPotential`.
        """
        tables, count = level(level_number), len(species)
        shape = (count, count, tables.radial_functions, radial_size, magnetic_size, magnetic_size)
        return cls(
            species=tuple(species),
            level=tables,
            r_min_A=r_min_A,
            r_cut_A=r_cut_A,
            m_max_muB=m_max_muB,
            moment_coefficients=rng.uniform(-0.1, 0.1, len(tables.scalars)),
            species_energies=np.zeros(count),
            radial_coefficients=rng.uniform(-0.1, 0.1, shape),
        )

    @property
    def radial_size(self) -> int:
        """N_phi of Eq. 5."""
        return self.radial_coefficients.shape[3]

    @property
    def magnetic_size(self) -> int:
        """N_psi of Eq. 5."""
        return self.radial_coefficients.shape[4]

    @property
    def parameter_count(self) -> int:
        """Number of parameters that a fit changes."""
        return self.moment_coefficients.size + self.species_energies.size + self.radial_coefficients.size

    def parameters(self) -> Array:
        """All of them in a row (parameter,): moment coefficients, species energies, radial coefficients."""
        return np.concatenate([self.moment_coefficients, self.species_energies, self.radial_coefficients.ravel()])

    def with_parameters(self, values: Array) -> SpinPotential:
        """Return the potential with other parameters, in the order of `parameters`."""
        if values.shape != (self.parameter_count,):
            raise ValueError(f"parameters: found shape {values.shape}, expected ({self.parameter_count},)")
        scalars, count = self.moment_coefficients.size, len(self.species)
        return dataclasses.replace(
            self,
            moment_coefficients=values[:scalars].copy(),
            species_energies=values[scalars : scalars + count].copy(),
            radial_coefficients=values[scalars + count :].reshape(self.radial_coefficients.shape).copy(),
        )
