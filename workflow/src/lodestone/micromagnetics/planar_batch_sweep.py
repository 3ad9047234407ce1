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
from lodestone.micromagnetics.planar_batch_cost import Work, bytes_moved
from lodestone.micromagnetics.planar_batch_pairs import Slots
from lodestone.micromagnetics.planar_batch_state import Layers, Limits, Trial

FLOW_HALVINGS = 12  # of the time step, before a layer counts as stalled


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
        at = self._at
        while at.active.any():
            self.work.iterations += 1
            quiet = at.starting | ~at.must_flow & (at.torque <= self._settings.flow_torque)
            flow, newton = np.flatnonzero(at.active & ~quiet), np.flatnonzero(at.active & quiet)
            if len(flow):
                self._flow(flow)
            if len(newton):
                self._newton(newton)
            yield from self._advance()

    @property
    def bytes_moved(self) -> int:
        """Memory traffic so far, see `planar_batch_cost.bytes_moved`."""
        layers = self._layers
        return bytes_moved(self.work, layers.cells, layers.padded, len(layers.pairs.turns))

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

    def _flow(self, slots: Slots) -> None:
        """Follow the flow for some steps; fewer and shorter ones where they raised the energy."""
        at, settings = self._at, self._settings
        halved = 2.0 ** at.halvings[slots]
        count = np.maximum(settings.flow_steps // halved, 1).astype(np.int64)
        trial, work = self._layers.flow(slots, settings.flow_step / halved, count, settings.flow_turn_rad)
        accepted = trial.energy <= at.energy[slots] + self._rounding
        self._layers.accept(accepted)
        self._layers.pairs.clear(slots)
        self._take(slots, trial, accepted)
        at.halvings[slots] = np.where(accepted, 0, at.halvings[slots] + 1)
        at.must_flow[slots] = ~accepted
        self.work.flows += len(slots)
        self.work.flow_steps += work

    def _newton(self, slots: Slots) -> None:
        """Take a quasi-Newton step or an extrapolated start; what fails goes on with the flow."""
        at, settings = self._at, self._settings
        starting = at.starting[slots]
        limits = Limits(settings.turn_limit_rad, SMOOTH_TURN)
        trial = self._layers.newton(slots, starting, at.step[slots] >= 3, limits)
        # The trapezoidal rule: near a minimum energies differ by less than their rounding errors, gradients do not.
        accepted = (trial.before + trial.after <= 0) & (starting | (trial.before < 0))
        curvature = trial.after - trial.before
        learnt = accepted & (curvature > 1e-6 * trial.turn_squared)
        self._layers.accept(accepted, np.where(learnt, 1 / np.where(learnt, curvature, 1), 0))
        self._take(slots, trial, accepted)
        at.starting[slots] = False
        at.may_flow[slots] |= starting & ~accepted
        failed = ~starting & ~accepted
        self._layers.pairs.clear(slots[failed])
        lost = ~at.may_flow[slots] & (failed | (at.torque[slots] > settings.flow_torque))
        at.must_flow[slots] = failed & ~lost
        self._return(slots[lost])
        self.work.newtons += len(slots)

    def _take(self, slots: Slots, trial: Trial, accepted: NDArray[np.bool_]) -> None:
        """Keep account of trials."""
        at = self._at
        at.energy[slots] = np.where(accepted, trial.energy, at.energy[slots])
        at.torque[slots] = np.where(accepted, trial.torque, at.torque[slots])
        at.spent[slots] += 1
        at.evaluations[slots] += 1
        self.work.refused += int((~accepted).sum())

    def _return(self, slots: Slots) -> None:
        """Go back to the last equilibria, from where the flow is followed."""
        if len(slots):
            self._at.energy[slots], self._at.torque[slots] = self._layers.return_to_rest(slots)
            self._at.may_flow[slots] = True

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
