"""ALIGNN (Choudhary & DeCost, npj Comput. Mater. 7, 185) on batches of crystals, with alignn's own layers.

The parameters live in alignn's module. The forward pass is ours, because alignn's adds the repulsion of a whole batch
to every crystal of it, walks over the crystals for the stress and makes second-order graphs when it only evaluates.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lodestone.graph_models import operations, repulsion
from lodestone.graph_models.architecture import Architecture
from lodestone.graph_models.embeddings import Angles, Tables, TabulatedAngles, embed_edges, perceptron
from lodestone.graph_models.graphs import GraphBatch, short_graph, torch_graph
from lodestone.graph_models.library import pure_model
from lodestone.graph_models.operations import Links


class Output(NamedTuple):
    """What the network says about a batch.

    Attributes
    ----------
    value : Tensor, (crystal, output)
    features : Tensor, (crystal, hidden)
        Mean over the sites of what the body makes; ``value = features W + b`` of the head `fc`.
    site_features : Tensor, (site, hidden)
    site_value : Tensor or None, (site, site output)
    energy_eV : Tensor, (crystal,)
        First output as an energy per atom, times the atoms, with the repulsion at short distance.
    derived_eV : Tensor, (crystal,)
        Whose derivatives are forces and stress; the energy, unless the model's settings say otherwise.
    """

    value: Tensor
    features: Tensor
    site_features: Tensor
    site_value: Tensor | None
    energy_eV: Tensor
    derived_eV: Tensor


class GraphNetwork(nn.Module):
    """An ALIGNN network.

    Parameters
    ----------
    architecture : Architecture
    compiled : bool, optional
        Whether to use the compiled kernels, which give first derivatives only; by default on a CPU.

    Attributes
    ----------
    module : alignn.models.alignn_atomwise_pure.ALIGNNAtomWisePure
        Holds the parameters.
    tables : Tables or None
        Interpolated embeddings, see `tabulate`.
    scale, shift : Tensor, (output,)
        What the output layer gives is scaled and shifted by these: 1 and 0 but in a training.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, architecture: Architecture, *, compiled: bool | None = None) -> None:
        super().__init__()
        self.architecture = architecture
        self.module = pure_model().ALIGNNAtomWisePure(architecture.config())
        self.config = self.module.config
        self.compiled = compiled
        self.tables: Tables | None = None
        self.register_buffer("scale", torch.ones(self.module.fc.out_features), persistent=False)
        self.register_buffer("shift", torch.zeros(self.module.fc.out_features), persistent=False)

    def fold_scaling(self) -> None:
        """Take scale and shift of the outputs into the output layer."""
        with torch.no_grad():
            self.module.fc.weight.mul_(self.scale[:, None])
            self.module.fc.bias.mul_(self.scale).add_(self.shift)
            self.scale.fill_(1.0)
            self.shift.fill_(0.0)

    def tabulate(self) -> None:
        """Interpolate the embeddings of lengths and angles in tables: for evaluation, with parameters that stay."""
        self.requires_grad_(False)
        if self.config.conv_type == "alignn" and self._kernels():
            self.tables = Tables.frozen(self.module, self.architecture.graph.two_body_cutoff_A)

    def forward(self, batch: GraphBatch) -> Output:
        """Evaluate a batch; derivatives with respect to ``batch.edge`` follow from `derived_eV`."""
        length = operations.lengths(batch.edge)
        body = self._body if self.config.conv_type == "alignn" else self._foreign_body
        x = body(batch, length)
        offset = functional.pad(batch.counts.cumsum(0), (1, 0))
        features = operations.segment_sum(x, batch.crystal, offset) / batch.counts[:, None]
        raw = operations.apply(self.module.fc, features) * self.scale + self.shift
        site_value = operations.apply(self.module.fc_atomwise, x) if self.has_site_values else None
        value = {"log": torch.exp, "logit": torch.sigmoid}.get(self.config.link, lambda v: v)(raw)
        short = repulsion.energy(self.module, batch, length)
        derived = raw[:, 0] * batch.counts if self.config.energy_mult_natoms else raw[:, 0]
        derived = derived + short
        if self.config.force_mult_natoms:
            derived = derived * batch.counts
        return Output(value, features, x, site_value, value[:, 0] * batch.counts + short, derived)

    @property
    def has_site_values(self) -> bool:
        """Whether the network has outputs for each site."""
        return self.config.atomwise_output_features > 0 and self.config.atomwise_weight != 0

    def _kernels(self) -> bool:
        """Whether compiled kernels serve."""
        parameter = next(self.module.parameters())
        return parameter.is_cpu if self.compiled is None else self.compiled

    def _body(self, batch: GraphBatch, length: Tensor) -> Tensor:
        """Site features after all layers, (site, hidden)."""
        compiled, graph = self._kernels(), self.architecture.graph
        links = Links(batch.source, batch.destination, batch.edge_offset)
        exponent = int(self.config.exponent)
        tables = self._tables()
        x = perceptron(self.module.atom_embedding, batch.features, compiled)
        hidden = int(self.config.hidden_features)
        y = tables.edge(length, None, 0, hidden) if tables else embed_edges(self.module, length, compiled)
        fade = torch.ones_like(length)
        if self.architecture.smooth_messages:
            fade = operations.envelope(length, graph.two_body_cutoff_A, exponent)
        layers = len(self.module.alignn_layers)
        last = layers + len(self.module.gcn_layers) - 1
        line = self._line_graph(batch, length, tables) if layers else None
        for k, layer in enumerate(self.module.alignn_layers):
            x, y = self._convolve(layer.node_update, links, fade, x, y, k < last)
            if line is not None and k < last:
                y = self._convolve_edges(layer.edge_update, line, batch.short, y, k, k < layers - 1)
        for k, layer in enumerate(self.module.gcn_layers):
            x, y = self._convolve(layer, links, fade, x, y, layers + k < last)
        return x

    def _tables(self) -> Tables | None:
        """Interpolated embeddings of the present parameters, if compiled kernels serve."""
        if self.tables is not None or not self._kernels():
            return self.tables
        return Tables(self.module, self.architecture.graph.two_body_cutoff_A)

    def _line_graph(
        self, batch: GraphBatch, length: Tensor, tables: Tables | None
    ) -> tuple[Links, Tensor, Angles | TabulatedAngles]:
        """Links between short edges, weights of the triplets, and the state of their angles."""
        links = Links(batch.triplet_source, batch.triplet_destination, batch.triplet_offset)
        near = length.index_select(0, batch.short)
        unit = batch.edge.index_select(0, batch.short) / near[:, None]
        fade = torch.ones_like(near)
        if self.architecture.smooth_messages:
            cutoff = self.architecture.graph.three_body_cutoff_A
            fade = operations.envelope(near, cutoff, int(self.config.exponent))
        cosine, weight = operations.angles(unit, fade, links, self._kernels())
        if tables is not None and tables.angle is not None:
            return links, weight, TabulatedAngles(tables.angle, cosine)
        return links, weight, Angles(self.module, cosine)

    def _convolve(
        self, layer: Any, links: Links, fade: Tensor, x: Tensor, y: Tensor, edges_too: bool
    ) -> tuple[Tensor, Tensor]:
        """Edge-gated convolution of sites x (site, hidden) and edges y (edge, hidden)."""
        compiled = self._kernels()
        nodes, gates = gate_inputs(layer, x), operations.linear(y, layer.edge_gate.weight)
        mean, m = operations.gate(nodes, gates, fade, links, self.architecture.epsilon, compiled)
        x = operations.norm_silu(operations.apply(layer.src_update, x) + mean, layer.bn_nodes, x, compiled)
        return x, operations.norm_silu(m, layer.bn_edges, y, compiled) if edges_too else y

    def _convolve_edges(
        self,
        layer: Any,
        line: tuple[Links, Tensor, Angles | TabulatedAngles],
        short: Tensor,
        y: Tensor,
        k: int,
        angles_too: bool,
    ) -> Tensor:
        """Edge-gated convolution on the line graph; edges that are too long for triplets get no message."""
        links, weight, angles = line
        compiled = self._kernels()
        nodes = gate_inputs(layer, y.index_select(0, short))
        mean, m = operations.gate(nodes, angles.gates(layer, k), weight, links, self.architecture.epsilon, compiled)
        updated = operations.apply(layer.src_update, y).index_add_(0, short, mean)
        if angles_too:
            angles.update(m, layer.bn_edges)
        return operations.norm_silu(updated, layer.bn_nodes, y, compiled)

    def _foreign_body(self, batch: GraphBatch, length: Tensor) -> Tensor:
        """Site features by alignn's own layers, for its convolutions with attention."""
        graph, line = torch_graph(batch), short_graph(batch)
        module: Any = self.module
        x, y = module.atom_embedding(batch.features), embed_edges(module, length, False)
        unit = batch.edge / length[:, None]
        z = module.angle_embedding(-(unit[line.src] * unit[line.dst]).sum(1))
        for layer in module.alignn_layers:
            x, y, z = layer(graph, line, x, y, z)
        for layer in module.gcn_layers:
            x, y = layer(graph, x, y)
        return x  # type: ignore[no-any-return]


def gate_inputs(layer: Any, rows: Tensor) -> Tensor:
    """Return what a layer's gates take from sources and destinations, and what its messages carry: (row, 3 hidden).

    The constant of the gate of the edges is here too: to add it to few nodes is cheaper than to many edges.
    """
    parts = (layer.src_gate, layer.dst_gate, layer.dst_update)
    weight = torch.cat([p.weight for p in parts])
    bias = torch.cat([layer.src_gate.bias, layer.dst_gate.bias + layer.edge_gate.bias, layer.dst_update.bias])
    return operations.linear(rows, weight, bias)
