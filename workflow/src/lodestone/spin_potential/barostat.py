"""Molecular dynamics at constant temperature and zero pressure: the cell breathes, its shape stays.

Equations of Martyna, Tobias and Klein (J. Chem. Phys. 101, 4177, 1994), integrated as by Tuckerman et al. (J. Phys. A
39, 5629, 2006): chains of thermostats on the atoms and on the barostat around a reversible step of positions and cell.
The centre of mass rests, so that there are ``3 atoms - 3`` degrees of freedom.

Units: eV, angstrom, atomic masses, and the time in which these have no factors; momenta are ``mass * velocity``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import units
from numpy.typing import NDArray
from scipy.special import exprel

Array = NDArray[np.float64]
# Three thermostats in a row make also a stiff crystal ergodic (Martyna, Klein and Tuckerman, 1992).
_CHAIN = 3
# Yoshida's weights of a step of fourth order, made of three of second order.
_CUBE_ROOT = 2.0 ** (1.0 / 3.0)
_WEIGHTS = (1 / (2 - _CUBE_ROOT), -_CUBE_ROOT / (2 - _CUBE_ROOT), 1 / (2 - _CUBE_ROOT))


@dataclass(frozen=True, eq=False)
class Response:
    """What atoms answer: energy (eV), forces (atom, 3) in eV / angstrom, and minus the trace of volume times stress."""

    energy_eV: float
    force_eV_A: Array
    virial_eV: float


Respond = Callable[[Array, Array], Response]


@dataclass(frozen=True, eq=False)
class Phase:
    """A point of the trajectory, with all that the next step depends on.

    Attributes
    ----------
    position_A : ndarray, (atom, 3)
    momentum : ndarray, (atom, 3)
    cell : ndarray, (2,)
        Logarithm of the cell's edge over that of the reference, and its momentum.
    thermostat, barostat : ndarray, (2, chain)
        Positions and momenta of the chains on the atoms and on the cell.
    response : Response
        To the positions and the cell.
    """

    position_A: Array
    momentum: Array
    cell: Array
    thermostat: Array
    barostat: Array
    response: Response


class IsotropicNPT:
    """Integrator.

    Parameters
    ----------
    mass_amu : ndarray, (atom,)
    cell_A : ndarray, (3, 3)
        Reference: the cell at the start.
    time_step_fs : float
    temperature_K : float
    thermostat_fs, barostat_fs : float
        Times in which heat and volume are exchanged; they give the masses of chains and cell.
    respond : callable
        From positions (atom, 3) and cell (3, 3) to the response.
    degrees_of_freedom : int, optional
        ``3 atoms - 3`` unless given.
    """

    def __init__(
        self,
        mass_amu: Array,
        cell_A: Array,
        *,
        time_step_fs: float,
        temperature_K: float,
        thermostat_fs: float,
        barostat_fs: float,
        respond: Respond,
        degrees_of_freedom: int | None = None,
    ) -> None:
        self.freedom = 3 * len(mass_amu) - 3 if degrees_of_freedom is None else degrees_of_freedom
        self._mass = np.asarray(mass_amu, float)[:, None]
        self._cell, self._volume = cell_A.copy(), float(abs(np.linalg.det(cell_A)))
        self._dt, self._kT = time_step_fs * units.fs, units.kB * temperature_K
        self._respond = respond
        heat, volume = self._kT * (thermostat_fs * units.fs) ** 2, self._kT * (barostat_fs * units.fs) ** 2
        self._heat_mass = heat * np.array([self.freedom, *[1.0] * (_CHAIN - 1)])
        self._cell_mass, self._cell_heat_mass = (self.freedom + 3) * volume, volume * np.ones(_CHAIN)

    def start(self, position_A: Array, momentum: Array) -> Phase:
        """Return the point with these positions and momenta in the reference cell, with cell and chains at rest."""
        chain = np.zeros((2, _CHAIN))
        response = self._respond(position_A, self._cell)
        return Phase(position_A.copy(), momentum.copy(), np.zeros(2), chain, chain.copy(), response)

    def advance(self, phase: Phase) -> Phase:
        """Return the point one time step later; `phase` stays as it is."""
        half = self._dt / 2
        size, push = phase.cell
        barostat, slowed = self._cell_chain(phase.barostat, push, half)
        thermostat, scale = self._atom_chain(phase.thermostat, phase.momentum, half)
        push, momentum = push * slowed, phase.momentum * scale
        push += half * self._cell_force(momentum, phase.response)
        momentum = self._kick(momentum, push, phase.response, half)
        # Over a whole step the cell's momentum is constant: both motions are solved exactly.
        growth = self._dt * push / self._cell_mass
        position = phase.position_A * np.exp(growth) + self._dt * momentum / self._mass * exprel(growth)
        size += growth
        response = self._respond(position, self._cell * np.exp(size))
        momentum = self._kick(momentum, push, response, half)
        push += half * self._cell_force(momentum, response)
        thermostat, scale = self._atom_chain(thermostat, momentum, half)
        barostat, slowed = self._cell_chain(barostat, push, half)
        return Phase(position, momentum * scale, np.array([size, push * slowed]), thermostat, barostat, response)

    def volume_A3(self, phase: Phase) -> float:
        """Volume of the cell."""
        return self._volume * float(np.exp(3 * phase.cell[0]))

    def cell_A(self, phase: Phase) -> Array:
        """Lattice vectors (3, 3) as rows."""
        return self._cell * np.exp(phase.cell[0])

    def temperature_K(self, phase: Phase) -> float:
        """Temperature of the atoms' motion."""
        return self._twice_kinetic(phase.momentum) / (self.freedom * units.kB)

    def conserved_eV(self, phase: Phase) -> float:
        """Energy of atoms, cell and chains together, which exact dynamics leave as it is."""
        atoms = phase.response.energy_eV + self._twice_kinetic(phase.momentum) / 2
        cell = phase.cell[1] ** 2 / (2 * self._cell_mass)
        heat = np.sum(phase.thermostat[1] ** 2 / self._heat_mass) / 2
        heat += self._kT * (self.freedom * phase.thermostat[0, 0] + phase.thermostat[0, 1:].sum())
        heat += np.sum(phase.barostat[1] ** 2 / self._cell_heat_mass) / 2 + self._kT * phase.barostat[0].sum()
        return float(atoms + cell + heat)

    def _twice_kinetic(self, momentum: Array) -> float:
        return float(np.sum(momentum**2 / self._mass))

    def _cell_force(self, momentum: Array, response: Response) -> float:
        """Three times volume times pressure, with the correction that makes the ensemble that of constant pressure."""
        return response.virial_eV + (1 + 3 / self.freedom) * self._twice_kinetic(momentum)

    def _kick(self, momentum: Array, push: float, response: Response, time: float) -> Array:
        """Momenta under forces and the friction of the cell's motion."""
        friction = (1 + 3 / self.freedom) * time * push / self._cell_mass
        return momentum * np.exp(-friction) + time * response.force_eV_A * exprel(-friction)

    def _atom_chain(self, chain: Array, momentum: Array, time: float) -> tuple[Array, float]:
        return _advance_chain(
            chain, self._heat_mass, self._twice_kinetic(momentum), self.freedom * self._kT, self._kT, time
        )

    def _cell_chain(self, chain: Array, push: float, time: float) -> tuple[Array, float]:
        return _advance_chain(chain, self._cell_heat_mass, push**2 / self._cell_mass, self._kT, self._kT, time)


def _advance_chain(
    chain: Array, mass: Array, twice_kinetic: float, wanted: float, kT: float, time: float
) -> tuple[Array, float]:
    """Return the chain after `time`, and the factor of the momenta that it acts on.

    `twice_kinetic` is the energy that the first thermostat brings to `wanted`.
    """
    position, momentum = chain.copy()
    scale, last = 1.0, len(mass) - 1

    def push(j: int, span: float) -> None:
        drive = twice_kinetic * scale**2 - wanted if j == 0 else momentum[j - 1] ** 2 / mass[j - 1] - kT
        brake = np.exp(-span / 2 * momentum[j + 1] / mass[j + 1]) if j < last else 1.0
        momentum[j] = (momentum[j] * brake + span * drive) * brake

    for weight in _WEIGHTS:
        span = weight * time
        for j in range(last, -1, -1):
            push(j, span / 2)
        position += span * momentum / mass
        scale *= float(np.exp(-span * momentum[0] / mass[0]))
        for j in range(last + 1):
            push(j, span / 2)
    return np.stack([position, momentum]), scale
