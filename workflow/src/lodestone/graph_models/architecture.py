"""What a network is built from: ALIGNN's settings, the graph it sees, and whether its messages fade at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import GraphSettings, feature_table
from lodestone.graph_models.library import pure_model

NAME = "alignn_atomwise_pure"
SMOOTH_EPSILON = 1e-2  # added to the sum of gates; large enough that a lone neighbour fades over tenths of an angstrom
ALIGNN_EPSILON = 1e-6


@dataclass(frozen=True)
class Architecture:
    """Enough to build a network.

    Attributes
    ----------
    model : mapping
        Fields of alignn's `ALIGNNAtomWisePureConfig`.
    graph : GraphSettings
    smooth_messages : bool
        Weight the gate of each message by an envelope that is 0 at the cutoff, so that the energy has two continuous
        derivatives while neighbours come and go. alignn itself does not: False gives its numbers.
    """

    model: Mapping[str, Any]
    graph: GraphSettings
    smooth_messages: bool = False

    @property
    def epsilon(self) -> float:
        """What the gated mean adds to its denominator."""
        return SMOOTH_EPSILON if self.smooth_messages else ALIGNN_EPSILON

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "name": NAME,
            "model": dict(self.model),
            "graph": asdict(self.graph),
            "smooth_messages": self.smooth_messages,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "architecture") -> Self:
        """Build from what `to_dict` returned; other keys are left alone."""
        if values.get("name") != NAME:
            raise ModelError(where, f"network {values.get('name')!r}", NAME)
        return cls(dict(values["model"]), GraphSettings(**values["graph"]), bool(values["smooth_messages"]))

    def config(self) -> Any:
        """Return alignn's config object.

        Raises
        ------
        ModelError
            If alignn does not accept the fields, or they ask for what has no number (classification).
        """
        from pydantic import ValidationError

        try:
            config = pure_model().ALIGNNAtomWisePureConfig(**{**self.model, "name": NAME})
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"]))
            raise ModelError(f"model.{field}", repr(first.get("input")), str(first["msg"])) from error
        if config.classification:
            raise ModelError("model.classification", "True", "a model that predicts numbers")
        width = feature_table(self.graph.atom_features).shape[1]
        if config.atom_input_features != width:
            expected = f"{width}, the width of the table {self.graph.atom_features!r}"
            raise ModelError("model.atom_input_features", str(config.atom_input_features), expected)
        return config


def default_architecture(
    *,
    force_field: bool,
    hidden_features: int = 64,
    alignn_layers: int = 2,
    gcn_layers: int = 2,
    graph: GraphSettings | None = None,
    outputs: int = 1,
    site_outputs: int = 0,
) -> Architecture:
    """Return the network that is trained here: all neighbours, messages that fade at the cutoff.

    Parameters
    ----------
    force_field : bool
        Energy per atom with forces and stress; otherwise a regression.
    hidden_features, alignn_layers, gcn_layers : int
    graph : GraphSettings, optional
    outputs, site_outputs : int
        Outputs for the crystal and for each site.
    """
    graph = graph or GraphSettings()
    model = {
        "name": NAME,
        "alignn_layers": alignn_layers,
        "gcn_layers": gcn_layers,
        "atom_input_features": int(feature_table(graph.atom_features).shape[1]),
        "hidden_features": hidden_features,
        "embedding_features": 64,
        "output_features": outputs,
        "atomwise_output_features": site_outputs,
        "atomwise_weight": 1.0 if site_outputs else 0.0,
        "calculate_gradient": force_field,
        "gradwise_weight": 1.0 if force_field else 0.0,
        "stresswise_weight": 0.1 if force_field else 0.0,
        "use_cutoff_function": True,
        "multiply_cutoff": True,
        "inner_cutoff": graph.two_body_cutoff_A,
        "exponent": 5,
        "three_body_cutoff": graph.three_body_cutoff_A,
        "use_penalty": False,
        "use_zbl": force_field,
        "zbl_cutoff": 1.5,
    }
    return Architecture(model, graph, smooth_messages=True)
