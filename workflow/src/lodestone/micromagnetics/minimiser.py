"""Energy minimisation on the product of spheres, with curvilinear steps that keep every m at unit length.

Two regimes. Near an equilibrium, a preconditioned quasi-Newton method. Once that meets an energy that is not convex,
or would turn a cell far, the magnet is on its way to another equilibrium; then the steepest-descent flow
dm/dt = - m x (m x B) is followed from the last equilibrium by linearly implicit steps, until it has calmed down. The
flow decides where a reversal ends: a quasi-Newton method is just as happy with a minimum farther away. The Cayley
step, and steepest descent as the reference, follow Exl et al., J. Appl. Phys. 115, 17D118 (2014).
"""

from dataclasses import dataclass

from lodestone.artifacts.loops import Status
from lodestone.micromagnetics.energy import Energy, State
from lodestone.micromagnetics.preconditioner import LocalPreconditioner
from lodestone.micromagnetics.quasi_newton import QuasiNewton
from lodestone.micromagnetics.sphere import Array, dot, longest, project, turn


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
    turn_limit : float
        A quasi-Newton step that would turn a cell further, in rad, hands over to the flow.
    flow_turn : float
        Largest turn of a cell in one step of the flow, in rad.
    """

    torque_tolerance: float = 1e-4
    max_evaluations: int = 20000
    memory: int = 5
    turn_limit: float = 0.2
    flow_turn: float = 0.4


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimisation ended; `energy_change_J` counts from its origin and is never above zero."""

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
    CALM = 0.03  # torque over M_s at which the flow is first handed back to the quasi-Newton method
    CALMER = 0.3  # and the factor on it each time that this was too early

    def __init__(self, energy: Energy, settings: Settings | None = None):
        self.energy = energy
        self.settings = settings or Settings()
        self._preconditioner = LocalPreconditioner(energy)
        self._newton = QuasiNewton(self._preconditioner, self.settings.memory)
        # The stray field, which is not treated implicitly, has rates up to M_s: stable below 2 of its times.
        self._time_step = 1.6 / energy.max_mu0_Ms_T
        self._evaluations = 0

    def run(self, origin: State, start: State | None = None) -> Minimum:
        """Descend to a state of small torque.

        Parameters
        ----------
        origin : State
            State that the magnet is in, from `Energy.evaluate` or `Energy.state`; where the flow starts if need be.
        start : State, optional
            A guess at the minimum, of lower energy than the origin; where the quasi-Newton method starts.

        Returns
        -------
        Minimum
            Never raises for lack of convergence: see its status.
        """
        self._evaluations = 0
        state, status = self._converge(start or origin)
        anchor, calm = origin, self.CALM
        while status is None:
            anchor, status = self._flow(anchor, calm)
            if status is None:
                state, status = self._converge(anchor)
                calm = self.CALMER * min(calm, anchor.max_torque)
            else:
                state = anchor
        change_J = self.energy.change(origin, state) * self.energy.unit_J_T
        return Minimum(state, status, self._evaluations, change_J)

    def _ended(self, state: State) -> Status | None:
        if state.max_torque <= self.settings.torque_tolerance:
            return Status.CONVERGED
        return Status.ITERATION_LIMIT if self._evaluations >= self.settings.max_evaluations else None

    def _converge(self, state: State) -> tuple[State, Status | None]:
        """Quasi-Newton descent; no status means that the energy has turned out not to be convex."""
        while (status := self._ended(state)) is None:
            direction, slope = self._newton.direction(state)
            if longest(direction) > self.settings.turn_limit:
                return state, None
            trial, step = self._search(state, direction, slope)
            if trial is None:
                if self._newton.empty:
                    return state, Status.STALLED
                self._newton.forget()
                continue
            if not self._newton.remember(state, trial, step * direction):
                return state, None
            state = trial
        return state, status

    def _flow(self, state: State, calm: float) -> tuple[State, Status | None]:
        """Follow the flow; no status means that its torque falls and is below `calm`."""
        self._newton.forget()
        while (status := self._ended(state)) is None:
            stiffness = self._preconditioner.flow_stiffness(state, self._time_step)
            direction = self._preconditioner.solve(state, stiffness, state.gradient)
            project(state.m, direction)
            direction *= -min(1.0, self.settings.flow_turn / longest(direction))
            slope = dot(state.gradient.reshape(-1), direction.reshape(-1))
            trial, step = self._search(state, direction, slope)
            if trial is None:
                return state, Status.STALLED
            convex = self._newton.remember(state, trial, step * direction)
            before, state = state, trial
            if convex and state.max_torque < min(calm, before.max_torque):
                return state, self._ended(state)
        return state, status

    def _search(self, state: State, direction: Array, slope: float) -> tuple[State | None, float]:
        """Shorten the step until the energy falls enough; returns the state, if any, and the step."""
        step = 1.0
        for _ in range(self.MAX_HALVINGS):
            trial = self.energy.evaluate(turn(state.m, direction, step))
            self._evaluations += 1
            gain = self.energy.change(state, trial)
            if gain <= self.ARMIJO * step * slope:
                return trial, step
            # Minimum of the parabola through value and slope at 0 and the value here.
            best = -0.5 * slope * step**2 / (gain - slope * step)
            step = min(max(best, 0.1 * step), 0.5 * step)
        return None, 0.0
