"""The layers of a batch on their device: present states, trials, what is remembered of former fields, L-BFGS pairs.

Nothing here decides: the driver in `planar_batch` says which slots of the batch take which step. An index of slots is
a numpy array of integers, a value per slot a numpy array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodestone.micromagnetics import planar_batch_kernels as kernels
from lodestone.micromagnetics.planar_batch_kernels import per_layer, total
from lodestone.micromagnetics.planar_batch_pairs import Index, Pairs, Slots, take
from lodestone.micromagnetics.planar_batch_window import Windows, windows

MOMENTS = ("s", "c")
HELD = ("s", "c", "bx", "by")
STATE = ("s", "c", "bx", "by", "gradient", "curvature")


@dataclass(frozen=True)
class Trial:
    """What is known of the trials of some slots, (slot,) each.

    ``before`` and ``after`` are the products of the turn with the gradients before and after it.
    """

    energy: NDArray[np.float64]
    torque: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    turn_squared: NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """Largest turn of a moment, and largest sine of a turn between two fields that is extrapolated."""

    turn: float
    smooth: float


class Layers:
    """A batch of layers of the same material and size.

    Parameters
    ----------
    slots : int
        Layers in the batch.
    stray_field : StrayField
        Of one layer.
    strength : float
        K_1 / (mu0 M_s^2).
    exchange : float
        2 A / (mu0 M_s^2 dx^2).
    memory : int
        Correction pairs.
    device : torch.device
        Where the tensors are.
    operations : Operations, optional
        By default the plain ones.
    """

    def __init__(
        self,
        slots: int,
        stray_field: kernels.StrayField,
        strength: float,
        exchange: float,
        memory: int,
        device: torch.device,
        operations: kernels.Operations | None = None,
    ) -> None:
        self._operations = operations or kernels.Operations()
        ny, nx = stray_field.cells
        self.cells, self.padded = stray_field.cells, stray_field.padded
        shape = (slots, ny, nx)
        self.device, self.exchange, self._strength = device, exchange, strength
        self._stray_field = stray_field
        self.state = {n: torch.zeros(shape, device=device) for n in STATE}
        self.axis = {n: torch.zeros(shape, device=device) for n in ("kc", "ks")}
        self.rest = {n: torch.zeros(shape, device=device) for n in HELD}  # at the end of the last field
        self.old, self.older = ({n: torch.zeros(shape, device=device) for n in MOMENTS} for _ in range(2))
        self.field = torch.zeros(slots, device=device)
        self.pairs = Pairs(memory, shape, device)
        self._trial: tuple[Index, dict[str, Tensor], Tensor | None] = (slice(None), self.state, None)
        one = torch.ones(1, ny, nx, device=device)
        self._saturated = dict(zip(HELD, (0 * one, one, *stray_field(0 * one, one)), strict=True))

    def index(self, slots: NDArray) -> Tensor:
        """Index of slots, or a value for each, on the device."""
        return torch.as_tensor(slots, device=self.device)

    def load(self, slots: Slots, axis_angle_rad: NDArray) -> None:
        """Put structures (slot, ny, nx), saturated along +y, into slots."""
        index = self.index(slots)
        twice = 2 * torch.as_tensor(axis_angle_rad, dtype=torch.float64, device=self.device)
        self.axis["kc"][index] = (self._strength * twice.cos()).float()
        self.axis["ks"][index] = (self._strength * twice.sin()).float()
        for name, value in self._saturated.items():
            self.state[name][index] = value
            self.rest[name][index] = value
        self.pairs.clear(slots)

    def set_field(self, slots: Slots, field: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Apply fields, over M_s; returns energy and torque of those slots."""
        self.field[self.index(slots)] = torch.as_tensor(field, dtype=torch.float32, device=self.device)
        return self.refresh(slots)

    def refresh(self, slots: Slots) -> tuple[NDArray, NDArray]:
        """Gradient, curvature, energy and torque of the present states of slots with the stray fields they hold."""
        i = self.index(slots)
        s, c, bx, by = (self.state[n][i] for n in HELD)
        surroundings = self.axis["kc"][i], self.axis["ks"][i], bx, by
        gradient, curvature, energy, torque = kernels.evaluate(s, c, *surroundings, self.field[i], self.exchange)
        self.state["gradient"][i], self.state["curvature"][i] = gradient, curvature
        return energy.cpu().numpy(), torque.double().cpu().numpy()

    def finish_field(self, slots: Slots) -> NDArray[np.float64]:
        """Make the present states of slots the last equilibria; returns the mean magnetisation along +y."""
        i = self.index(slots)
        for name in MOMENTS:
            self.older[name][i] = self.old[name][i]
            self.old[name][i] = self.rest[name][i]
        for name in HELD:
            self.rest[name][i] = self.state[name][i]
        return (total(self.state["c"][i]) / self.state["c"][0].numel()).cpu().numpy()

    def return_to_rest(self, slots: Slots) -> tuple[NDArray, NDArray]:
        """Go back to the last equilibria; returns energy and torque in the present field."""
        i = self.index(slots)
        for name in HELD:
            self.state[name][i] = self.rest[name][i]
        self.pairs.clear(slots)
        return self.refresh(slots)

    def newton(self, slots: Slots, starting: NDArray[np.bool_], third: NDArray[np.bool_], limits: Limits) -> Trial:
        """Turn the moments of some slots along the quasi-Newton direction, or to an extrapolated start.

        Parameters
        ----------
        slots : ndarray
            Which slots.
        starting : ndarray of bool, like slots
            Whether the turn is extrapolated.
        third : ndarray of bool, like slots
            Whether there are three former states to extrapolate from, not two.
        limits : Limits
            Of the turns.
        """
        i = self._select(slots)
        s, c, gradient, curvature = (take(self.state[n], i) for n in ("s", "c", "gradient", "curvature"))
        turn = self.pairs.direction(
            gradient, lambda q: self._operations.newton_step(q, s, c, curvature, self.exchange), i
        )
        scale = (limits.turn / turn.abs().amax(kernels.CELLS).clamp_min(1e-30)).clamp_max(1)
        turn = turn * per_layer(-scale)
        first = np.flatnonzero(starting)
        if len(first):
            turn[self.index(first)] = self._extrapolated(slots[first], third[first], limits)
        return self._complete(i, self._operations.rotate(s, c, turn, limits.turn), turn, gradient)

    def _extrapolated(self, slots: Slots, third: NDArray[np.bool_], limits: Limits) -> Tensor:
        """Turn as between the last fields, zero where that path was not smooth."""
        i = self.index(slots)
        rest, old, older = ({n: part[n][i] for n in MOMENTS} for part in (self.rest, self.old, self.older))
        turn, largest = _turn_between(old, rest)
        before, largest_before = _turn_between(older, old)
        parabola = self.index(third) & (largest_before < limits.smooth)
        turn = turn + per_layer(0.75 * parabola) * (turn - before)  # 1 would be the parabola; less is more robust
        return turn.clamp(-limits.turn, limits.turn) * per_layer((largest <= limits.smooth).float())

    def flow(
        self, slots: Slots, time_step: NDArray[np.floating], count: NDArray[np.int64], cap: float
    ) -> tuple[Trial, float]:
        """Let what moves in some slots follow the flow for some steps, the stray field held meanwhile.

        Returns the trials and how many steps of a whole layer were as much work.
        """
        i = self._select(slots)
        s, c = (self.state[n][self.index(slots)] for n in MOMENTS)
        work = 0.0
        for part in windows(take(self.state["gradient"], i)):
            steps = self.index(time_step[part.members]).float()
            moved = self._flow_within(part, slots[part.members], steps, count[part.members], cap)
            cells = (part.size or 0) ** 2 or s[0].numel()
            work += float(count[part.members].sum()) * cells / s[0].numel()
            where = self.index(part.members)
            at = (where[:, None, None], *part.cells(self.device)) if part.size else (where,)
            s[at], c[at] = moved
        return self._complete(i, (s, c), None, None), work

    def _flow_within(
        self, part: Windows, slots: Slots, steps: Tensor, count: NDArray[np.int64], cap: float
    ) -> tuple[Tensor, Tensor]:
        """Moments in the windows of some slots after the flow."""
        i, free = self.index(slots), None
        at: tuple[Tensor, ...] = (i,)
        if part.size:
            at, free = (i[:, None, None], *part.cells(self.device)), part.free(self.cells, self.device)
        moments = self.state["s"][at], self.state["c"][at]
        surroundings = self.axis["kc"][at], self.axis["ks"][at], self.state["bx"][at], self.state["by"][at]
        counts, field = self.index(count), self.field[i]
        for k in range(int(count.max())):
            now = torch.where(counts > k, steps, torch.zeros_like(steps))
            moments = self._operations.flow_step(moments, surroundings, field, self.exchange, now, cap, free)
        return moments

    def _complete(
        self, i: Index, moments: tuple[Tensor, Tensor], turn: Tensor | None, gradient: Tensor | None
    ) -> Trial:
        """Stray field, energy and gradient of the trials."""
        held = take(self.axis["kc"], i), take(self.axis["ks"], i), *self._stray_field(*moments)
        after, curvature, energy, torque = self._operations.evaluate(*moments, *held, self.field[i], self.exchange)
        self._trial = i, dict(zip(STATE, (*moments, *held[2:], after, curvature), strict=True)), turn
        values = [energy, torque.double()]
        if turn is not None and gradient is not None:
            values += [total(turn * gradient), total(turn * after), total(turn * turn)]
        known = torch.stack(values).cpu().numpy()
        return Trial(*known, *np.zeros((5 - len(known), known.shape[1])))

    def accept(self, accepted: NDArray[np.bool_], rho: NDArray[np.float64] | None = None) -> None:
        """Make the last trials the present states where accepted; remember turns with weight rho."""
        i, trial, turn = self._trial
        if rho is not None and turn is not None:
            change = trial["gradient"] - take(self.state["gradient"], i)
            self.pairs.insert(turn, change, torch.as_tensor(rho, device=self.device), i)
        if isinstance(i, slice) and accepted.all():
            self.state = trial
            return
        which = self.index(np.flatnonzero(accepted))
        target = which if isinstance(i, slice) else i[which]
        for name in STATE:
            self.state[name][target] = trial[name][which]

    def _select(self, slots: Slots) -> Index:
        """Index of slots; all of them need no copy."""
        return slice(None) if len(slots) == len(self.field) else self.index(slots)

    def keep(self, slots: Slots) -> None:
        """Drop all slots but some."""
        i = self.index(slots)
        for part in (self.state, self.axis, self.rest, self.old, self.older):
            for name in part:
                part[name] = part[name][i]
        self.field = self.field[i]
        self.pairs.keep(i)


def _turn_between(first: dict[str, Tensor], second: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Sine of the angle between moments, and its largest magnitude in each layer, 2 beyond a right angle."""
    sine = second["s"] * first["c"] - second["c"] * first["s"]
    ahead = second["s"] * first["s"] + second["c"] * first["c"]
    return sine, torch.where(ahead > 0, sine.abs(), torch.full_like(sine, 2)).amax(kernels.CELLS)
