"""A rectangle of the in-plane layer: its state, energy, quasi-Newton direction and flow.

The whole layer is the region without surroundings. A smaller region moves while the moments around it stay as they
are: they enter as the ghost cells of the exchange and as a stray field that is held.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics import planar_kernels as kernels
from lodestone.micromagnetics import planar_newton_kernels as newton
from lodestone.micromagnetics.planar_flow import flow
from lodestone.micromagnetics.planar_stray_field import PlanarStrayField

FLOW_SWEEPS = 3  # of the Chebyshev iteration: the damped matrix is well conditioned
NEWTON_TOLERANCE, NEWTON_PRODUCTS = 0.1, 50  # the stray field is left out of the matrix, so more would be wasted
NEWTON_SHIFT = 0.05  # keeps soft directions, whose curvature the stray field decides, from taking over


@dataclass
class State:
    """A magnetisation with its stray field, gradient, local curvature and energy; arrays have ghost cells."""

    s: NDArray
    c: NDArray
    bx: NDArray
    by: NDArray
    gradient: NDArray
    curvature: NDArray
    energy: float = 0.0
    torque: float = np.inf
    arrays: tuple[NDArray, ...] = field(init=False)

    def __post_init__(self) -> None:
        """List the arrays once."""
        self.arrays = (self.s, self.c, self.bx, self.by, self.gradient, self.curvature)


class Region:
    """State and operators of (ny, nx) cells.

    Parameters
    ----------
    ny, nx : int
        Cells.
    cell_size : (dx, dy, dz)
        Edges of a cell, any one unit.
    exchange : float
        2 A / (mu0 M_s^2 dx^2).
    dtype : str
        ``float32`` or ``float64``.
    memory : int
        Correction pairs of the quasi-Newton method.

    Attributes
    ----------
    state, trial : State
        The present state and room for the next one.
    kc, ks : ndarray, (ny + 2, nx + 2)
        K_1 / (mu0 M_s^2) times cos and sin of twice the axis angle.
    held_x, held_y : ndarray, (ny + 2, nx + 2)
        Stray field of the surroundings, over M_s.
    """

    def __init__(
        self, ny: int, nx: int, cell_size: tuple[float, float, float], exchange: float, dtype: str, memory: int
    ) -> None:
        self.real = np.dtype(dtype).type
        self.shape = (ny + 2, nx + 2)
        self.exchange = self.real(exchange)
        self._stray = PlanarStrayField(ny, nx, cell_size, dtype)
        self.kc, self.ks, self.held_x, self.held_y = (np.zeros(self.shape, dtype) for _ in range(4))
        self._surrounded = False
        self._work = np.zeros((10, *self.shape), dtype)
        self._newton_work = np.zeros((8, *self.shape), dtype)
        self.state, self.trial = self.new_state(), self.new_state()
        self.pairs: deque[tuple[NDArray, NDArray, float]] = deque(maxlen=memory)

    def new_state(self) -> State:
        """Room for a state."""
        s, c, bx, by, gradient, curvature = np.zeros((6, *self.shape), self.real)
        return State(s, c, bx, by, gradient, curvature)

    def load(self, whole: Region, row: int, column: int, h: np.floating) -> None:
        """Become the rectangle of a larger region that starts at a row and column.

        The surroundings are the present state of the larger region; moments that its trial has turned already, in a
        rectangle that overlaps this one, are taken from there.
        """
        theirs = (*whole.state.arrays, whole.kc, whole.ks, *whole.state.arrays[:2])
        mine = (*self.state.arrays, self.kc, self.ks, self.trial.s, self.trial.c)  # the trial's for its ghost cells
        kernels.cut(theirs, row, column, mine)
        self.state.torque = float(kernels.largest(self.state.gradient))
        self._work[8], self._work[9] = self.state.s, self.state.c
        self._stray(self.state.s, self.state.c, self.held_x, self.held_y)
        np.subtract(self.state.bx, self.held_x, out=self.held_x)
        np.subtract(self.state.by, self.held_y, out=self.held_y)
        self._surrounded = True
        self.pairs.clear()
        turned = whole.trial.s, whole.trial.c
        if not (
            kernels.same(turned[0], row, column, self.state.s) and kernels.same(turned[1], row, column, self.state.c)
        ):
            for moments in (self.state.arrays[:2], self.trial.arrays[:2], (self._work[8], self._work[9])):
                kernels.cut(turned, row, column, moments)
            self.complete(self.state, h)

    def begin_trial(self) -> None:
        """Set the moments of the trial to those of the present state."""
        self.trial.s[...], self.trial.c[...] = self.state.s, self.state.c

    def store(self, whole: Region, row: int, column: int) -> None:
        """Write the moments into the trial state of the larger region, the rest of which is its present state."""
        inner = (slice(row + 1, row + self.shape[0] - 1), slice(column + 1, column + self.shape[1] - 1))
        whole.trial.s[inner], whole.trial.c[inner] = self.state.s[1:-1, 1:-1], self.state.c[1:-1, 1:-1]

    def evaluate(self, state: State, h: np.floating) -> None:
        """Energy and gradient with the stray field that the state holds.

        The energy, over mu0 M_s^2 times the volume of a cell and up to a constant, is that of a region without
        surroundings.
        """
        state.energy = kernels.evaluate(
            state.s, state.c, self.kc, self.ks, state.bx, state.by, h, self.exchange, state.gradient, state.curvature
        )
        state.torque = float(kernels.largest(state.gradient))

    def complete(self, state: State, h: np.floating) -> None:
        """Stray field, then energy and gradient."""
        self._stray(state.s, state.c, state.bx, state.by)
        if self._surrounded:
            state.bx += self.held_x
            state.by += self.held_y
        self.evaluate(state, h)

    def accept(self) -> None:
        """Make the trial the present state."""
        self.state, self.trial = self.trial, self.state

    def energy_change(self, turn: NDArray) -> float:
        """Energy of the trial less that of the present state, for a small turn from one to the other.

        The trapezoidal rule over the gradients: near a minimum the energies themselves differ by less than their
        rounding errors, their gradients do not.
        """
        return (kernels.dot(turn, self.state.gradient) + kernels.dot(turn, self.trial.gradient)) / 2

    def rounding(self) -> float:
        """Bound on the rounding error of an energy.

        A few units in the last place of every cell, all of one sign; the terms of a cell are of the order of the
        exchange and of one.
        """
        return 8 * float(np.finfo(self.real).eps) * self.state.s.size * float(self.exchange + 1)

    def descent_direction(self) -> NDArray:
        """Turn towards the minimum: two-loop recursion around a Newton step of the local energy."""
        work, state = self._newton_work, self.state
        q = state.gradient.copy()
        factors = []
        for step, change, rho in reversed(self.pairs):
            factor = rho * kernels.dot(step, q)
            factors.append(factor)
            kernels.add_scaled(q, self.real(-factor), change)
        right, down, diagonal, x = work[0], work[1], work[2], work[3]
        shift = self.real(NEWTON_SHIFT)
        newton.local_hessian(state.s, state.c, state.curvature, self.exchange, shift, right, down, diagonal)
        newton.newton_direction(q, right, down, diagonal, NEWTON_TOLERANCE, NEWTON_PRODUCTS, x, work[4:8])
        for (step, change, rho), factor in zip(self.pairs, reversed(factors), strict=True):
            kernels.add_scaled(x, self.real(factor - rho * kernels.dot(change, x)), step)
        return -x

    def remember(self, turn: NDArray) -> None:
        """Learn the curvature along the turn from the present state to the trial."""
        change = self.trial.gradient - self.state.gradient
        curvature = kernels.dot(turn, change)
        if curvature > 1e-6 * kernels.dot(turn, turn):
            self.pairs.append((turn, change, 1 / curvature))

    def turn_trial(self, turn: NDArray, limit: float) -> None:
        """Set the moments of the trial to those of the present state, turned."""
        state, trial = self.state, self.trial
        kernels.rotate(state.s, state.c, turn, self.real(1), self.real(limit), trial.s, trial.c)

    def flow_trial(self, h: np.floating, time_step: float, limit: float, count: int) -> None:
        """Set the moments of the trial to those that the flow reaches after some steps, the stray field held."""
        state, trial = self.state, self.trial
        trial.s[...], trial.c[...] = state.s, state.c
        flow(
            trial.s, trial.c, self.kc, self.ks, state.bx, state.by, h, self.exchange,
            self.real(time_step), self.real(limit), count, FLOW_SWEEPS, self._work,
        )  # fmt: skip
