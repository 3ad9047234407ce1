"""Energy minimisation on the product of spheres: preconditioned L-BFGS with curvilinear steps.

A step turns every cell's m by the Cayley transform, which keeps its length, as in the steepest
descent of Exl et al., J. Appl. Phys. 115, 17D118 (2014). The direction is that of a limited-memory quasi-Newton method
(Nocedal, Math. Comp. 35, 773 (1980)) whose initial Hessian is the local part of the true one.
"""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum

import numba
import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics.energy import Energy, State
from lodestone.micromagnetics.preconditioner import LocalPreconditioner, add_scaled, dot

Array = NDArray[np.float64]


class Status(IntEnum):
    """How a minimisation ended."""

    CONVERGED = 0
    ITERATION_LIMIT = 1
    STALLED = 2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a user may set.

    Attributes
    ----------
    torque_tolerance : float
        Converged when the largest |m x H| over the largest M_s is not above this.
    max_evaluations : int
        Bound on field evaluations per minimisation.
    memory : int
        Number of step pairs that the quasi-Newton method remembers.
    max_step : float
        Bound on the length of a tangent step in any cell; the cell turns by 2 atan(half of it).
    """

    torque_tolerance: float = 1e-4
    max_evaluations: int = 20000
    memory: int = 5
    max_step: float = 0.5


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimisation ended; `energy_change_J` counts from its start and is never above zero."""

    state: State
    status: Status
    evaluations: int
    energy_change_J: float


class Minimiser:
    """Minimises one energy; remembers curvature from one call to the next, as along a hysteresis loop.

    Parameters
    ----------
    energy : Energy
        Energy to be minimised.
    settings : Settings
        Tolerance and bounds.
    """

    ARMIJO = 1e-4  # part of the slope that a step must at least gain
    MAX_HALVINGS = 30

    def __init__(self, energy: Energy, settings: Settings | None = None):
        self.energy = energy
        self.settings = settings or Settings()
        self._preconditioner = LocalPreconditioner(energy)
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=self.settings.memory)

    def run(self, start: State) -> Minimum:
        """Descend from `start` to a state of small torque.

        Parameters
        ----------
        start : State
            From `Energy.evaluate` or `Energy.state`.

        Returns
        -------
        Minimum
            Never raises for lack of convergence: see its status.
        """
        state, change, evaluations, stretch = start, 0.0, 0, 1.0
        while state.max_torque > self.settings.torque_tolerance:
            if evaluations >= self.settings.max_evaluations:
                return self._end(state, Status.ITERATION_LIMIT, evaluations, change)
            direction, slope = self._direction(state, stretch)
            trial, gain, step, used = self._search(state, direction, slope)
            evaluations += used
            if trial is None:
                if not self._pairs:
                    return self._end(state, Status.STALLED, evaluations, change)
                self._pairs.clear()
                stretch = 1.0
                continue
            convex = self._remember(state, trial, direction, step)
            stretch = 1.0 if convex else min(2.0 * stretch, 64.0)
            state, change = trial, change + gain
        return self._end(state, Status.CONVERGED, evaluations, change)

    def _end(self, state: State, status: Status, evaluations: int, change: float) -> Minimum:
        return Minimum(state, status, evaluations, change * self.energy.unit_J_T)

    def _direction(self, state: State, stretch: float) -> tuple[Array, float]:
        """Descent direction, tangent to m, and the energy's slope along it."""
        diagonal = self._preconditioner.diagonal(state)
        gradient = state.gradient.reshape(-1)
        work = state.gradient.copy()
        flat = work.reshape(-1)
        factors = []
        for s, y, rho in reversed(self._pairs):
            factors.append(rho * dot(s, flat))
            add_scaled(flat, -factors[-1], y)
        _project(state.m, work)
        direction = self._preconditioner.solve(state, diagonal, work)
        flat = direction.reshape(-1)
        for (s, y, rho), factor in zip(self._pairs, reversed(factors), strict=True):
            add_scaled(flat, factor - rho * dot(y, flat), s)
        _project(state.m, direction)
        slope = -dot(gradient, flat)
        # A direction almost at right angles to the gradient is not worth a search.
        if slope > -1e-4 * np.sqrt(dot(gradient, gradient) * dot(flat, flat)) and self._pairs:
            self._pairs.clear()
            return self._direction(state, stretch)
        scale = min(stretch, self.settings.max_step / _longest(direction))
        direction *= -scale
        return direction, slope * scale

    def _search(self, state: State, direction: Array, slope: float) -> tuple[State | None, float, float, int]:
        """Halve the step until the energy falls enough; returns (state, energy change, step, evaluations)."""
        step = 1.0
        for used in range(1, self.MAX_HALVINGS + 1):
            trial = self.energy.evaluate(turn(state.m, direction, step))
            gain = self.energy.change(state, trial)
            if gain <= self.ARMIJO * step * slope:
                return trial, gain, step, used
            # Minimum of the parabola through value and slope at 0 and the value here.
            best = -0.5 * slope * step**2 / (gain - slope * step)
            step = min(max(best, 0.1 * step), 0.5 * step)
        return None, 0.0, 0.0, self.MAX_HALVINGS

    def _remember(self, before: State, after: State, direction: Array, step: float) -> bool:
        """Keep step and gradient change if the energy is convex along the step; tell whether it is."""
        moved = direction * step
        _project(after.m, moved)
        bend = before.gradient.copy()
        _project(after.m, bend)
        s, y = moved.reshape(-1), (after.gradient - bend).reshape(-1)
        product = dot(s, y)
        if product <= 1e-10 * np.sqrt(dot(s, s) * dot(y, y)):
            return False
        self._pairs.append((s, y, 1.0 / product))
        return True


def turn(m: Array, direction: Array, step: float) -> Array:
    """Turn every m by the Cayley transform along step * direction, which is tangent to m; (3, nz, ny, nx)."""
    turned = np.empty_like(m)
    cells = m[0].size
    _turn(m.reshape(3, cells), direction.reshape(3, cells), step, turned.reshape(3, cells))
    return turned


def _project(m: Array, v: Array) -> None:
    """Remove from v, in place, what is not tangent to m."""
    cells = m[0].size
    _project_cells(m.reshape(3, cells), v.reshape(3, cells))


def _longest(v: Array) -> float:
    """Length of the longest vector, never zero."""
    return max(float(np.sqrt(np.max(np.sum(v * v, axis=0)))), 1e-300)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _turn(m, d, step, out):  # type: ignore[no-untyped-def]
    for i in range(m.shape[1]):
        x, y, z = step * d[0, i], step * d[1, i], step * d[2, i]
        quarter = 0.25 * (x * x + y * y + z * z)
        keep, scale = (1 - quarter) / (1 + quarter), 1 / (1 + quarter)
        x, y, z = keep * m[0, i] + scale * x, keep * m[1, i] + scale * y, keep * m[2, i] + scale * z
        # First-order return to unit length: rounding would otherwise grow from step to step.
        unit = 1.5 - 0.5 * (x * x + y * y + z * z)
        out[0, i], out[1, i], out[2, i] = unit * x, unit * y, unit * z


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _project_cells(m, v):  # type: ignore[no-untyped-def]
    for i in range(m.shape[1]):
        along = m[0, i] * v[0, i] + m[1, i] * v[1, i] + m[2, i] * v[2, i]
        v[0, i] -= along * m[0, i]
        v[1, i] -= along * m[1, i]
        v[2, i] -= along * m[2, i]
