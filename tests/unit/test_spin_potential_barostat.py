"""Molecular dynamics at constant temperature and pressure: the integrator against theory and against another one."""

import dataclasses

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.md.nose_hoover_chain import IsotropicMTKNPT

from lodestone.artifacts.spin_dynamics import standard_error
from lodestone.spin_potential.barostat import IsotropicNPT, Response

# eV / A^2 of a spring, and the edge of a cell of two atoms in A.
SPRING, EDGE = 1.5, 2.86
TIMES = {"temperature_K": 300.0, "thermostat_fs": 50.0, "barostat_fs": 200.0}


class Springs:
    """Springs ``(x - d)^2 / 2`` and ``quartic (x - d)^4`` between nearest neighbours of a bcc crystal."""

    def __init__(self, repeat=2, quartic=0.0):
        self.atoms = bulk("Fe", a=EDGE, cubic=True).repeat(repeat)
        corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * EDGE / 2
        scaled = self.atoms.get_scaled_positions()
        pairs = []
        for i in range(0, len(self.atoms), 2):
            for vector in corner:
                target = scaled[i] + vector / (repeat * EDGE)
                gap = scaled - target
                j = int(np.argmin(np.abs(gap - np.round(gap)).sum(axis=1)))
                pairs.append((i, j, *np.round(target - scaled[j])))
        pairs = np.array(pairs)
        self.first, self.second, self.image = pairs[:, 0].astype(int), pairs[:, 1].astype(int), pairs[:, 2:]
        self.length, self.quartic = np.sqrt(3) / 2 * EDGE, quartic

    def __call__(self, position, cell):
        vector = position[self.second] + self.image @ cell - position[self.first]
        distance = np.linalg.norm(vector, axis=1)
        stretch = distance - self.length
        energy = np.sum(SPRING * stretch**2 / 2 + self.quartic * stretch**4)
        pull = ((SPRING * stretch + 4 * self.quartic * stretch**3) / distance)[:, None] * vector
        force = np.zeros_like(position)
        np.add.at(force, self.first, pull)
        np.add.at(force, self.second, -pull)
        return Response(float(energy), force, -float(np.sum(pull * vector)))

    def integrator(self, time_step_fs, **options):
        mass, cell = self.atoms.get_masses(), self.atoms.cell.array
        return IsotropicNPT(mass, cell, time_step_fs=time_step_fs, respond=self, **{**TIMES, **options})

    def momenta(self, seed=0, temperature_K=300.0):
        mass = self.atoms.get_masses()[:, None]
        drawn = np.random.default_rng(seed).normal(size=(len(mass), 3)) * np.sqrt(mass * units.kB * temperature_K)
        return drawn - drawn.mean(axis=0)


def run(integrator, phase, steps):
    phases = [phase]
    for _ in range(steps):
        phases.append(integrator.advance(phases[-1]))
    return phases


def test_the_conserved_quantity_errs_by_the_square_of_the_time_step():
    springs = Springs(quartic=2.0)
    spread = []
    for time_step, steps in ((4.0, 100), (2.0, 200)):
        integrator = springs.integrator(time_step)
        phases = run(integrator, integrator.start(springs.atoms.positions, springs.momenta()), steps)
        # Chains and barostat take part: the temperature has to move far more than the conserved quantity.
        spread.append(np.std([integrator.conserved_eV(phase) for phase in phases]))
        assert np.std([phase.response.energy_eV for phase in phases]) > 30 * spread[-1]
    # 4 in the limit of short steps.
    assert 3.3 < spread[0] / spread[1] < 4.7


def test_time_runs_backwards_to_the_start():
    """Momenta of everything reversed lead back: only rounding (1e-13 of positions) grows, by the crystal's chaos."""
    springs = Springs(quartic=2.0)
    integrator = springs.integrator(2.0)
    start = integrator.start(springs.atoms.positions, springs.momenta())
    end = run(integrator, start, 100)[-1]
    sign = np.array([1.0, -1.0])
    turned = dataclasses.replace(
        end,
        momentum=-end.momentum,
        cell=end.cell * sign,
        thermostat=end.thermostat * sign[:, None],
        barostat=end.barostat * sign[:, None],
    )
    back = run(integrator, turned, 100)[-1]
    assert np.abs(end.position_A - start.position_A).max() > 0.02
    np.testing.assert_allclose(back.position_A, start.position_A, atol=1e-9)
    np.testing.assert_allclose(back.cell[0], 0.0, atol=1e-9)


class AseSprings(Calculator):
    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, springs):
        super().__init__()
        self.springs = springs

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        said = self.springs(self.atoms.positions, self.atoms.cell.array)
        # Only the trace matters to an isotropic barostat.
        stress = -said.virial_eV / 3 / self.atoms.get_volume()
        self.results = {"energy": said.energy_eV, "free_energy": said.energy_eV, "forces": said.force_eV_A}
        self.results["stress"] = np.array([stress] * 3 + [0.0] * 3)


def test_the_trajectory_is_that_of_another_integrator():
    """ASE's counts the resting centre of mass among the degrees of freedom, and has a heavier first chain mass."""
    springs = Springs(quartic=2.0)
    atoms = springs.atoms.copy()
    integrator = springs.integrator(2.0, degrees_of_freedom=3 * len(atoms))
    phase = run(integrator, integrator.start(atoms.positions, springs.momenta()), 50)[-1]
    atoms.calc = AseSprings(springs)
    atoms.set_momenta(springs.momenta())
    with IsotropicMTKNPT(
        atoms, 2.0 * units.fs, temperature_K=300.0, pressure_au=0.0, tdamp=50.0 * units.fs, pdamp=200.0 * units.fs
    ) as other:
        other._barostat._R[0] /= 9
        other.run(50)
    assert abs(phase.cell[0]) > 1e-4
    # Rounding alone.
    np.testing.assert_allclose(phase.position_A, atoms.positions, atol=1e-10)
    np.testing.assert_allclose(integrator.cell_A(phase), atoms.cell.array, atol=1e-10)


def test_temperature_and_pressure_are_those_that_were_asked_for():
    springs = Springs(quartic=2.0)
    integrator = springs.integrator(4.0)
    # From a cold start and a compressed cell: what is found is not what was put in.
    springs_cell = springs.atoms.positions * 0.99
    start = integrator.start(springs.atoms.positions, springs.momenta(temperature_K=100.0))
    start = dataclasses.replace(
        start,
        position_A=springs_cell,
        cell=np.array([np.log(0.99), 0.0]),
        response=springs(springs_cell, springs.atoms.cell.array * 0.99),
    )
    phases = run(integrator, start, 8000)[1000:]
    temperature = np.array([integrator.temperature_K(phase) for phase in phases])
    # Kinetic energies fluctuate by sqrt(2 / degrees of freedom) in the canonical ensemble.
    expected = 300.0 * np.sqrt(2 / integrator.freedom)
    assert abs(temperature.mean() - 300.0) < 4 * standard_error(temperature)
    assert standard_error(temperature) < 0.02 * 300.0
    assert temperature.std() == pytest.approx(expected, rel=0.15)
    # Without outer pressure <volume * pressure> = -kT, for volumes are weighted by dV: partial integration.
    kinetic = integrator.freedom * units.kB * temperature
    work = np.array([phase.response.virial_eV for phase in phases]) + kinetic
    error = standard_error(work)
    assert abs(work.mean() + 3 * units.kB * 300.0) < 4 * error
    # Springs push back against the atoms' motion, and the error is far below either.
    assert error < 0.1 * kinetic.mean()
