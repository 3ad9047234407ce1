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

MOMENTS = ("s", "c")
HELD = ("s", "c", "bx", "by")
STATE = ("s", "c", "bx", "by", "gradient", "curvature")
# Chebyshev sweeps of the Newton step of the local energy, and the smallest eigenvalue they aim at.
NEWTON_SWEEPS, NEWTON_LEAST = 8, 0.1
NEWTON_SHIFT, NEWTON_FLOOR = 0.05, 0.3
FLOW_SWEEPS, FLOW_LEAST = 3, 0.3

Slots = NDArray[np.intp]


@dataclass(frozen=True)
class Trial:
    """What is known of the trials of all slots, (slot,) each.

    ``before`` and ``after`` are the products of the turn with the gradients before and after it.
    """

    energy: NDArray[np.float64]
    torque: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    turn_squared: NDArray[np.float64]


class Pairs:
    """Corrections of limited-memory BFGS: a ring that all slots share, with a weight of zero where one has no pair."""

    def __init__(self, memory: int, shape: tuple[int, int, int], device: torch.device) -> None:
        self.turns = [torch.zeros(shape, device=device) for _ in range(memory)]
        self.changes = [torch.zeros(shape, device=device) for _ in range(memory)]
        self.rho = torch.zeros(memory, shape[0], dtype=torch.float64, device=device)
        self._next = 0

    def direction(self, gradient: Tensor, newton: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Two-loop recursion around a Newton step of the local energy; minus the result is downhill."""
        memory = len(self.turns)
        order = [(self._next - 1 - k) % memory for k in range(memory)]
        q, factors = gradient, {}
        for k in order:
            factors[k] = self.rho[k] * total(self.turns[k] * q)
            q = torch.addcmul(q, per_layer(factors[k].float()), self.changes[k], value=-1)
        x = kernels.solve_local(*newton, q, kernels.coefficients(NEWTON_LEAST, NEWTON_SWEEPS))
        for k in reversed(order):
            factor = factors[k] - self.rho[k] * total(self.changes[k] * x)
            x = torch.addcmul(x, per_layer(factor.float()), self.turns[k])
        return x

    def insert(self, turn: Tensor, before: Tensor, after: Tensor, rho: NDArray[np.float64]) -> None:
        """Remember the turns between two gradients in the slots whose weight rho is not zero; takes over ``turn``."""
        k = self._next
        self.turns[k] = turn
        torch.sub(after, before, out=self.changes[k])
        self.rho[k] = torch.as_tensor(rho, device=self.rho.device)
        self._next = (k + 1) % len(self.turns)

    def clear(self, slots: Slots) -> None:
        """Forget the pairs of some slots."""
        self.rho[:, torch.as_tensor(slots, device=self.rho.device)] = 0

    def keep(self, index: Tensor) -> None:
        """Drop all slots but some."""
        self.turns = [a[index] for a in self.turns]
        self.changes = [a[index] for a in self.changes]
        self.rho = self.rho[:, index]


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
    """

    def __init__(
        self,
        slots: int,
        stray_field: kernels.StrayField,
        strength: float,
        exchange: float,
        memory: int,
        device: torch.device,
    ) -> None:
        ny, nx = stray_field.cells
        shape = (slots, ny, nx)
        self.device, self.exchange, self._strength = device, exchange, strength
        self._stray_field = stray_field
        self.state, self.trial = ({n: torch.zeros(shape, device=device) for n in STATE} for _ in range(2))
        self.axis = {n: torch.zeros(shape, device=device) for n in ("kc", "ks")}
        self.rest = {n: torch.zeros(shape, device=device) for n in HELD}  # at the end of the last field
        self.old, self.older = ({n: torch.zeros(shape, device=device) for n in MOMENTS} for _ in range(2))
        self.field = torch.zeros(slots, device=device)
        self.pairs = Pairs(memory, shape, device)
        self._turn = torch.zeros(shape, device=device)
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

    def propose_quasi_newton(self, slots: Slots, limit: float) -> None:
        """Turn the moments of some slots along the quasi-Newton direction, by at most ``limit``; others stay."""
        state = self.state
        right, down = kernels.couplings(state["s"], state["c"], self.exchange)
        inverse = kernels.local_inverse(right, down, state["curvature"], NEWTON_SHIFT, NEWTON_FLOOR)
        turn = self.pairs.direction(state["gradient"], (right, down, inverse))
        wanted = torch.zeros(len(turn), device=self.device)
        wanted[self.index(slots)] = 1
        scale = (limit / turn.abs().amax(kernels.CELLS).clamp_min(1e-30)).clamp_max(1) * wanted
        self._turn = turn * per_layer(-scale)

    def propose_none(self) -> None:
        """Turn nothing."""
        self._turn = torch.zeros_like(self._turn)

    def propose_extrapolated(self, slots: Slots, use_older: NDArray[np.bool_], smooth: float, limit: float) -> None:
        """Turn the moments of some slots as they turned between the last fields, where that was smooth.

        A path counts as smooth if no moment turned by more than asin(smooth).
        """
        i = self.index(slots)
        rest, old, older = ({n: part[n][i] for n in MOMENTS} for part in (self.rest, self.old, self.older))
        turn, largest = _turn_between(old, rest)
        before, largest_before = _turn_between(older, old)
        parabola = self.index(use_older) & (largest_before < smooth)
        turn = turn + per_layer(0.75 * parabola) * (turn - before)  # 1 would be the parabola; less is more robust
        self._turn[i] = turn.clamp(-limit, limit) * per_layer((largest <= smooth).float())

    def turn(self, limit: float) -> None:
        """Set the moments of the trials to the present ones, turned as proposed."""
        state = self.state
        self.trial["s"], self.trial["c"] = kernels.rotate(state["s"], state["c"], self._turn, limit)

    def flow(self, slots: Slots, time_step: NDArray[np.floating], count: NDArray[np.int64], cap: float) -> None:
        """Let the moments of the trials of some slots follow the flow, the stray field held."""
        i = self.index(slots)
        moments = self.state["s"][i], self.state["c"][i]
        held = self.axis["kc"][i], self.axis["ks"][i], self.state["bx"][i], self.state["by"][i]
        steps = torch.as_tensor(time_step, dtype=torch.float32, device=self.device)
        counts, field = self.index(count), self.field[i]
        factors = kernels.coefficients(FLOW_LEAST, FLOW_SWEEPS)
        for k in range(int(count.max())):
            now = torch.where(counts > k, steps, torch.zeros_like(steps))
            moments = kernels.flow_step(moments, held, field, self.exchange, now, cap, factors)
        self.trial["s"][i], self.trial["c"][i] = moments

    def complete(self) -> Trial:
        """Stray field, energy and gradient of all trials."""
        trial, state = self.trial, self.state
        trial["bx"], trial["by"] = self._stray_field(trial["s"], trial["c"])
        trial["gradient"], trial["curvature"], energy, torque = kernels.evaluate(
            trial["s"],
            trial["c"],
            self.axis["kc"],
            self.axis["ks"],
            trial["bx"],
            trial["by"],
            self.field,
            self.exchange,
        )
        before, after = total(self._turn * state["gradient"]), total(self._turn * trial["gradient"])
        values = torch.stack([energy, torque.double(), before, after, total(self._turn * self._turn)])
        return Trial(*values.cpu().numpy())

    def accept(self, accepted: NDArray[np.bool_], rho: NDArray[np.float64]) -> None:
        """Make the trials the present states where accepted; remember the turns with weight rho."""
        self.pairs.insert(self._turn, self.state["gradient"], self.trial["gradient"], rho)
        self.state, self.trial = self.trial, self.state
        refused = self.index(np.flatnonzero(~accepted))
        if len(refused):
            for name in STATE:
                self.state[name][refused] = self.trial[name][refused]

    def keep(self, slots: Slots) -> None:
        """Drop all slots but some."""
        i = self.index(slots)
        for part in (self.state, self.trial, self.axis, self.rest, self.old, self.older):
            for name in part:
                part[name] = part[name][i]
        self.field, self._turn = self.field[i], self._turn[i]
        self.pairs.keep(i)


def _turn_between(first: dict[str, Tensor], second: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Sine of the angle between moments, and its largest magnitude in each layer, 2 beyond a right angle."""
    sine = second["s"] * first["c"] - second["c"] * first["s"]
    ahead = second["s"] * first["s"] + second["c"] * first["c"]
    return sine, torch.where(ahead > 0, sine.abs(), torch.full_like(sine, 2)).amax(kernels.CELLS)
