"""AdamW on one flat vector of the parameters that are to move."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lodestone.graph_models.errors import ModelError

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
LARGEST_GRADIENT = 10.0  # norm at which gradients are cut; units of the loss over those of the parameters
RISE = 0.1  # share of the steps over which the learning rate rises


def learning_rate(step: int, steps: int, largest: float) -> float:
    """Rate of a step, counted from 0: a linear rise, then half a cosine to 0."""
    rise = max(1, round(RISE * steps))
    if step < rise:
        return largest * (step + 1) / rise
    return largest * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter, arXiv:1711.05101).

    Parameters
    ----------
    module : Module
        All other parameters stop needing gradients.
    names : sequence of str
        Parameters that move; they and their gradients become views of two vectors.
    weight_decay : float
        Of weight matrices; biases and norms do not decay.
    """

    def __init__(self, module: nn.Module, names: Sequence[str], weight_decay: float) -> None:
        named = dict(module.named_parameters())
        strange = [name for name in names if name not in named]
        if strange or not names:
            raise ModelError("parameters to train", str(strange[:1] or "none"), f"some of {', '.join(named)}")
        for name, parameter in named.items():
            parameter.requires_grad_(name in names)
        moving = [named[name] for name in names]
        self.values = torch.cat([p.detach().flatten() for p in moving])
        self.gradients = torch.zeros_like(self.values)
        self.decay = torch.cat([torch.full_like(p.detach().flatten(), weight_decay * (p.dim() > 1)) for p in moving])
        self.momentum, self.variance = torch.zeros_like(self.values), torch.zeros_like(self.values)
        self.steps = 0
        start = 0
        for parameter in moving:
            part = slice(start, start + parameter.numel())
            parameter.data = self.values[part].view(parameter.shape)
            parameter.grad = self.gradients[part].view(parameter.shape)
            start = part.stop

    def step(self, rate: float) -> None:
        """Change the parameters along their gradients, and set these to zero."""
        self.steps += 1
        g, m, v = self.gradients, self.momentum, self.variance
        g.mul_(torch.clamp(LARGEST_GRADIENT / (g.norm() + EPSILON), max=1.0))
        m.lerp_(g, 1 - BETA_1)
        v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
        size = (v / (1 - BETA_2**self.steps)).sqrt_().add_(EPSILON)
        self.values.sub_(self.values * self.decay, alpha=rate)
        self.values.addcdiv_(m, size, value=-rate / (1 - BETA_1**self.steps))
        g.zero_()

    def state(self) -> dict[str, np.ndarray]:
        """Return all that a resumed training needs, as copies."""
        vectors: dict[str, Tensor] = {"values": self.values, "momentum": self.momentum, "variance": self.variance}
        return {
            **{name: vector.cpu().numpy().copy() for name, vector in vectors.items()},
            "steps": np.array(self.steps, np.int64),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state that `state` returned."""
        self.values.copy_(torch.from_numpy(state["values"]))
        self.momentum.copy_(torch.from_numpy(state["momentum"]))
        self.variance.copy_(torch.from_numpy(state["variance"]))
        self.steps = int(state["steps"])
