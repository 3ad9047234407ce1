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
# Published targets of the whole cell, and what they are after division by the number of atoms.
PER_CELL = {"moment_muB_per_cell": "moment_muB_per_atom"}


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
    model: GraphModel, device: torch.device | None = None, dtype: torch.dtype = torch.float32, member: int = 0
) -> GraphNetwork:
    """Build the network of a member, with its parameters.

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
    set_parameters(network, model.parameters(member))
    return network.to(device or torch.device("cpu"), dtype).eval()


def shapes_of(network: GraphNetwork) -> list[list[Any]]:
    """Names and shapes of all parameters."""
    return [[name, list(p.shape)] for name, p in network.module.named_parameters()]


def parameters_of(network: GraphNetwork) -> dict[str, NDArray[np.float32]]:
    """Return copies of all parameters by name, single precision."""
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
    members: Sequence[Mapping[str, np.ndarray]] | None = None,
    **others: Any,
) -> GraphModel:
    """Make the artifact of networks of one architecture.

    Parameters
    ----------
    network : GraphNetwork
        Gives the architecture, and the parameters of the one member unless there are `members`.
    force_field : bool
    targets : sequence of (name, unit)
    source, labels_from : str
    provenance : Provenance
    members : sequence of mappings, optional
        Parameters of every member by name.
    **others
        Further fields of `GraphModel`, which have neutral values by default.
    """
    members = members or [parameters_of(network)]
    count = len(targets)
    neutral: dict[str, Any] = {
        "train_loss": np.zeros(0),
        "validation_loss": np.zeros(0),
        "target_mean": np.zeros(count),
        "target_scale": np.ones(count),
        "element": np.zeros(0, np.uint8),
        "element_value": np.zeros((0, count)),
        "interval_factor": np.zeros(count),
        "interval_floor": np.zeros(count),
        "site_targets": [],
        "moved": [],
        "training": {},
        "best_epoch": 0,
        "coverage_level": 0.0,
    }
    return GraphModel(
        **{**neutral, **others},
        parameter=np.stack([flatten(parameters) for parameters in members]),
        architecture={**network.architecture.to_dict(), "shapes": shapes_of(network)},
        task="force_field" if force_field else "regression",
        targets=[list(target) for target in targets],
        source=source,
        labels_from=labels_from,
        provenance=provenance,
    )


def with_heads(model: GraphModel, heads: Sequence[tuple[np.ndarray, np.ndarray]], **changes: Any) -> GraphModel:
    """Return an ensemble of the first member with other output layers; every other parameter keeps its bits.

    Parameters
    ----------
    model : GraphModel
    heads : sequence of (weight (output, hidden), bias (output,))
    **changes
        Other fields.
    """
    parameters = model.parameters()
    expected = [parameters[name].shape for name in HEAD]
    members = []
    for weight, bias in heads:
        if [weight.shape, bias.shape] != expected:
            raise ModelError("output layer", f"shapes {weight.shape}, {bias.shape}", str(expected))
        members.append(flatten({**parameters, HEAD[0]: weight, HEAD[1]: bias}))
    return replace(model, parameter=np.stack(members), **changes)


def join(models: Sequence[GraphModel], **changes: Any) -> GraphModel:
    """Return one ensemble of the members of several models of one architecture; other fields are the first's."""
    for other in models[1:]:
        if architecture_of(other) != architecture_of(models[0]):
            raise ModelError(f"model {other.source}", "another architecture than the first model's", "the same")
    return replace(models[0], parameter=np.concatenate([m.parameter for m in models]), **changes)


def select_target(model: GraphModel, name: str) -> GraphModel:
    """Return a model that has one of the outputs only.

    Raises
    ------
    ModelError
        If the model has no such output.
    """
    if name not in model.target_names:
        raise ModelError(f"model {model.source}", f"outputs {', '.join(model.target_names)}", name)
    if len(model.targets) == 1:
        return model
    k = model.target_names.index(name)
    architecture = architecture_of(model)
    architecture = replace(architecture, model={**architecture.model, "output_features": 1})
    each = [model.parameters(member) for member in range(model.members)]
    one = slice(k, k + 1)
    members = [flatten({**p, **{name: p[name][one] for name in HEAD}}) for p in each]
    columns = ("target_mean", "target_scale", "interval_factor", "interval_floor")
    return replace(
        model,
        parameter=np.stack(members),
        architecture={**architecture.to_dict(), "shapes": shapes_of(GraphNetwork(architecture))},
        targets=[model.targets[k]],
        element_value=model.element_value[:, one],
        **{column: getattr(model, column)[one] for column in columns},
    )


def for_target(model: GraphModel, name: str, unit: str) -> GraphModel:
    """Return the body of a model with one output of another property, which is 0 until it is fitted."""
    one = select_target(model, model.target_names[0])
    weight, bias = heads_of(one)[0]
    blank = {column: np.zeros(1) for column in ("target_mean", "interval_factor", "interval_floor")}
    return with_heads(
        one,
        [(np.zeros_like(weight), np.zeros_like(bias))],
        targets=[[name, unit]],
        target_scale=np.ones(1),
        element=np.zeros(0, np.uint8),
        element_value=np.zeros((0, 1)),
        coverage_level=0.0,
        **blank,
    )


def shares_body(model: GraphModel) -> bool:
    """Whether the members differ in their output layer only."""
    first = model.parameters()
    others = (model.parameters(member) for member in range(1, model.members))
    return all(np.array_equal(p[name], first[name]) for p in others for name in first if name not in HEAD)


def heads_of(model: GraphModel) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Output layers of all members: weight (output, hidden) and bias (output,), double precision."""
    each = (model.parameters(member) for member in range(model.members))
    return [(p[HEAD[0]].astype(float), p[HEAD[1]].astype(float)) for p in each]


def element_table(model: GraphModel) -> NDArray[np.float64]:
    """Values of the elements by atomic number, (119, target); 0 for elements without one."""
    table = np.zeros((LARGEST_ATOMIC_NUMBER + 1, len(model.targets)))
    table[model.element] = model.element_value
    return table
