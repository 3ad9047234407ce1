"""Limited-memory BFGS for many layers at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodestone.micromagnetics.planar_batch_kernels import per_layer, total

Slots = NDArray[np.intp]
Index = Tensor | slice


def take(values: Tensor, slots: Index) -> Tensor:
    """Values of some slots; of all slots without a copy."""
    return values if isinstance(slots, slice) else values[slots]


class Pairs:
    """Corrections of limited-memory BFGS: a ring that all slots share, with a weight of zero where one has no pair."""

    def __init__(self, memory: int, shape: tuple[int, int, int], device: torch.device) -> None:
        self.turns = [torch.zeros(shape, device=device) for _ in range(memory)]
        self.changes = [torch.zeros(shape, device=device) for _ in range(memory)]
        self.rho = torch.zeros(memory, shape[0], dtype=torch.float64, device=device)
        self._next = 0

    def direction(self, gradient: Tensor, newton_step: Callable[[Tensor], Tensor], slots: Index) -> Tensor:
        """Two-loop recursion around a Newton step of the local energy; minus the result is downhill."""
        memory = len(self.turns)
        order = [(self._next - 1 - k) % memory for k in range(memory)]
        turns, changes = ([take(a, slots) for a in part] for part in (self.turns, self.changes))
        rho, q, factors = self.rho[:, slots], gradient, {}
        for k in order:
            factors[k] = rho[k] * total(turns[k] * q)
            q = torch.addcmul(q, per_layer(factors[k].float()), changes[k], value=-1)
        x = newton_step(q)
        for k in reversed(order):
            factor = factors[k] - rho[k] * total(changes[k] * x)
            x = torch.addcmul(x, per_layer(factor.float()), turns[k])
        return x

    def insert(self, turn: Tensor, change: Tensor, rho: Tensor, slots: Index) -> None:
        """Remember turns and the changes of the gradient along them; a weight rho of zero marks no pair."""
        k = self._next
        self.turns[k][slots], self.changes[k][slots] = turn, change
        self.rho[k] = 0
        self.rho[k, slots] = rho
        self._next = (k + 1) % len(self.turns)

    def clear(self, slots: Slots) -> None:
        """Forget the pairs of some slots."""
        self.rho[:, torch.as_tensor(slots, device=self.rho.device)] = 0

    def keep(self, index: Tensor) -> None:
        """Drop all slots but some."""
        self.turns = [a[index] for a in self.turns]
        self.changes = [a[index] for a in self.changes]
        self.rho = self.rho[:, index]
