"""Alloys at a temperature and without pressure, moments in equilibrium at each step (Kotykhov et al., section 2.6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.spin_potential.barostat import IsotropicNPT, Response
from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.dynamics_state import SAMPLED, DynamicsSettings, State, StateFile, Trajectory, no_samples
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
# A crystal that shrinks or swells by more has left what any data set of crystals covers.
VOLUME_RANGE = (0.7, 1.4)
# Hotter than any solid; atoms this fast come from forces that make no sense.
MAX_TEMPERATURE_K = 10_000.0
# Equilibrium moments move by hundredths of mu_B in a step; a larger change is a jump, which nothing extrapolates.
_LARGEST_CHANGE_MUB = 0.1
# Cells of two atoms along each edge: the paper's 128 atoms.
REPEAT = 4


def random_alloy(
    host: str,
    solute: str,
    solute_count: int,
    lattice_A: float,
    start_moments_muB: Mapping[str, float],
    rng: np.random.Generator,
    repeat: int = REPEAT,
) -> tuple[Atoms, Array]:
    """Return a bcc crystal with solute atoms on random sites, and moments (atom,) to start from.

    Parameters
    ----------
    host, solute : str
        Symbols of the elements.
    solute_count : int
    lattice_A : float
        Edge of the cubic cell of two atoms.
    start_moments_muB : mapping
        Moment by symbol.
    rng : numpy.random.Generator
        Draws the sites.
    repeat : int
        Cells of two atoms along each edge.

    Raises
    ------
    ConfigurationError
        For a number of solute atoms that the crystal does not hold.
    """
    atoms = bulk(host, "bcc", a=lattice_A, cubic=True).repeat(repeat)
    if not 0 <= solute_count < len(atoms):
        raise ConfigurationError(f"solute_count: found {solute_count}, allowed: 0 to {len(atoms) - 1}")
    atoms.symbols[rng.permutation(len(atoms))[:solute_count]] = solute
    return atoms, np.array([start_moments_muB[symbol] for symbol in atoms.get_chemical_symbols()], float)


def simulate(
    potential: SpinPotential,
    atoms: Atoms,
    moments_muB: Array,
    settings: DynamicsSettings,
    rng: np.random.Generator,
    state_path: str | Path,
    provenance_key: str,
    log: logging.Logger,
) -> Trajectory:
    """Run molecular dynamics at zero pressure, or finish a run that was cut off.

    The result is the same to the last bit whether or not the run was cut off. Call `StateFile.remove` once it is kept.

    Parameters
    ----------
    potential : SpinPotential
        Its first species is the host.
    atoms : Atoms
        Start; not changed.
    moments_muB : ndarray, (atom,)
        Where the first equilibration of the moments begins.
    settings : DynamicsSettings
    rng : numpy.random.Generator
        Draws the velocities.
    state_path : path
        File of the state.
    provenance_key : str
        Hash of all that the run depends on; a state of another key is ignored.
    log : Logger
        Told about the progress.

    Raises
    ------
    ConfigurationError
        For a crystal without host atoms, for elements or moments that the potential does not know, and for cells that
        are not periodic.
    """
    run = _Run(potential, atoms, moments_muB, settings)
    # Drawn also by a run that goes on, so that the generator's later numbers are the same.
    momentum = _momenta(atoms, settings.temperature_K, rng)
    file = StateFile(state_path, provenance_key, log)
    state, reason = file.load(), ""
    if state is not None:
        log.info("goes on after %d of %d steps", state.step, settings.steps)
        run.resume(state)
    try:
        state = state or run.start(momentum)
        while state.step < settings.steps:
            state = run.advance(state)
            if state.step % settings.state_interval == 0:
                file.save(state)
                log.info("step %d of %d: %s", state.step, settings.steps, run.described(state))
    except _StoppedError as stop:
        reason = f"after step {state.step}: {stop}" if state else f"at the start: {stop}"
        log.warning("stopped %s", reason)
    samples = state.samples if state else no_samples()
    return Trajectory(samples, state.step if state else 0, reason, run.image(state))


def packed(
    found: Trajectory,
    settings: DynamicsSettings,
    potential: SpinPotential,
    *,
    member: int,
    magnetic_weight: float,
    labels_from: str,
    provenance: Provenance,
) -> SpinDynamics:
    """Return the artifact: `member` is the potential's number in its ensemble, `magnetic_weight` that of its fit."""
    symbols = found.atoms.get_chemical_symbols()
    host = potential.species[0]
    return SpinDynamics(
        **{name: found.samples[name] for name in SAMPLED},
        species=list(potential.species),
        solute_fraction=1.0 - symbols.count(host) / len(symbols),
        atom_count=len(symbols),
        steps=settings.steps,
        steps_done=found.steps_done,
        time_step_fs=settings.time_step_fs,
        temperature_target_K=settings.temperature_K,
        thermostat_fs=settings.thermostat_fs,
        barostat_fs=settings.barostat_fs,
        reason=found.reason,
        level=potential.level.number,
        magnetic_size=potential.magnetic_size,
        magnetic_weight=magnetic_weight,
        member=member,
        labels_from=labels_from,
        provenance=provenance,
    )


class _StoppedError(Exception):
    """The trajectory has come to a bad end; the message says why."""


class _Run:
    """Atoms, their calculator and the integrator of one trajectory."""

    def __init__(self, potential: SpinPotential, atoms: Atoms, moments_muB: Array, settings: DynamicsSettings) -> None:
        self._image = atoms.copy()
        self._is_host = np.array([symbol == potential.species[0] for symbol in atoms.get_chemical_symbols()])
        if not self._is_host.any():
            raise ConfigurationError(f"{atoms.get_chemical_formula()}: found no {potential.species[0]}, expected some")
        self._settings, self._bound = settings, potential.m_max_muB
        self._volume = atoms.get_volume()
        tolerance = settings.moment_tolerance_eV_muB
        self._calculator = SpinCalculator(potential, equilibrate=True, tolerance_eV_muB=tolerance)
        self._image.calc = self._calculator
        self._moments = np.array([moments_muB, moments_muB], float)
        self._started = False
        self.dynamics = IsotropicNPT(
            atoms.get_masses(),
            atoms.cell.array,
            time_step_fs=settings.time_step_fs,
            temperature_K=settings.temperature_K,
            thermostat_fs=settings.thermostat_fs,
            barostat_fs=settings.barostat_fs,
            respond=self._respond,
        )

    def start(self, momentum: Array) -> State:
        """Return the state before the first step."""
        phase = self.dynamics.start(self._image.positions, momentum)
        self._started = True
        return self._sampled(State(0, phase, self._moments, self._calculator.converged, no_samples()))

    def resume(self, state: State) -> None:
        """Take the moments of a state."""
        self._moments, self._started = state.moment_muB, True

    def advance(self, state: State) -> State:
        """Return the state one step later.

        Raises
        ------
        _StoppedError
        """
        phase = self.dynamics.advance(state.phase)
        temperature = self.dynamics.temperature_K(phase)
        if not temperature < MAX_TEMPERATURE_K:
            raise _StoppedError(f"the temperature became {temperature:.3g} K, allowed: below {MAX_TEMPERATURE_K:g} K")
        converged = state.converged and self._calculator.converged
        made = State(state.step + 1, phase, self._moments, converged, state.samples)
        return self._sampled(made) if made.step % self._settings.sample_interval == 0 else made

    def described(self, state: State) -> str:
        """Say in a few words how it goes."""
        lattice = np.cbrt(2 * self.dynamics.volume_A3(state.phase) / len(self._image))
        return f"{self.dynamics.temperature_K(state.phase):.1f} K, lattice parameter {lattice:.4f} A"

    def image(self, state: State | None) -> Atoms:
        """Atoms of a state, or of the start, with their last moments as initial ones."""
        made = self._image.copy()
        if state is None:
            made.set_initial_magnetic_moments(self._moments[1])
            return made
        made.set_cell(self.dynamics.cell_A(state.phase))
        made.positions = state.phase.position_A
        made.set_momenta(state.phase.momentum)
        made.set_initial_magnetic_moments(state.moment_muB[1])
        return made

    def _sampled(self, state: State) -> State:
        """Add a sample; the moments' convergence is then counted anew."""
        sample: dict[str, Any] = {
            "step": state.step,
            "volume_A3": self.dynamics.volume_A3(state.phase),
            "temperature_K": self.dynamics.temperature_K(state.phase),
            "potential_eV": state.phase.response.energy_eV,
            "conserved_eV": self.dynamics.conserved_eV(state.phase),
            "host_moment_muB": state.moment_muB[1, self._is_host].mean(),
            "converged": state.converged,
        }
        samples = {name: np.append(old, np.array([sample[name]], old.dtype)) for name, old in state.samples.items()}
        return State(state.step, state.phase, state.moment_muB, True, samples)

    def _respond(self, position: Array, cell: Array) -> Response:
        """Bring the moments to equilibrium, beginning where the last two steps lead, and return energy and forces."""
        ratio = abs(np.linalg.det(cell)) / self._volume
        if not (np.isfinite(position).all() and np.isfinite(ratio)):
            raise _StoppedError("positions are no longer numbers")
        if not VOLUME_RANGE[0] < ratio < VOLUME_RANGE[1]:
            raise _StoppedError(
                f"the volume became {ratio:.2f} of that at the start, allowed: {VOLUME_RANGE[0]} to {VOLUME_RANGE[1]}"
            )
        before, last = self._moments
        begin = last
        if self._started:
            change = np.where(np.abs(last - before) < _LARGEST_CHANGE_MUB, last - before, 0.0)
            begin = np.clip(last + change, -self._bound, self._bound)
        self._image.set_cell(cell)
        self._image.positions = position
        self._image.set_initial_magnetic_moments(begin)
        # The moments to begin at are given at each step: a run that goes on knows them from its state alone.
        self._calculator.forget()
        try:
            energy, force = self._image.get_potential_energy(), self._image.get_forces()
            virial = -self._image.get_volume() * float(self._image.get_stress()[:3].sum())
        except (ConfigurationError, np.linalg.LinAlgError, ValueError) as error:
            if not self._started:
                raise
            raise _StoppedError(str(error)) from error
        moments = self._calculator.results["magmoms"]
        if not (np.isfinite(force).all() and np.isfinite([energy, virial, *moments]).all()):
            raise _StoppedError("energy, forces, stress or moments are not numbers")
        if (at_bound := int(np.count_nonzero(np.abs(moments) >= self._bound))) > 0:
            raise _StoppedError(f"{at_bound} moments reached the potential's bound of {self._bound:g} mu_B")
        self._moments = np.array([last if self._started else moments, moments])
        return Response(float(energy), force, virial)


def _momenta(atoms: Atoms, temperature_K: float, rng: np.random.Generator) -> Array:
    """Momenta (atom, 3) after Maxwell and Boltzmann, the centre of mass at rest."""
    mass = atoms.get_masses()[:, None]
    momentum = rng.standard_normal((len(atoms), 3)) * np.sqrt(mass * units.kB * temperature_K)
    return momentum - mass * momentum.sum(axis=0) / mass.sum()
