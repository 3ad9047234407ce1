"""Graph networks of crystals: parameters, architecture, what they were trained on and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute

TASKS = ("regression", "force_field")


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphModel(Artifact):
    """A trained ALIGNN network, enough to build it again.

    The parameters give the targets in their units. A force field's energy of a cell is its number of atoms times the
    output, plus the energies of the elements.
    """

    SCHEMA: ClassVar[str] = "graph_model"
    VERSION: ClassVar[int] = 1

    parameter: np.ndarray = array(("parameter",), "float32", "1", "all parameters, flattened, in alignn's order")
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
    element: np.ndarray = array(("element",), "uint8", "1", "atomic numbers of the elements with a reference energy")
    element_energy_eV: np.ndarray = array(
        ("element",), "float64", "eV", "energy of an atom of each element that is added to the network's"
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

    def check(self, where: str) -> None:
        """Shapes must account for every parameter, targets for every scale."""
        shapes = self.architecture.get("shapes")
        found = str(sorted(self.architecture))
        self.require(isinstance(shapes, list), where, "attribute 'architecture'", found, "shapes")
        total = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in shapes or [])
        count = len(self.parameter)
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

    def parameters(self) -> dict[str, np.ndarray]:
        """Every parameter by name, in its shape."""
        named, start = {}, 0
        for name, shape in self.architecture["shapes"]:
            size = int(np.prod(shape, dtype=np.int64))
            named[str(name)] = self.parameter[start : start + size].reshape(shape)
            start += size
        return named
