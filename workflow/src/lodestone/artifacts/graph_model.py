"""Graph networks of crystals, one or an ensemble: parameters, architecture, what they were trained on and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

TASKS = ("regression", "force_field")


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphModel(Artifact):
    """Trained ALIGNN networks of one architecture, enough to build them again.

    A target is the mean over the members of the output, plus the mean over the atoms of `element_value`. A force
    field's energy of a cell is that times its number of atoms. The interval about a target is
    ``interval_factor sqrt(s^2 + interval_floor^2)`` to both sides, s the standard deviation over the members.
    """

    SCHEMA: ClassVar[str] = "graph_model"
    VERSION: ClassVar[int] = 1

    parameter: np.ndarray = array(
        ("member", "parameter"), "float32", "1", "all parameters of each member, flattened, in alignn's order"
    )
    train_loss: np.ndarray = array(("epoch",), "float64", "1", "mean training loss of each epoch; empty if not known")
    validation_loss: np.ndarray = array(
        ("validated_epoch",), "float64", "1", "validation loss of each epoch; empty without validation"
    )
    target_mean: np.ndarray = array(
        ("target",), "float64", "1", "mean of the training labels in the target's unit, within the parameters already"
    )
    target_scale: np.ndarray = array(
        ("target",), "float64", "1", "scale of the training labels in the target's unit, within the parameters already"
    )
    element: np.ndarray = array(("element",), "uint8", "1", "atomic numbers of the elements with a value of their own")
    element_value: np.ndarray = array(
        ("element", "target"), "float64", "1", "what each atom of an element adds before the mean, in the target's unit"
    )
    interval_factor: np.ndarray = array(
        ("target",), "float64", "1", "calibrated factor of the interval; 0 if it is not"
    )
    interval_floor: np.ndarray = array(
        ("target",), "float64", "1", "spread that is always there, in the target's unit; 0 without calibration"
    )
    architecture: dict = attribute(
        dict, "1", "alignn's settings, cutoffs, and shapes: a list of [parameter name, shape]"
    )
    task: str = attribute(str, "1", "regression, or force_field: energy per atom with forces and stress")
    targets: list = attribute(list, "1", "outputs: a list of [name, unit]")
    site_targets: list = attribute(list, "1", "outputs of each site: a list of [name, unit]")
    source: str = attribute(str, "1", "here, zoo:<name> or path:<file>: where the weights come from")
    labels_from: str = attribute(str, "1", "what computed the labels that the last training used")
    moved: list = attribute(list, "1", "names of the parameters that the last training was allowed to move")
    training: dict = attribute(dict, "1", "settings of the last training, and numbers of crystals it saw")
    best_epoch: int = attribute(int, "1", "epoch, counted from 1, whose parameters these are; 0 if not known")
    coverage_level: float = attribute(float, "1", "share of true values that the intervals aim at; 0 without")

    def check(self, where: str) -> None:
        """Shapes must account for every parameter, targets for every scale."""
        shapes = self.architecture.get("shapes")
        found = str(sorted(self.architecture))
        self.require(isinstance(shapes, list), where, "attribute 'architecture'", found, "shapes")
        total = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in shapes or [])
        members, count = self.parameter.shape
        self.require(members >= 1, where, "field 'parameter'", "no member", "one at least")
        self.require(total == count, where, "field 'parameter'", f"{count} values", str(total))
        self.require(self.task in TASKS, where, "attribute 'task'", repr(self.task), " or ".join(TASKS))
        named = len(self.targets)
        self.require(named == len(self.target_mean), where, "attribute 'targets'", f"{named}", "one a scale")
        names = {name for name, _ in shapes or []}
        strange = [name for name in self.moved if name not in names]
        self.require(not strange, where, "attribute 'moved'", str(strange[:1]), "names of parameters")

    @property
    def is_force_field(self) -> bool:
        """Whether it gives energies, forces and stresses."""
        return self.task == "force_field"

    @property
    def target_names(self) -> list[str]:
        """Names of the outputs."""
        return [str(name) for name, _ in self.targets]

    @property
    def members(self) -> int:
        """Number of networks."""
        return int(self.parameter.shape[0])

    def parameters(self, member: int = 0) -> dict[str, np.ndarray]:
        """Every parameter of a member by name, in its shape."""
        named, start = {}, 0
        for name, shape in self.architecture["shapes"]:
            size = int(np.prod(shape, dtype=np.int64))
            named[str(name)] = self.parameter[member, start : start + size].reshape(shape)
            start += size
        return named
