"""Between artifacts and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.provenance import Provenance
from lodestone.graph_models.architecture import Architecture
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import LARGEST_ATOMIC_NUMBER
from lodestone.graph_models.network import GraphNetwork

HEAD = ("fc.weight", "fc.bias")
ENERGY_TARGET = ["energy_eV_per_atom", "eV"]


def choose_device(setting: str) -> torch.device:
    """Return the device for ``auto`` (a GPU if there is one), ``cpu`` or ``gpu``.

    Raises
    ------
    ModelError
        If the setting is unknown, or a GPU is asked for and there is none.
    """
    if setting not in ("auto", "cpu", "gpu"):
        raise ModelError("device", repr(setting), "auto, cpu or gpu")
    if setting == "gpu" and not torch.cuda.is_available():
        raise ModelError("device", "'gpu' on a machine without one", "auto or cpu")
    return torch.device("cuda" if setting != "cpu" and torch.cuda.is_available() else "cpu")


def architecture_of(model: GraphModel) -> Architecture:
    """Return the architecture of a model."""
    return Architecture.from_dict(model.architecture, model.source)


def network_of(
    model: GraphModel, device: torch.device | None = None, dtype: torch.dtype = torch.float32
) -> GraphNetwork:
    """Build the network of a model, with its parameters.

    Raises
    ------
    ModelError
        If the parameters are not those of the architecture.
    """
    network = GraphNetwork(architecture_of(model))
    expected = shapes_of(network)
    found = [[str(name), list(shape)] for name, shape in model.architecture["shapes"]]
    if found != expected:
        differing = next((f, e) for f, e in zip([*found, None], [*expected, None], strict=False) if f != e)
        raise ModelError(f"parameters of {model.source}", str(differing[0]), str(differing[1]))
    set_parameters(network, model.parameters())
    return network.to(device or torch.device("cpu"), dtype).eval()


def shapes_of(network: GraphNetwork) -> list[list[Any]]:
    """Names and shapes of all parameters."""
    return [[name, list(p.shape)] for name, p in network.module.named_parameters()]


def parameters_of(network: GraphNetwork) -> dict[str, NDArray[np.float32]]:
    """Copies of all parameters by name, single precision."""
    return {n: p.detach().cpu().float().numpy().copy() for n, p in network.module.named_parameters()}


def set_parameters(network: GraphNetwork, parameters: Mapping[str, np.ndarray]) -> None:
    """Set all parameters of a network."""
    with torch.no_grad():
        for name, parameter in network.module.named_parameters():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(parameters[name])))


def flatten(parameters: Mapping[str, np.ndarray]) -> NDArray[np.float32]:
    """All parameters one after the other."""
    return np.concatenate([np.asarray(p, np.float32).reshape(-1) for p in parameters.values()])


def model_of(
    network: GraphNetwork,
    *,
    force_field: bool,
    targets: Sequence[Sequence[str]],
    source: str,
    labels_from: str,
    provenance: Provenance,
    parameters: Mapping[str, np.ndarray] | None = None,
    **others: Any,
) -> GraphModel:
    """Make the artifact of a network; `others` are fields of `GraphModel`, which have neutral values by default."""
    parameters = parameters or parameters_of(network)
    count = len(targets)
    neutral: dict[str, Any] = {
        "train_loss": np.zeros(0),
        "validation_loss": np.zeros(0),
        "target_mean": np.zeros(count),
        "target_scale": np.ones(count),
        "element": np.zeros(0, np.uint8),
        "element_energy_eV": np.zeros(0),
        "site_targets": [],
        "moved": [],
        "training": {},
        "best_epoch": 0,
    }
    return GraphModel(
        **{**neutral, **others},
        parameter=flatten(parameters),
        architecture={**network.architecture.to_dict(), "shapes": shapes_of(network)},
        task="force_field" if force_field else "regression",
        targets=[list(target) for target in targets],
        source=source,
        labels_from=labels_from,
        provenance=provenance,
    )


def with_head(model: GraphModel, weight: np.ndarray, bias: np.ndarray, **changes: Any) -> GraphModel:
    """Return a model with another output layer; every other parameter keeps its bits."""
    parameters = model.parameters()
    expected = [parameters[name].shape for name in HEAD]
    if [weight.shape, bias.shape] != expected:
        raise ModelError("output layer", f"shapes {weight.shape}, {bias.shape}", str(expected))
    parameters.update(dict(zip(HEAD, (weight, bias), strict=True)))
    return replace(model, parameter=flatten(parameters), **changes)


def element_table(model: GraphModel) -> NDArray[np.float64]:
    """Energies of the elements by atomic number, eV, (119,); 0 for elements without one."""
    table = np.zeros(LARGEST_ATOMIC_NUMBER + 1)
    table[model.element] = model.element_energy_eV
    return table
