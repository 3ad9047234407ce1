"""Relaxation of many crystals at once, positions and cell, by FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201).

The coordinates are positions in the undeformed cell and the deformation gradient times the number of atoms, so that
atoms and cell move on one scale (the choice of ASE's UnitCellFilter).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

_DT_START, _DT_MAX, _MIXING, _PATIENCE = 0.1, 1.0, 0.1, 5
_DT_GROWTH, _DT_CUT, _MIXING_FADE = 1.1, 0.5, 0.99
_LONGEST_MOVE_A = 0.2
# Beyond these the model is asked about something that is no relaxed form of the crystal that was given.
_VOLUME_RATIO_LIMITS = (0.3, 3.0)


@dataclass(frozen=True)
class Evaluation:
    """What a model says about one geometry; `failure` says why it says nothing."""

    energy_eV: float = 0.0
    forces_eV_A: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    stress_eV_A3: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    moments_muB: np.ndarray = field(default_factory=lambda: np.zeros(0))
    failure: str = ""


@dataclass
class Geometry:
    """One crystal on its way: lattice (3, 3), rows in angstrom, and fractional coordinates (site, 3)."""

    number: int
    atomic_numbers: np.ndarray
    lattice_A: np.ndarray
    fractional: np.ndarray


@dataclass(frozen=True)
class Relaxed:
    """End of one relaxation."""

    geometry: Geometry
    last: Evaluation
    converged: bool
    steps: int
    energies_eV: list[float]
    largest_forces_eV_A: list[float]


Evaluate = Callable[[Sequence[Geometry]], Sequence[Evaluation]]


class _Walker:
    """State of FIRE for one crystal."""

    def __init__(self, geometry: Geometry, relax_cell: bool) -> None:
        self.geometry = geometry
        self.relax_cell = relax_cell
        self.cell = geometry.lattice_A.copy()
        self.positions = geometry.fractional @ self.cell
        self.deformation = np.eye(3)
        rows = len(self.positions) + (3 if relax_cell else 0)
        self.velocity = np.zeros((rows, 3))
        self.dt, self.mixing, self.downhill = _DT_START, _MIXING, 0
        self.energies: list[float] = []
        self.largest: list[float] = []

    def gradient(self, result: Evaluation) -> np.ndarray:
        """Force on the coordinates (site + 3, 3), or (site, 3) in a fixed cell."""
        forces = result.forces_eV_A @ self.deformation
        if not self.relax_cell:
            return forces
        volume = abs(np.linalg.det(self.geometry.lattice_A))
        virial = -volume * (result.stress_eV_A3 + result.stress_eV_A3.T) / 2
        on_cell = np.linalg.solve(self.deformation, virial.T).T
        return np.vstack([forces, on_cell / len(forces)])

    def move(self, force: np.ndarray) -> None:
        """One step of FIRE."""
        power = float(np.vdot(force, self.velocity))
        if power > 0:
            norm = np.linalg.norm(force)
            speed = np.linalg.norm(self.velocity)
            self.velocity = (1 - self.mixing) * self.velocity + self.mixing * speed * force / max(norm, 1e-300)
            self.downhill += 1
            if self.downhill > _PATIENCE:
                self.dt, self.mixing = min(self.dt * _DT_GROWTH, _DT_MAX), self.mixing * _MIXING_FADE
        else:
            self.velocity[:] = 0.0
            self.mixing, self.downhill = _MIXING, 0
            self.dt = self.dt * _DT_CUT if self.energies[1:] else self.dt
        self.velocity = self.velocity + self.dt * force
        step = self.dt * self.velocity
        longest = np.linalg.norm(step, axis=1).max()
        self._shift(step * min(1.0, _LONGEST_MOVE_A / max(longest, 1e-300)))

    def _shift(self, step: np.ndarray) -> None:
        """Move the coordinates and bring the geometry after."""
        n = len(self.positions)
        self.positions = self.positions + step[:n]
        if self.relax_cell:
            self.deformation = self.deformation + step[n:] / n
        self.geometry.lattice_A = self.cell @ self.deformation.T
        self.geometry.fractional = np.linalg.solve(self.cell.T, self.positions.T).T

    def lost(self) -> str:
        """Why the relaxation has left all reason; empty if it has not."""
        ratio = abs(np.linalg.det(self.geometry.lattice_A)) / abs(np.linalg.det(self.cell))
        low, high = _VOLUME_RATIO_LIMITS
        return "" if low < ratio < high else f"the volume became {ratio:.2f} times that at the start"


def relax(
    geometries: Iterable[Geometry],
    evaluate: Evaluate,
    *,
    force_tolerance_eV_A: float,
    stress_tolerance_eV_A3: float,
    max_steps: int,
    relax_cell: bool = True,
    at_once: int = 1,
) -> Iterator[Relaxed]:
    """Relax crystals, `at_once` of them together, and yield each when it is done.

    Parameters
    ----------
    geometries : iterable of Geometry
        Start geometries; they are changed in place.
    evaluate : callable
        Returns an `Evaluation` for each geometry it is given.
    force_tolerance_eV_A, stress_tolerance_eV_A3 : float
        A crystal is relaxed when no force, and with `relax_cell` no element of the stress, is larger.
    max_steps : int
        Moves after which a crystal is given up; 0 only evaluates.
    relax_cell : bool
        Whether the cell moves too.
    at_once : int
        Crystals that are evaluated together.
    """
    waiting = iter(geometries)
    active: list[_Walker] = []
    while True:
        # The range comes first: zip must not take a geometry that it then has no place for.
        active += [_Walker(g, relax_cell) for _, g in zip(range(at_once - len(active)), waiting, strict=False)]
        if not active:
            return
        going = []
        for walker, result in zip(active, evaluate([w.geometry for w in active]), strict=True):
            failure = result.failure or walker.lost()
            if failure:
                yield _end(walker, Evaluation(failure=failure), False)
                continue
            walker.energies.append(result.energy_eV)
            walker.largest.append(float(np.linalg.norm(result.forces_eV_A, axis=1).max(initial=0.0)))
            stress = np.abs(result.stress_eV_A3).max() if relax_cell else 0.0
            done = bool(walker.largest[-1] <= force_tolerance_eV_A and stress <= stress_tolerance_eV_A3)
            if done or len(walker.energies) > max_steps:
                yield _end(walker, result, done)
            else:
                walker.move(walker.gradient(result))
                going.append(walker)
        active = going


def _end(walker: _Walker, last: Evaluation, converged: bool) -> Relaxed:
    """Gather what a walker leaves behind."""
    steps = max(0, len(walker.energies) - 1)
    return Relaxed(walker.geometry, last, converged, steps, walker.energies, walker.largest)
