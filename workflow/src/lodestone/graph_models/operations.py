"""The steps of the network as torch functions: compiled kernels on a CPU, torch's own operations elsewhere.

Kernels know first derivatives only, which is all that evaluation and training here need; torch's operations can be
derived any number of times. Sums run over sorted segments, so that results do not depend on the order of threads.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lodestone.graph_models import kernels

# Matrix products of fewer rows or columns go other ways through the library, whose sums are rounded otherwise: a
# crystal alone would get other bits than in company.
_FEWEST_ROWS, _FEWEST_COLUMNS = 32, 4


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``rows W^T + b``; each row (row, input) gets the same bits whatever rows stand beside it."""
    count, outputs = len(rows), len(weight)
    if count >= _FEWEST_ROWS and outputs >= _FEWEST_COLUMNS:
        return functional.linear(rows, weight, bias)
    more_rows, more_columns = max(0, _FEWEST_ROWS - count), max(0, _FEWEST_COLUMNS - outputs)
    rows = functional.pad(rows, (0, 0, 0, more_rows))
    weight = functional.pad(weight, (0, 0, 0, more_columns))
    bias = None if bias is None else functional.pad(bias, (0, more_columns))
    return functional.linear(rows, weight, bias)[:count, :outputs].clone()


def apply(layer: Any, rows: Tensor) -> Tensor:
    """Apply a `torch.nn.Linear`."""
    return linear(rows, layer.weight, layer.bias)


def lengths(vectors: Tensor) -> Tensor:
    """Lengths (row,) of vectors (row, 3), by operations that round the same way everywhere."""
    x, y, z = vectors.unbind(1)
    return (x * x + y * y + z * z).sqrt()


class _Spread(torch.autograd.Function):
    """Rows of nodes given to the edges that name them."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, offset: Tensor, order: Tensor | None) -> Tensor:
        ctx.where = index, offset, order
        return values.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Collect.apply(gradients[0], *ctx.where), None, None, None


class _Collect(torch.autograd.Function):
    """Sum of the rows of the edges of each node."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, index: Tensor, offset: Tensor, order: Tensor | None) -> Tensor:
        ctx.where = index, offset, order
        rows = rows if order is None else rows.index_select(0, order)
        return torch.segment_reduce(rows.contiguous(), "sum", offsets=offset, axis=0, unsafe=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Spread.apply(gradients[0], *ctx.where), None, None, None


@dataclass(frozen=True)
class Links:
    """Directed links between nodes, sorted by destination: source and destination (link,), offset (node + 1,)."""

    source: Tensor
    destination: Tensor
    offset: Tensor

    @functools.cached_property
    def _by_source(self) -> tuple[Tensor, Tensor]:
        """Offsets (node + 1,) and the order that sorts links by source."""
        order = torch.argsort(self.source, stable=True)
        nodes = torch.arange(len(self.offset), device=self.source.device)
        return torch.searchsorted(self.source[order], nodes), order

    def from_source(self, values: Tensor) -> Tensor:
        """Values (node, ...) of the source of each link."""
        return _spread(values, self.source, *self._by_source)

    def from_destination(self, values: Tensor) -> Tensor:
        """Values (node, ...) of the destination of each link."""
        return _spread(values, self.destination, self.offset, None)

    def collect(self, rows: Tensor) -> Tensor:
        """Sum of the rows (link, ...) that end at each node."""
        return _collect(rows, self.destination, self.offset)

    def gather(self, rows: Tensor) -> Tensor:
        """Sum of the rows (link, ...) that start at each node."""
        offset, order = self._by_source
        return _Collect.apply(rows, self.source, offset, order)  # type: ignore[no-any-return]


def _spread(values: Tensor, index: Tensor, offset: Tensor, order: Tensor | None) -> Tensor:
    return _Spread.apply(values, index, offset, order)  # type: ignore[no-any-return]


def _collect(rows: Tensor, index: Tensor, offset: Tensor) -> Tensor:
    return _Collect.apply(rows, index, offset, None)  # type: ignore[no-any-return]


def segment_sum(rows: Tensor, index: Tensor, offset: Tensor) -> Tensor:
    """Sum of rows (row, ...) over the segments that `offset` (segment + 1,) cuts; `index` names each row's segment."""
    return _collect(rows, index, offset)


class _Gate(torch.autograd.Function):
    """Compiled gate; changes `gates` in place."""

    @staticmethod
    def forward(
        ctx: Any, nodes: Tensor, gates: Tensor, weight: Tensor, offset: Tensor, source: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor]:
        mean = gates.new_empty(len(offset) - 1, gates.shape[1])
        inverse = torch.empty_like(mean)
        arrays = [t.detach().numpy() for t in (offset, source, weight, nodes, gates, mean, inverse)]
        kernels.gate(arrays[-1].dtype.type(epsilon), *arrays)
        ctx.mark_dirty(gates)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(offset, source, weight, nodes, gates, mean, inverse)
        return mean, gates

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        d_mean, d_gates = gradients
        saved = ctx.saved_tensors
        nodes, m = saved[3], saved[4]
        # The one consumer of m makes its gradient afresh: it may be changed in place.
        d_gates = torch.zeros_like(m) if d_gates is None else d_gates.contiguous()
        d_nodes, d_weight = torch.zeros_like(nodes), m.new_empty(len(m))
        if d_mean is None:
            d_mean = torch.zeros_like(saved[5])
        arrays = [t.detach().numpy() for t in (*saved, d_mean.contiguous(), d_gates, d_nodes, d_weight)]
        kernels.gate_back(*arrays)
        return d_nodes, d_gates, d_weight, None, None, None


def gate(nodes: Tensor, gates: Tensor, weight: Tensor, links: Links, epsilon: float, compiled: bool) -> Any:
    """Gated mean over the links that end at each node, and the gates before the sigmoid.

    ``m = nodes[source, 0] + nodes[destination, 1] + gates``,
    ``mean = sum weight sigmoid(m) nodes[source, 2] / (sum weight sigmoid(m) + epsilon)``

    Parameters
    ----------
    nodes : Tensor, (node, 3 width)
        Three blocks of columns.
    gates : Tensor, (link, width)
        Overwritten by the compiled kernel.
    weight : Tensor, (link,)
    links : Links
    epsilon : float
    compiled : bool

    Returns
    -------
    mean : Tensor, (node, width)
    m : Tensor, (link, width)
    """
    if compiled:
        return _Gate.apply(nodes, gates, weight, links.offset, links.source, epsilon)
    at_source, at_destination, values = nodes.chunk(3, dim=1)
    m = links.from_source(at_source) + links.from_destination(at_destination) + gates
    opening = weight[:, None] * torch.sigmoid(m)
    total = links.collect(opening * links.from_source(values))
    return total / (links.collect(opening) + epsilon), m


class _NormSilu(torch.autograd.Function):
    """Compiled layer norm, SiLU and residual."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, residual: Tensor | None) -> Tensor:
        y = torch.empty_like(x)
        arrays = [t.detach().numpy() for t in (x, gamma, beta, x if residual is None else residual, y)]
        kernels.norm_silu(residual is not None, *arrays)
        ctx.has_residual = residual is not None
        ctx.save_for_backward(x, gamma, beta)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, gamma, beta = ctx.saved_tensors
        dy = gradients[0].contiguous()
        dx, d_gamma, d_beta = torch.empty_like(x), torch.zeros_like(gamma), torch.zeros_like(beta)
        kernels.norm_silu_back(*(t.detach().numpy() for t in (x, gamma, beta, dy, dx, d_gamma, d_beta)))
        return dx, d_gamma, d_beta, dy if ctx.has_residual else None


def norm_silu(x: Tensor, norm: torch.nn.LayerNorm, residual: Tensor | None, compiled: bool) -> Tensor:
    """``residual + silu(layer_norm(x))`` of rows (row, width)."""
    if compiled:
        return _NormSilu.apply(x.contiguous(), norm.weight, norm.bias, residual)  # type: ignore[no-any-return]
    y = functional.silu(norm(x))
    return y if residual is None else residual + y


class _Angles(torch.autograd.Function):
    """Compiled cosines and weights of triplets."""

    @staticmethod
    def forward(ctx: Any, unit: Tensor, envelope: Tensor, offset: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
        cosine = unit.new_empty(len(source))
        weight = torch.empty_like(cosine)
        kernels.angles(*(t.detach().numpy() for t in (offset, source, unit, envelope, cosine, weight)))
        ctx.save_for_backward(offset, source, unit, envelope)
        return cosine, weight

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        d_unit, d_envelope = torch.zeros_like(ctx.saved_tensors[2]), torch.zeros_like(ctx.saved_tensors[3])
        arrays = (*ctx.saved_tensors, *(g.contiguous() for g in gradients), d_unit, d_envelope)
        kernels.angles_back(*(t.detach().numpy() for t in arrays))
        return d_unit, d_envelope, None, None


def angles(unit: Tensor, envelope: Tensor, links: Links, compiled: bool) -> tuple[Tensor, Tensor]:
    """Cosine at the middle atom of each triplet, and the product of the envelopes of its edges, (triplet,) both.

    Parameters
    ----------
    unit : Tensor, (short, 3)
        Directions of the short edges.
    envelope : Tensor, (short,)
    links : Links
        From edge (u, v) to edge (v, w).
    compiled : bool
    """
    if compiled:
        return _Angles.apply(unit, envelope, links.offset, links.source)  # type: ignore[no-any-return]
    cosine = -(links.from_source(unit) * links.from_destination(unit)).sum(1)
    return cosine, links.from_source(envelope) * links.from_destination(envelope)


def envelope(length: Tensor, cutoff: float, exponent: int) -> Tensor:
    """Polynomial that falls from 1 to 0 at the cutoff with two derivatives (Gasteiger et al., arXiv:2003.03123).

    ``1 - (p + 1)(p + 2)/2 t^p + p (p + 2) t^(p + 1) - p (p + 1)/2 t^(p + 2)`` with ``t = length / cutoff``, p the
    exponent; 0 beyond.
    """
    p = exponent
    t = (length / cutoff).clamp(max=1.0)
    power = functools.reduce(torch.mul, [t] * p)  # torch's pow rounds differently at the end of an array
    return 1 - power * ((p + 1) * (p + 2) / 2 - p * (p + 2) * t + p * (p + 1) / 2 * t * t)
