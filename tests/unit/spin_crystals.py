"""Configurations and potentials that the tests of magnetic potentials share."""

import dataclasses
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.data import atomic_numbers
from motep.potentials.mmtp.data import MagMTPData

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.potential import SpinPotential

SPECIES = ("Fe", "Al")
SAMPLES = Path(__file__).parents[1] / "data" / "spin_potential"


def images(count=3, seed=0, repeat=(1, 1, 2)):
    """Distorted bcc Fe with an Al atom in each, and moments on both sides of zero."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        atoms = bulk("Fe", a=2.86, cubic=True).repeat(repeat)
        atoms.symbols[1] = "Al"
        atoms.positions += rng.normal(scale=0.08, size=atoms.positions.shape)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(scale=0.02, size=(3, 3))), scale_atoms=True)
        atoms.set_initial_magnetic_moments(rng.uniform(-2.0, 2.5, len(atoms)))
        made.append(atoms)
    return made


def configurations(count=3, seed=0, **options):
    return Configurations.from_atoms(images(count, seed, **options), SPECIES)


def potential(magnetic_size=2, level=8, seed=1, species=SPECIES):
    return SpinPotential.random(
        species, level_number=level, magnetic_size=magnetic_size, rng=np.random.default_rng(seed)
    )


def well(bottom=1.5, stiffness=0.05, exchange=0.0, m_max=3.0, species=("Fe",), bond_eV=0.0):
    """All species with a pair energy of ``stiffness phi_0 (m_i^2 + m_j^2 - 2 bottom^2)^2 - exchange phi_1 m_i m_j``.

    Without exchange all moments of plus or minus `bottom` are minima. A bond that knows no moments, of so much energy
    at 2.6 A, keeps crystals together.
    """
    made = SpinPotential.random(
        species, level_number=2, magnetic_size=5, rng=np.random.default_rng(0), radial_size=8, m_max_muB=m_max
    )
    # A polynomial of fourth order in both moments in the Chebyshev basis, by interpolation at its nodes.
    nodes = np.cos(np.pi * (np.arange(5) + 0.5) / 5)
    basis = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, 4))
    squares = (m_max * nodes) ** 2
    wells = stiffness * (squares[:, None] + squares - 2 * bottom**2) ** 2
    pairs = -exchange * m_max**2 * np.outer(nodes, nodes)
    radial = np.zeros((8, 5, 5))
    radial[:2] = [basis @ values @ basis.T for values in (wells, pairs)]
    radial[:, 0, 0] += _bond(made, bond_eV)
    return dataclasses.replace(
        made,
        radial_coefficients=np.broadcast_to(radial, made.radial_coefficients.shape).copy(),
        moment_coefficients=np.ones(1),
        species_energies=np.full(len(species), -2000.0),
    )


def _bond(made, depth_eV):
    """Coefficients of a Morse bond, as far as the radial basis can follow."""
    r = np.linspace(2.1, made.r_cut_A, 100)
    x = (2 * r - made.r_min_A - made.r_cut_A) / (made.r_cut_A - made.r_min_A)
    phi = np.polynomial.chebyshev.chebvander(x, made.radial_size - 1) * made.scaling * (made.r_cut_A - r)[:, None] ** 2
    morse = depth_eV * ((1 - np.exp(-1.5 * (r - 2.6))) ** 2 - 1)
    return np.linalg.lstsq(phi, morse)[0]


def as_motep(made):
    """Our potential as motep's data."""
    tables, count = made.level, len(made.species)
    interval = {"min": made.r_min_A, "max": made.r_cut_A, "size": made.radial_size}
    moments = {"min": -made.m_max_muB, "max": made.m_max_muB, "size": made.magnetic_size}
    return MagMTPData(
        scaling=made.scaling,
        species_count=count,
        radial_basis={"type": "RBChebyshev", **interval},
        magnetic_basis={"type": "BChebyshev", **moments},
        radial_funcs_count=tables.radial_functions,
        radial_coeffs=made.radial_coefficients.reshape(count, count, tables.radial_functions, -1).copy(),
        alpha_moments_count=tables.moments,
        alpha_index_basic_count=len(tables.basic),
        alpha_index_basic=tables.basic.astype(np.int32),
        alpha_index_times_count=len(tables.products),
        alpha_index_times=tables.products.astype(np.int32),
        alpha_scalar_moments=len(tables.scalars),
        alpha_moment_mapping=tables.scalars.astype(np.int32),
        species_coeffs=made.species_energies.copy(),
        moment_coeffs=made.moment_coefficients.copy(),
        _species=np.array([atomic_numbers[s] for s in made.species], np.int32),
    )
