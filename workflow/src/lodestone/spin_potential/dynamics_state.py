"""What makes a trajectory: settings, the state on disc from which a killed job goes on, and what is found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.spin_potential.barostat import Phase, Response
from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.equilibration import TOLERANCE_EV_MUB

Array = NDArray[np.float64]
# What a sample holds; flags and counts are whole numbers.
SAMPLED = ("step", "volume_A3", "temperature_K", "potential_eV", "conserved_eV", "host_moment_muB", "converged")
_WHOLE = {"step": np.int64, "converged": np.uint8}
_PHASE = ("position_A", "momentum", "cell", "thermostat", "barostat")


@dataclass(frozen=True)
class DynamicsSettings:
    """How to run.

    Attributes
    ----------
    steps : int
    time_step_fs, temperature_K : float
    thermostat_fs, barostat_fs : float
        Times in which heat and volume are exchanged.
    sample_interval, state_interval : int
        Steps between samples, and between states on disc.
    moment_tolerance_eV_muB : float
        Largest magnetic force of moments in equilibrium.
    """

    steps: int
    time_step_fs: float = 2.0
    temperature_K: float = 300.0
    thermostat_fs: float = 100.0
    barostat_fs: float = 1000.0
    sample_interval: int = 10
    state_interval: int = 100
    moment_tolerance_eV_muB: float = TOLERANCE_EV_MUB

    def __post_init__(self) -> None:
        """Everything must be above zero."""
        for name, value in vars(self).items():
            if not value > 0:
                raise ConfigurationError(f"{name}: found {value}, allowed: above 0")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What a run found.

    Attributes
    ----------
    samples : mapping
        Arrays (sample,) by the names in `SAMPLED`; the first is of the start.
    steps_done : int
    reason : str
        Why it stopped early; empty if it did not.
    atoms : Atoms
        The last point, with velocities and, as initial moments, the equilibrium moments.
    """

    samples: Mapping[str, NDArray]
    steps_done: int
    reason: str
    atoms: Atoms


@dataclass(frozen=True, eq=False)
class State:
    """All that the rest of a trajectory depends on, and the samples so far.

    Attributes
    ----------
    step : int
        Steps done.
    phase : Phase
        Positions, momenta, cell, chains and forces.
    moment_muB : ndarray, (2, atom)
        Equilibrium moments of the last step but one and of the last.
    converged : bool
        Whether the moments were in equilibrium at each step since the last sample.
    samples : mapping
        Arrays (sample,) by the names in `SAMPLED`.
    """

    step: int
    phase: Phase
    moment_muB: Array
    converged: bool
    samples: Mapping[str, NDArray]


class StateFile:
    """File of the state, replaced as a whole; one of another key or a damaged one is ignored.

    Parameters
    ----------
    path : path
    key : str
        Hash of all that the trajectory depends on.
    log : Logger
        Told when a file is ignored.
    """

    def __init__(self, path: str | Path, key: str, log: logging.Logger) -> None:
        self._file = Checkpoint(path, key, log=log)

    def save(self, state: State) -> None:
        """Write the state."""
        phase, response = state.phase, state.phase.response
        self._file.save(
            {
                "counts": np.array([state.step, int(state.converged)], np.int64),
                "moment_muB": state.moment_muB,
                "energy": np.array([response.energy_eV, response.virial_eV]),
                "force_eV_A": response.force_eV_A,
                **{name: getattr(phase, name) for name in _PHASE},
                **{f"sample_{name}": state.samples[name] for name in SAMPLED},
            }
        )

    def load(self) -> State | None:
        """Read the state; None if there is none that can be used."""
        found = self._file.load()
        if found is None:
            return None
        step, converged = found["counts"].tolist()
        energy, virial = found["energy"].tolist()
        phase = Phase(**{name: found[name] for name in _PHASE}, response=Response(energy, found["force_eV_A"], virial))
        samples = {name: found[f"sample_{name}"] for name in SAMPLED}
        return State(step, phase, found["moment_muB"], bool(converged), samples)

    def remove(self) -> None:
        """Delete the file: once the artifact is on disc."""
        self._file.remove()


def no_samples() -> dict[str, NDArray]:
    """Return the samples of a trajectory that has not begun."""
    return {name: np.zeros(0, _WHOLE.get(name, np.float64)) for name in SAMPLED}
