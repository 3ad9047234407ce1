"""Molecular dynamics of one alloy with one magnetic potential: the lattice at a temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

# Below this many blocks the spread among them says too little: its own error is a quarter for eight.
_LEAST_BLOCKS = 8
_FS_PER_PS = 1000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinDynamics(Artifact):
    """Samples of a trajectory at constant temperature and zero pressure, moments in equilibrium."""

    SCHEMA: ClassVar[str] = "spin_dynamics"
    VERSION: ClassVar[int] = 1

    step: np.ndarray = array(("sample",), "int64", "1", "time steps done at each sample, the start included")
    volume_A3: np.ndarray = array(("sample",), "float64", "Angstrom3", "volume of the cell")
    temperature_K: np.ndarray = array(("sample",), "float64", "K", "temperature of the atoms' motion")
    potential_eV: np.ndarray = array(("sample",), "float64", "eV", "potential energy of the cell")
    conserved_eV: np.ndarray = array(
        ("sample",), "float64", "eV", "energy of atoms, thermostat and barostat together, which exact dynamics conserve"
    )
    host_moment_muB: np.ndarray = array(("sample",), "float64", "mu_B", "mean moment of the host's atoms")
    converged: np.ndarray = array(
        ("sample",), "uint8", "1", "1 where the moments were in equilibrium at each step since the last sample"
    )
    species: list = attribute(list, "1", "symbols of the elements, the host first")
    solute_fraction: float = attribute(float, "1", "fraction of atoms that are not of the host")
    atom_count: int = attribute(int, "1", "atoms in the cell")
    steps: int = attribute(int, "1", "time steps that were asked for")
    steps_done: int = attribute(int, "1", "time steps that were done")
    time_step_fs: float = attribute(float, "fs", "time step")
    temperature_target_K: float = attribute(float, "K", "temperature of the thermostat")
    thermostat_fs: float = attribute(float, "fs", "time in which heat is exchanged")
    barostat_fs: float = attribute(float, "fs", "time in which volume is exchanged")
    reason: str = attribute(str, "1", "why the trajectory stopped early; empty if it did not")
    level: int = attribute(int, "1", "level of the potential's contractions")
    magnetic_size: int = attribute(int, "1", "number of magnetic basis functions, N_psi")
    magnetic_weight: float = attribute(float, "1", "weight w_t of magnetic forces in the loss, mu_B2 / eV2")
    member: int = attribute(int, "1", "number of the potential in its ensemble")
    labels_from: str = attribute(str, "1", "what computed the labels of the potential")

    def check(self, where: str) -> None:
        """Require steps that rise, flags, and atoms."""
        self.require(bool((np.diff(self.step) > 0).all()), where, "field 'step'", "others", "rising")
        flags = self.converged
        self.require(bool((flags <= 1).all()), where, "field 'converged'", f"up to {flags.max(initial=0)}", "0 or 1")
        self.require(self.atom_count > 0, where, "attribute 'atom_count'", str(self.atom_count), "above 0")

    def lattice_A(self) -> np.ndarray:
        """Edge (sample,) of a cubic cell of two atoms with the volume per atom of each sample."""
        return np.cbrt(2 * self.volume_A3 / self.atom_count)

    def mean_lattice_A(self, equilibration: float) -> tuple[float, float]:
        """Return the mean lattice parameter and its standard error; NaN for a trajectory that stopped early.

        Parameters
        ----------
        equilibration : float
            Part of the steps, 0 to 1, that is left out at the start.
        """
        return self._mean(self.lattice_A(), equilibration)

    def mean_temperature_K(self, equilibration: float) -> tuple[float, float]:
        """Return the mean temperature and its standard error, as `mean_lattice_A` does."""
        return self._mean(self.temperature_K, equilibration)

    def mean_host_moment_muB(self, equilibration: float) -> tuple[float, float]:
        """Return the mean size of the host's mean moment and its standard error, as `mean_lattice_A` does."""
        return self._mean(np.abs(self.host_moment_muB), equilibration)

    def drift_meV_per_atom_ps(self, equilibration: float = 0.0) -> float:
        """Slope of the conserved quantity in time, by a straight line; NaN for fewer than two samples.

        Parameters
        ----------
        equilibration : float
            Part of the steps, 0 to 1, that is left out at the start.
        """
        kept = self._kept(equilibration)
        if np.count_nonzero(kept) < 2:
            return float("nan")
        time_ps = self.step[kept] * self.time_step_fs / _FS_PER_PS
        conserved_meV = 1e3 * (self.conserved_eV[kept] - self.conserved_eV[0]) / self.atom_count
        return float(np.polyfit(time_ps - time_ps.mean(), conserved_meV, 1)[0])

    def _kept(self, equilibration: float) -> np.ndarray:
        if not 0 <= equilibration < 1:
            raise ValueError(f"equilibration: found {equilibration}, allowed: from 0 to below 1")
        return self.step >= equilibration * self.steps

    def _mean(self, values: np.ndarray, equilibration: float) -> tuple[float, float]:
        kept = values[self._kept(equilibration)]
        if self.reason or len(kept) == 0:
            return float("nan"), float("nan")
        return float(kept.mean()), standard_error(kept)


def standard_error(series: np.ndarray) -> float:
    """Return the standard error of the mean of a correlated series (sample,); NaN for one that is too short.

    Neighbours are averaged in pairs again and again: the error that independent blocks would have rises until blocks
    are longer than the correlation (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461, 1989). The largest is returned.
    """
    blocks, largest = np.asarray(series, float), np.nan
    while len(blocks) >= _LEAST_BLOCKS:
        largest = np.fmax(largest, blocks.std(ddof=1) / np.sqrt(len(blocks)))
        even = len(blocks) // 2 * 2
        blocks = blocks[:even].reshape(-1, 2).mean(axis=1)
    return float(largest)
