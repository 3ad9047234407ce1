"""Limited-memory BFGS on the product of spheres (Nocedal, Math. Comp. 35, 773 (1980))."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from lodestone.micromagnetics.energy import State
from lodestone.micromagnetics.preconditioner import LocalPreconditioner
from lodestone.micromagnetics.sphere import add_scaled, dot, project

Array = NDArray[np.float64]


class QuasiNewton:
    """Steps and gradient changes of the recent past, on top of the local part of the Hessian.

    Tangent vectors are carried from one state to the next by projection.

    Parameters
    ----------
    preconditioner : LocalPreconditioner
        The initial inverse Hessian.
    memory : int
        Number of pairs kept.
    """

    def __init__(self, preconditioner: LocalPreconditioner, memory: int):
        self._preconditioner = preconditioner
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered."""
        return not self._pairs

    def forget(self) -> None:
        """Drop all pairs."""
        self._pairs.clear()

    def direction(self, state: State) -> tuple[Array, float]:
        """Tangent direction of descent, (3, nz, ny, nx), and the energy's slope along it in T."""
        work = state.gradient.copy()
        flat = work.reshape(-1)
        factors = []
        for s, y, rho in reversed(self._pairs):
            factors.append(rho * dot(s, flat))
            add_scaled(flat, -factors[-1], y)
        project(state.m, work)
        direction = self._preconditioner.solve(state, self._preconditioner.stiffness(state), work)
        flat = direction.reshape(-1)
        for (s, y, rho), factor in zip(self._pairs, reversed(factors), strict=True):
            add_scaled(flat, factor - rho * dot(y, flat), s)
        project(state.m, direction)
        gradient = state.gradient.reshape(-1)
        slope = -dot(gradient, flat)
        # Almost at right angles to the gradient: what is remembered no longer fits.
        if slope > -1e-4 * np.sqrt(dot(gradient, gradient) * dot(flat, flat)) and self._pairs:
            self.forget()
            return self.direction(state)
        return -direction, slope

    def remember(self, before: State, after: State, moved: Array) -> bool:
        """Keep a step, tangent at `before`, if the energy is convex along it; tell whether it is."""
        step, bend = moved.copy(), before.gradient.copy()
        project(after.m, step)
        project(after.m, bend)
        s, y = step.reshape(-1), (after.gradient - bend).reshape(-1)
        product = dot(s, y)
        if product <= 1e-10 * np.sqrt(dot(s, s) * dot(y, y)):
            return False
        self._pairs.append((s, y, 1.0 / product))
        return True
