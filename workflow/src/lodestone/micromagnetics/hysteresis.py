"""Hysteresis of a three-dimensional grid: energy minima along a sequence of fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.micromagnetics.anisotropy import UniaxialAnisotropy
from lodestone.micromagnetics.energy import Energy, State, Term
from lodestone.micromagnetics.exchange import Exchange
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.minimiser import Minimiser, Minimum, Settings, Status
from lodestone.micromagnetics.sphere import longest, project, turn
from lodestone.micromagnetics.stray_field import StrayField
from lodestone.micromagnetics.zeeman import Zeeman

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sweep:
    """States along a sequence of fields.

    Attributes
    ----------
    field_T : ndarray, (field,)
        Fields mu0 H along the field direction, in the order in which they were applied; shorter than asked for
        if the sweep was told to stop early.
    magnetisation : ndarray, (field,)
        Component along the field of the mean magnetisation, over M_s.
    moment : ndarray, (field, 3)
        Mean magnetisation over M_s.
    step_status : ndarray, uint8, (field,)
        `Status` of each minimisation.
    max_torque : ndarray, (field,)
        Largest |m x H| over the largest M_s at the end of each step.
    energy_change_J : ndarray, (field,)
        Energy at the end of a step less that of the state before it in the same field; never above zero.
    evaluations : int
        Field evaluations of the whole sweep.
    status : Status
        The worst of `step_status`.
    m : ndarray, (3, nz, ny, nx)
        State at the last field.
    """

    field_T: Array
    magnetisation: Array
    moment: Array
    step_status: NDArray[np.uint8]
    max_torque: Array
    energy_change_J: Array
    evaluations: int
    status: Status
    m: Array


def sweep(
    grid: Grid,
    fields_T: Sequence[float] | Array,
    direction: ArrayLike,
    *,
    start: Array | None = None,
    in_plane: bool = False,
    terms: Sequence[Term] | None = None,
    settings: Settings | None = None,
    stop_outside: tuple[float, float] = (-2.0, 2.0),
) -> Sweep:
    """Minimise the energy at each field in turn, each state starting from the last.

    Parameters
    ----------
    grid : Grid
        Cells and material.
    fields_T : sequence of float
        Fields mu0 H in T along `direction`.
    direction : sequence of 3 floats
        Field direction.
    start : ndarray, (3, nz, ny, nx), optional
        First state; by default saturated along the direction.
    in_plane : bool
        Keep the magnetisation in the xy plane.
    terms : sequence of Term, optional
        Energies beside that of the external field; by default `internal_terms(grid)`. Terms that are passed in may
        serve many sweeps, so that the demagnetising kernel is computed once.
    settings : Settings, optional
        Of the minimiser.
    stop_outside : (float, float)
        End the sweep after the first state whose magnetisation along the field lies outside these bounds.

    Returns
    -------
    Sweep
        One entry per field.
    """
    unit = np.asarray(direction, dtype=float) / np.linalg.norm(direction)
    zeeman = Zeeman(grid)
    internal = internal_terms(grid) if terms is None else list(terms)
    walk = _Walk(Minimiser(Energy(grid, [*internal, zeeman], in_plane), settings), zeeman)
    walk.begin(_normalised(grid, grid.uniform(unit) if start is None else start, in_plane))
    steps: list[_Step] = []
    for field_T in fields_T:
        end = walk.advance(field_T * unit)
        moment = grid.mean(end.state.m)
        steps.append(_Step(field_T, moment, end.status, end.state.max_torque, end.energy_change_J))
        if not stop_outside[0] <= moment @ unit <= stop_outside[1]:
            break
    return _collected(steps, unit, walk)


class _Step(NamedTuple):
    """What is kept of one minimum; states would fill the memory."""

    field_T: float
    moment: Array
    status: Status
    max_torque: float
    energy_change_J: float


def _collected(steps: list[_Step], unit: Array, walk: "_Walk") -> Sweep:
    moment = np.array([step.moment for step in steps]).reshape(-1, 3)
    return Sweep(
        field_T=np.array([step.field_T for step in steps], dtype=float),
        magnetisation=moment @ unit,
        moment=moment,
        step_status=np.array([step.status for step in steps], dtype=np.uint8),
        max_torque=np.array([step.max_torque for step in steps]),
        energy_change_J=np.array([step.energy_change_J for step in steps]),
        evaluations=walk.evaluations,
        status=max((step.status for step in steps), default=Status.CONVERGED),
        m=walk.state.m,
    )


def internal_terms(grid: Grid) -> list[Term]:
    """All energies but that of the external field: exchange, uniaxial anisotropy, magnetostatics."""
    return [Exchange(grid), UniaxialAnisotropy(grid), StrayField(grid)]


def _normalised(grid: Grid, m: Array, in_plane: bool) -> Array:
    """Scale to unit vectors in magnetic cells, zero elsewhere."""
    m = np.where(grid.magnetic, m, 0.0)
    if in_plane:
        m[2] = 0.0
    length = np.linalg.norm(m, axis=0)
    if not np.all(length[grid.magnetic] > 0):
        raise ValueError("the start has magnetic cells without a direction")
    return m / np.where(length > 0, length, 1.0)


class _Walk:
    """The state along a sweep, and its extrapolation to the next field."""

    MAX_TURN = 0.1  # rad per step up to which the last turn is a guide to the next

    def __init__(self, minimiser: Minimiser, zeeman: Zeeman):
        self._minimiser, self._energy, self._zeeman = minimiser, minimiser.energy, zeeman
        self._before: tuple[Array, float] | None = None
        self.evaluations = 0

    def begin(self, m: Array) -> None:
        """Set the first state."""
        self.state = self._energy.evaluate(m)
        self.evaluations = 1

    def advance(self, field_T: Array) -> Minimum:
        """Go to the minimum at a new field."""
        change_T = field_T - self._zeeman.field_T
        self._zeeman.field_T = field_T
        # The external field is the only one that has changed: no need to evaluate the others anew.
        here = self._energy.state(self.state.m, self.state.field_T + change_T.reshape(3, 1, 1, 1))
        end = self._minimiser.run(here, self._extrapolated(here, float(np.linalg.norm(change_T))))
        self._before = (here.m, float(np.linalg.norm(change_T)))
        self.state = end.state
        self.evaluations += end.evaluations
        return end

    def _extrapolated(self, here: State, length: float) -> State | None:
        """Continue the last turn, if that lowers the energy."""
        if self._before is None or here.max_torque <= self._minimiser.settings.torque_tolerance:
            return None
        m_before, length_before = self._before
        last = here.m - m_before
        project(here.m, last)
        ratio = length / length_before if length_before > 0 else 0.0
        if not 0 < ratio * longest(last) < self.MAX_TURN:
            return None
        trial = self._energy.evaluate(turn(here.m, last, ratio))
        self.evaluations += 1
        return trial if self._energy.change(here, trial) < 0 else None
