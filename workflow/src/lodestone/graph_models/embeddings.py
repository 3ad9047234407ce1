"""Embeddings of lengths and angles: computed one by one, or interpolated.

An embedding is a function of one number. In place of tens of thousands of lengths or cosines it is enough to send some
hundred nodes through the perceptrons and to interpolate between them, in trainings too: gradients go back through the
nodes. The steps are a few hundredths of the width of a basis function, and the error of the interpolation, which goes
with their fourth power, drowns in that of single precision.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lodestone.graph_models import kernels, operations

EDGE_NODES, ANGLE_NODES = 1024, 512
SHORTEST_A = 0.3


def perceptron(layer: Any, rows: Tensor, compiled: bool) -> Tensor:
    """Apply alignn's MLPLayer: linear, layer norm, SiLU."""
    linear, norm, _ = layer.layer
    return operations.norm_silu(operations.apply(linear, rows), norm, None, compiled)


def embed(layers: Any, values: Tensor, compiled: bool) -> Tensor:
    """Radial basis and two perceptrons of values (row,), (row, hidden)."""
    basis, first, second = layers
    return perceptron(second, perceptron(first, basis(values), compiled), compiled)


def embed_edges(module: Any, length: Tensor, compiled: bool) -> Tensor:
    """Embedding of edge lengths (edge,) as the model's settings say, (edge, hidden)."""
    config = module.config
    if not config.use_cutoff_function:
        return embed(module.edge_embedding, length, compiled)
    inside = operations.envelope(length, float(config.inner_cutoff), int(config.exponent))
    if config.multiply_cutoff:
        return embed(module.edge_embedding, length, compiled) * inside[:, None]
    return embed(module.edge_embedding, inside, compiled)


class Angles:
    """Features of the triplets of a batch as alignn computes them."""

    def __init__(self, module: Any, cosine: Tensor) -> None:
        self.z = embed(module.angle_embedding, cosine, False)

    def gates(self, layer: Any, k: int) -> Tensor:
        """Return what the triplets add to the gates of a layer, (triplet, hidden)."""
        return operations.linear(self.z, layer.edge_gate.weight)

    def update(self, m: Tensor, norm: Any) -> None:
        """Take the result of a layer in."""
        self.z = operations.norm_silu(m, norm, self.z, False)


class TabulatedAngles:
    """Features of triplets, with what depends on the cosine alone from a table.

    The residual connections make the features of layer k ``z_0(cosine)`` plus a sum over the layers before; a gate is
    linear in both parts, and only the second needs a matrix product.
    """

    def __init__(self, table: Table, cosine: Tensor) -> None:
        self.table, self.cosine = table, cosine
        self.sum: Tensor | None = None

    def gates(self, layer: Any, k: int) -> Tensor:
        """Return what the triplets add to the gates of a layer, (triplet, hidden)."""
        base = None if self.sum is None else operations.linear(self.sum, layer.edge_gate.weight)
        width = len(layer.edge_gate.weight)
        return self.table(self.cosine, base, k * width, width)

    def update(self, m: Tensor, norm: Any) -> None:
        """Take the result of a layer in."""
        self.sum = operations.norm_silu(m, norm, self.sum, True)


class Tables:
    """Interpolated embeddings of one network.

    Parameters
    ----------
    module : ALIGNNAtomWisePure
        Its present parameters, which gradients go back to.
    cutoff_A : float
        Longest edge.

    Attributes
    ----------
    edge : Table
        Embedding of an edge by its length, envelope included.
    angle : Table or None
        For each layer with triplets its gate for the embedding of a cosine, side by side.
    """

    def __init__(self, module: Any, cutoff_A: float) -> None:
        last = len(module.alignn_layers) + len(module.gcn_layers) - 1
        gates = [layer.edge_update.edge_gate for layer in module.alignn_layers][:last]
        double = module.fc.weight.dtype == torch.float64

        def of_edges(length: Tensor) -> Tensor:
            return embed_edges(module, length, not double)

        def of_angles(cosine: Tensor) -> Tensor:
            z = embed(module.angle_embedding, cosine, not double)
            return functional.linear(z, torch.cat([gate.weight for gate in gates]))

        dtype = module.fc.weight.dtype
        self.edge = Table(of_edges, SHORTEST_A, cutoff_A, EDGE_NODES, dtype)
        self.angle = Table(of_angles, -1.0, 1.0, ANGLE_NODES, dtype) if gates else None

    @classmethod
    def frozen(cls, module: Any, cutoff_A: float) -> Tables:
        """Tables of parameters that stay: computed in double precision, without gradients."""
        dtype = module.fc.weight.dtype
        with torch.no_grad():
            tables = cls(copy.deepcopy(module).double(), cutoff_A)
        for table in (tables.edge, tables.angle):
            if table is not None:
                table.to(dtype)
        return tables


class Table:
    """Cubics between equally spaced nodes of a function of one variable, (interval, power, column).

    They have the values and slopes of the function at the nodes. Slopes come from values by
    ``(f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / (12 h)``.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], low: float, high: float, nodes: int, dtype: torch.dtype
    ) -> None:
        self.low, self.per_step = low, (nodes - 1) / (high - low)
        step = 1 / self.per_step
        values = function(torch.linspace(low - 2 * step, high + 2 * step, nodes + 4, dtype=dtype))
        rise = (values[:-4] - values[4:] + 8 * (values[3:-1] - values[1:-3])) / 12
        here, there, slope, next_slope = values[2:-3], values[3:-2], rise[:-1], rise[1:]
        square = 3 * (there - here) - 2 * slope - next_slope
        self.powers = torch.stack([here, slope, square, 2 * (here - there) + slope + next_slope], dim=1)

    def to(self, dtype: torch.dtype) -> None:
        """Change the precision."""
        self.powers = self.powers.to(dtype)

    def __call__(self, x: Tensor, base: Tensor | None, column: int, width: int) -> Tensor:
        """Columns from `column` on at points x (row,), added to `base`, which is changed: (row, width)."""
        return _Interpolate.apply(x, base, self.powers, self.scale(), column, width)  # type: ignore[no-any-return]

    def scale(self) -> list[Any]:
        """First node and nodes a unit, in the precision of the table."""
        real = self.powers.detach().numpy().dtype.type
        return [real(self.low), real(self.per_step)]


class _Interpolate(torch.autograd.Function):
    """Columns of a table at points x, added to `base`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, base: Tensor | None, powers: Tensor, scale: list[Any], column: int, width: int
    ) -> Tensor:
        y = x.new_empty(len(x), width) if base is None else base
        arrays = [t.detach().numpy() for t in (x, powers, y)]
        kernels.interpolate(*[*scale, column, base is not None, *arrays])
        if base is not None:
            ctx.mark_dirty(base)
        ctx.where, ctx.has_base = [*scale, column], base is not None
        ctx.save_for_backward(x, powers)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, powers = ctx.saved_tensors
        dy, dx = gradients[0].contiguous(), torch.empty_like(x)
        kernels.interpolate_back(*[*ctx.where, *(t.detach().numpy() for t in (x, powers, dy, dx))])
        d_powers = None
        if ctx.needs_input_grad[2]:
            d_powers = torch.zeros_like(powers)
            kernels.interpolate_learn(*[*ctx.where, *(t.detach().numpy() for t in (x, dy, d_powers))])
        return dx, dy if ctx.has_base else None, d_powers, None, None, None
