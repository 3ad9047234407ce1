"""Energies and their derivatives of many configurations at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone.spin_potential import kernels
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a potential says.

    Attributes
    ----------
    energy_eV : ndarray, (configuration,)
        Energy of each cell.
    atom_energy_eV : ndarray, (atom,)
        Its parts.
    force_eV_A : ndarray, (atom, 3)
    stress_eV_A3 : ndarray, (configuration, 3, 3)
        Derivative of the energy with respect to the strain, over the volume.
    magnetic_force_eV_muB : ndarray, (atom,)
        Minus the derivative of the energy with respect to the moment, Eq. 7.
    """

    energy_eV: Array
    atom_energy_eV: Array
    force_eV_A: Array
    stress_eV_A3: Array
    magnetic_force_eV_muB: Array


def evaluate(potential: SpinPotential, configurations: Configurations) -> Predictions:
    """Evaluate a potential (Kotykhov et al., Eqs. 3 to 7).

    Raises
    ------
    ConfigurationError
        For other species, or moments beyond the potential's.
    """
    configurations.require_fit(potential)
    atoms, cells = len(configurations.kind), len(configurations)
    energy, force = np.zeros(atoms), np.zeros((atoms, 3))
    virial, magnetic = np.zeros((cells, 3, 3)), np.zeros(atoms)
    signs = (1.0, -1.0) if potential.symmetrised else (1.0,)
    for sign in signs:
        push = np.zeros(atoms)
        arguments = kernel_arguments(potential, configurations, sign)
        kernels.evaluate(*arguments, energy, force, virial, push)
        magnetic += sign * push
    weight = 1.0 / len(signs)
    stress = weight * virial / configurations.volumes_A3()[:, None, None]
    energies = np.add.reduceat(energy, configurations.offset[:-1]) if cells else np.zeros(0)
    return Predictions(
        energy_eV=weight * energies,
        atom_energy_eV=weight * energy,
        force_eV_A=weight * force,
        stress_eV_A3=(stress + stress.transpose(0, 2, 1)) / 2,
        magnetic_force_eV_muB=weight * magnetic,
    )


def kernel_arguments(potential: SpinPotential, configurations: Configurations, sign: float = 1.0) -> tuple[Any, ...]:
    """Return the inputs of the compiled functions; `sign` reverses all moments."""
    found, level = configurations.neighbours(potential.r_cut_A), potential.level
    return (
        configurations.offset,
        configurations.kind,
        sign * configurations.moment_muB,
        found.block,
        found.atom,
        found.vector_A,
        potential.r_min_A,
        potential.r_cut_A,
        potential.m_max_muB,
        potential.scaling,
        level.basic,
        level.products,
        level.scalars,
        level.moments,
        potential.moment_coefficients,
        potential.species_energies,
        potential.radial_coefficients,
    )
