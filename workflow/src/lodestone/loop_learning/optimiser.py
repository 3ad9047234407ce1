"""Nadam on one flat parameter vector.

All parameters of a network, and all gradients, are views of two contiguous vectors. On the CPU the whole Nadam step is
then one compiled pass over memory, where a per-tensor optimiser makes about ten; and gradient memory is kept, where
fresh buffers of 50 MB would be mapped and faulted in again at every step, which on virtual machines costs more than
the matrix products that fill them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras' defaults
MOMENTUM_DECAY = 0.004


@njit(cache=True, nogil=True)
def _update(p, g, m, v, scale_g, scale_m, correction):
    b1, b2, eps = np.float32(BETA_1), np.float32(BETA_2), np.float32(EPSILON)
    one = np.float32(1.0)
    for i in range(p.size):
        m[i] = b1 * m[i] + (one - b1) * g[i]
        v[i] = b2 * v[i] + (one - b2) * g[i] * g[i]
        p[i] -= (scale_g * g[i] + scale_m * m[i]) / (np.sqrt(v[i] * correction) + eps)
        g[i] = np.float32(0.0)


def flatten_parameters(module: nn.Module) -> tuple[Tensor, Tensor]:
    """Make all parameters and gradients of a module views of two flat vectors, which are returned."""
    parameters = list(module.parameters())
    total = sum(p.numel() for p in parameters)
    values = torch.empty(total, dtype=torch.float32, device=parameters[0].device)
    gradients = torch.zeros_like(values)
    start = 0
    with torch.no_grad():
        for p in parameters:
            part = slice(start, start + p.numel())
            values[part] = p.detach().flatten()
            p.data = values[part].view(p.shape)
            p.grad = gradients[part].view(p.shape)
            start += p.numel()
    return values, gradients


class Nadam:
    """Adam with Nesterov momentum (Dozat 2016), as `torch.optim.NAdam` and Keras compute it.

    Parameters
    ----------
    module : Module
        Its parameters become views of one vector.
    threads : int
        Threads of the CPU step; they change nothing in the result.
    """

    def __init__(self, module: nn.Module, threads: int = 1) -> None:
        self.values, self.gradients = flatten_parameters(module)
        self.momentum = torch.zeros_like(self.values)
        self.variance = torch.zeros_like(self.values)
        self.compiled = self.values.is_cpu
        self.steps = 0
        self.product = 1.0
        self._pool = ThreadPoolExecutor(threads) if threads > 1 and self.values.is_cpu else None
        edges = [self.values.numel() * k // threads for k in range(threads + 1)]
        self._parts = [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def step(self, learning_rate: float) -> None:
        """Change the parameters by one step along their gradients and set the gradients to zero."""
        self.steps += 1
        mu = BETA_1 * (1 - 0.5 * 0.96 ** (self.steps * MOMENTUM_DECAY))
        mu_next = BETA_1 * (1 - 0.5 * 0.96 ** ((self.steps + 1) * MOMENTUM_DECAY))
        self.product *= mu
        scale_g = learning_rate * (1 - mu) / (1 - self.product)
        scale_m = learning_rate * mu_next / (1 - self.product * mu_next)
        correction = 1 / (1 - BETA_2**self.steps)
        if self.compiled:
            self._step_cpu(np.float32(scale_g), np.float32(scale_m), np.float32(correction))
            return
        g, m, v = self.gradients, self.momentum, self.variance
        m.lerp_(g, 1 - BETA_1)
        v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
        self.values.sub_((g * scale_g).add_(m, alpha=scale_m).div_((v * correction).sqrt_().add_(EPSILON)))
        g.zero_()

    def _step_cpu(self, scale_g: np.float32, scale_m: np.float32, correction: np.float32) -> None:
        p, g, m, v = (t.numpy() for t in (self.values, self.gradients, self.momentum, self.variance))

        def run(part: slice) -> None:
            _update(p[part], g[part], m[part], v[part], scale_g, scale_m, correction)

        list((self._pool.map if self._pool else map)(run, self._parts))

    def state(self) -> dict[str, np.ndarray]:
        """Return everything that a resumed training needs, the parameters included, as copies."""
        return {
            "values": self.values.cpu().numpy().copy(),
            "momentum": self.momentum.cpu().numpy().copy(),
            "variance": self.variance.cpu().numpy().copy(),
            "steps": np.array(self.steps, np.int64),
            "product": np.array(self.product, np.float64),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Set parameters and optimiser to a state returned by `state`."""
        self.values.copy_(torch.tensor(state["values"]))
        self.momentum.copy_(torch.tensor(state["momentum"]))
        self.variance.copy_(torch.tensor(state["variance"]))
        self.steps = int(state["steps"])
        self.product = float(state["product"])


def warm() -> None:
    """Compile the CPU step, so that parallel jobs find it in the cache."""
    p, g, m, v = np.zeros((4, 1), np.float32)
    _update(p, g, m, v, np.float32(0), np.float32(0), np.float32(0))
