"""Many layers along their fields at once, every one at its own pace.

One iteration gives every slot of the batch one stray field, and the slot uses it for what it needs: the start of a
field, extrapolated from the last ones, a quasi-Newton step or some steps of the flow. A layer that has converged goes
on to its next field, one that has finished its sweep makes room for the next. The decisions are those of
`planar.PlanarSolver`, made for all slots at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.loops import Status
from lodestone.micromagnetics.planar import SMOOTH_TURN, PlanarSettings
from lodestone.micromagnetics.planar_batch_state import Layers, Slots, Trial

FLOW_HALVINGS = 12  # of the time step, before a layer counts as stalled


@dataclass
class Work:
    """What a batch has cost.

    Attributes
    ----------
    iterations : int
        Iterations of the whole batch.
    evaluations : int
        Stray fields of layers, those of empty slots included.
    flows, newtons : int
        Of these, evaluations after steps of the flow and after quasi-Newton steps.
    refused : int
        Trials that were not accepted.
    """

    iterations: int = 0
    evaluations: int = 0
    flows: int = 0
    newtons: int = 0
    refused: int = 0


@dataclass
class Progress:
    """Where each slot is; every array is (slot,)."""

    slots: int
    item: NDArray[np.int64] = field(init=False)  # structure, -1 for an empty slot
    step: NDArray[np.int64] = field(init=False)  # field of the sequence
    spent: NDArray[np.int64] = field(init=False)  # evaluations in this field
    evaluations: NDArray[np.int64] = field(init=False)  # in all
    energy: NDArray[np.float64] = field(init=False)
    torque: NDArray[np.float64] = field(init=False)
    starting: NDArray[np.bool_] = field(init=False)  # an extrapolated start is due
    may_flow: NDArray[np.bool_] = field(init=False)  # false on the way from an extrapolated start
    must_flow: NDArray[np.bool_] = field(init=False)  # the quasi-Newton step has just failed
    halvings: NDArray[np.int64] = field(init=False)  # of the flow's time step

    def __post_init__(self) -> None:
        """All slots empty."""
        n = self.slots
        self.item = np.full(n, -1)
        self.step, self.spent, self.evaluations, self.halvings = (np.zeros(n, np.int64) for _ in range(4))
        self.energy, self.torque = np.zeros(n), np.zeros(n)
        self.starting, self.may_flow, self.must_flow = (np.zeros(n, np.bool_) for _ in range(3))

    @property
    def active(self) -> NDArray[np.bool_]:
        """Slots that are not empty."""
        return self.item >= 0

    def keep(self, slots: Slots) -> None:
        """Drop all slots but some."""
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray):
                setattr(self, name, value[slots])
        self.slots = len(slots)


@dataclass(frozen=True, eq=False)
class Finished:
    """One structure at the end of its sweep: see `loops.LoopResult`."""

    item: int
    magnetisation: NDArray[np.float64]
    step_status: NDArray[np.uint8]
    max_torque: NDArray[np.float64]
    evaluations: int


class Sweep:
    """Structures along a sequence of fields, as many at a time as there are slots.

    Parameters
    ----------
    layers : Layers
        Room on the device.
    axes : callable
        Returns the angles of the easy axes, (n, ny, nx), of an array of structure numbers.
    items : ndarray of int
        Structure numbers, in the order in which they are taken up.
    fields : ndarray, (field,)
        External fields along +y over M_s.
    settings : PlanarSettings
        How minima are found; windows are not used.

    Attributes
    ----------
    work : Work
        What it has cost so far.
    """

    def __init__(self, layers: Layers, axes, items, fields: NDArray[np.float64], settings: PlanarSettings) -> None:  # type: ignore[no-untyped-def]
        self._layers, self._axes, self._fields, self._settings = layers, axes, fields, settings
        self._waiting = list(items)[::-1]
        slots = len(layers.field)
        self._at = Progress(slots)
        self._magnetisation, self._torque = np.zeros((slots, len(fields))), np.zeros((slots, len(fields)))
        self._status = np.zeros((slots, len(fields)), np.uint8)
        self._cells = layers.state["s"][0].numel()
        self._rounding = float(np.finfo(np.float32).eps) * self._cells * (2 * layers.exchange + 1)
        self.work = Work()

    def run(self) -> Iterator[Finished]:
        """Yield every structure as soon as its sweep is finished."""
        self._fill()
        while self._at.active.any():
            flow, newton = self._propose()
            trial = self._layers.complete()
            self._count(flow, newton)
            self._decide(trial, flow, newton)
            yield from self._advance()

    def _fill(self) -> None:
        """Put waiting structures into empty slots."""
        slots = np.flatnonzero(~self._at.active)[: len(self._waiting)]
        if not len(slots):
            return
        at = self._at
        at.item[slots] = [self._waiting.pop() for _ in slots]
        self._layers.load(slots, self._axes(at.item[slots]))
        at.step[slots] = 0
        at.evaluations[slots] = 1
        self._begin(slots)

    def _begin(self, slots: Slots) -> None:
        """Apply the next field of some slots."""
        at = self._at
        at.energy[slots], at.torque[slots] = self._layers.set_field(slots, self._fields[at.step[slots]])
        at.spent[slots] = at.halvings[slots] = 0
        at.starting[slots] = self._settings.extrapolate & (at.step[slots] >= 2)
        at.may_flow[slots] = ~at.starting[slots]
        at.must_flow[slots] = False

    def _propose(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Set up the trials; returns the slots of the flow and of quasi-Newton steps."""
        at, settings, layers = self._at, self._settings, self._layers
        newton = at.active & ~at.starting & ~at.must_flow & (at.torque <= settings.flow_torque)
        flow = at.active & ~at.starting & ~newton
        if newton.any():
            layers.propose_quasi_newton(np.flatnonzero(newton), settings.turn_limit_rad)
        else:
            layers.propose_none()
        if at.starting.any():
            slots = np.flatnonzero(at.starting)
            layers.propose_extrapolated(slots, at.step[slots] >= 3, SMOOTH_TURN, settings.turn_limit_rad)
        layers.turn(settings.turn_limit_rad)
        if flow.any():
            slots = np.flatnonzero(flow)
            halved = 2.0 ** at.halvings[slots]
            count = np.maximum(settings.flow_steps // halved, 1).astype(np.int64)
            layers.flow(slots, settings.flow_step / halved, count, settings.flow_turn_rad)
        return flow, newton

    def _count(self, flow: NDArray[np.bool_], newton: NDArray[np.bool_]) -> None:
        at, work = self._at, self.work
        at.spent += at.active
        at.evaluations += at.active
        work.iterations += 1
        work.evaluations += at.slots
        work.flows += int(flow.sum())
        work.newtons += int(newton.sum())

    def _decide(self, trial: Trial, flow: NDArray[np.bool_], newton: NDArray[np.bool_]) -> None:
        """Accept or refuse the trials, and choose what comes next."""
        at = self._at
        # The trapezoidal rule: near a minimum energies differ by less than their rounding errors, gradients do not.
        lowers = np.where(flow, trial.energy <= at.energy + self._rounding, trial.before + trial.after <= 0)
        accepted = at.active & lowers & (~newton | (trial.before < 0))
        curvature = trial.after - trial.before
        learnt = accepted & ~flow & (curvature > 1e-6 * trial.turn_squared)
        rho = np.where(learnt, 1 / np.where(learnt, curvature, 1), 0)
        self._layers.accept(accepted, rho)
        at.energy, at.torque = np.where(accepted, trial.energy, at.energy), np.where(accepted, trial.torque, at.torque)
        refused = at.active & ~accepted
        self.work.refused += int(refused.sum())
        forget = np.flatnonzero(flow | (refused & newton))
        if len(forget):
            self._layers.pairs.clear(forget)
        at.halvings = np.where(flow & refused, at.halvings + 1, 0)
        at.may_flow |= at.starting & refused
        at.must_flow = newton & refused & at.may_flow | flow & refused
        at.starting[:] = False
        lost = at.active & ~at.may_flow & ((newton & refused) | (at.torque > self._settings.flow_torque))
        if lost.any():
            slots = np.flatnonzero(lost)
            at.energy[slots], at.torque[slots] = self._layers.return_to_rest(slots)
            at.may_flow[slots] = True

    def _advance(self) -> Iterator[Finished]:
        """Record the fields that are done, go on to the next ones and to waiting structures."""
        at, settings = self._at, self._settings
        converged = at.torque <= settings.torque_tolerance
        stalled = at.halvings >= FLOW_HALVINGS
        ended = np.flatnonzero(at.active & (converged | stalled | (at.spent >= settings.max_iterations)))
        if not len(ended):
            return
        code = np.where(stalled, Status.STALLED, Status.ITERATION_LIMIT)
        step = at.step[ended]
        self._status[ended, step] = np.where(converged, Status.CONVERGED, code)[ended]
        self._torque[ended, step] = at.torque[ended]
        self._magnetisation[ended, step] = self._layers.finish_field(ended)
        at.step[ended] += 1
        through = at.step[ended] == len(self._fields)
        for slot in ended[through]:
            arrays = (self._magnetisation[slot].copy(), self._status[slot].copy(), self._torque[slot].copy())
            yield Finished(int(at.item[slot]), *arrays, int(at.evaluations[slot]))
        at.item[ended[through]] = -1
        if len(ended[~through]):
            self._begin(ended[~through])
        if through.any():
            self._fill()
            self._shrink()

    def _shrink(self) -> None:
        """Drop empty slots once they are half of all and nothing waits."""
        kept = np.flatnonzero(self._at.active)
        if self._waiting or not len(kept) or len(kept) > self._at.slots // 2:
            return
        self._layers.keep(kept)
        self._at.keep(kept)
        self._magnetisation, self._torque = self._magnetisation[kept], self._torque[kept]
        self._status = self._status[kept]
