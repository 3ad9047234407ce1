"""Embeddings of lengths and angles: computed, or interpolated between values that were computed once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lodestone.graph_models import kernels, operations
from lodestone.graph_models.architecture import Architecture

# Steps of a few hundredths of the width of a basis function: the error of the interpolation, its fourth power, drowns
# in that of single precision.
EDGE_NODES, ANGLE_NODES = 1024, 512
SHORTEST_A = 0.3


def perceptron(layer: Any, rows: Tensor, compiled: bool) -> Tensor:
    """alignn's MLPLayer: linear, layer norm, SiLU."""
    linear, norm, _ = layer.layer
    return operations.norm_silu(operations.apply(linear, rows), norm, None, compiled)


def embed(layers: Any, values: Tensor, compiled: bool) -> Tensor:
    """Radial basis and two perceptrons of values (row,), (row, hidden)."""
    basis, first, second = layers
    rows = basis(values)
    return perceptron(second, perceptron(first, rows, compiled), compiled)


class Angles:
    """Features of the triplets of a batch as alignn computes them."""

    def __init__(self, module: Any, cosine: Tensor, compiled: bool) -> None:
        self.compiled = compiled
        self.z = embed(module.angle_embedding, cosine, compiled)

    def gates(self, layer: Any, k: int) -> Tensor:
        """What the triplets add to the gates of a layer, (triplet, hidden)."""
        return operations.linear(self.z, layer.edge_gate.weight)

    def update(self, m: Tensor, norm: Any) -> None:
        """Take the result of a layer in."""
        self.z = operations.norm_silu(m, norm, self.z, self.compiled)


class Tables:
    """Interpolated embeddings of one network.

    Attributes
    ----------
    edge : Table
        Embedding of an edge by its length, envelope included.
    angle : Table or None
        For each layer with triplets its gate for the embedding of a cosine, side by side.
    """

    def __init__(self, module: Any, architecture: Architecture) -> None:
        from lodestone.graph_models.network import embed_edges

        exact = _double(module)
        last = len(module.alignn_layers) + len(module.gcn_layers) - 1
        with_triplets = [layer.edge_update.edge_gate for layer in exact.alignn_layers][:last]
        dtype = module.fc.weight.dtype
        cutoff = architecture.graph.two_body_cutoff_A
        self._edge = Table(lambda r: embed_edges(exact, module.config, r, False), SHORTEST_A, cutoff, EDGE_NODES, dtype)

        def gates(cosine: Tensor) -> Tensor:
            z = embed(exact.angle_embedding, cosine, False)
            return torch.cat([functional.linear(z, layer.weight) for layer in with_triplets], dim=1)

        self._angle = Table(gates, -1.0, 1.0, ANGLE_NODES, dtype) if with_triplets else None
        self.width = int(module.config.hidden_features)

    def edges(self, length: Tensor) -> Tensor:
        """Embedding of the edges, (edge, hidden)."""
        return _Interpolate.apply(length, None, self._edge, 0, self.width)  # type: ignore[no-any-return]

    def gates(self, cosine: Tensor, base: Tensor | None, k: int) -> Tensor:
        """Gate of the embedding of each cosine in layer k, added to `base`, (triplet, hidden)."""
        return _Interpolate.apply(cosine, base, self._angle, k * self.width, self.width)  # type: ignore[no-any-return]


class TabulatedAngles:
    """Features of triplets, with what depends on the cosine alone from tables.

    The residual connections make the features of layer k ``z_0(cosine)`` plus a sum over the layers before; a gate is
    linear in both parts, and only the second needs a matrix product.
    """

    def __init__(self, tables: Tables, cosine: Tensor) -> None:
        self.tables, self.cosine = tables, cosine
        self.sum: Tensor | None = None

    def gates(self, layer: Any, k: int) -> Tensor:
        """What the triplets add to the gates of a layer, (triplet, hidden)."""
        base = None if self.sum is None else operations.linear(self.sum, layer.edge_gate.weight)
        return self.tables.gates(self.cosine, base, k)

    def update(self, m: Tensor, norm: Any) -> None:
        """Take the result of a layer in."""
        self.sum = operations.norm_silu(m, norm, self.sum, True)


class Table:
    """Values and slopes of a function of one variable on equally spaced nodes, (node, column)."""

    def __init__(self, function: Any, low: float, high: float, nodes: int, dtype: torch.dtype) -> None:
        x = torch.linspace(low, high, nodes, dtype=torch.float64)
        value, rate = torch.func.jvp(function, (x,), (torch.ones_like(x),))
        self.value = value.detach().to(dtype).contiguous().numpy()
        self.slope = rate.detach().to(dtype).contiguous().numpy()
        real = self.value.dtype.type
        self.low, self.per_step = real(low), real((nodes - 1) / (high - low))


class _Interpolate(torch.autograd.Function):
    """Columns of a table at points x, added to `base`, which is changed in place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, base: Tensor | None, table: Table, column: int, width: int) -> Tensor:
        y = x.new_empty(len(x), width) if base is None else base
        kernels.interpolate(
            x.detach().numpy(), table.low, table.per_step, table.value, table.slope, column, y.detach().numpy(),
            base is not None,
        )  # fmt: skip
        if base is not None:
            ctx.mark_dirty(base)
        ctx.table, ctx.column, ctx.has_base = table, column, base is not None
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        dy, dx, table = gradients[0].contiguous(), torch.empty_like(x), ctx.table
        kernels.interpolate_back(
            x.detach().numpy(), table.low, table.per_step, table.value, table.slope, ctx.column, dy.numpy(), dx.numpy()
        )
        return dx, dy if ctx.has_base else None, None, None, None


def _double(module: nn.Module) -> Any:
    """Copy of a module in double precision."""
    import copy

    return copy.deepcopy(module).double().requires_grad_(False)
