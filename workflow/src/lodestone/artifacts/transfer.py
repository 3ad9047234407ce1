"""What a model predicted before and after it was specialised, crystal by crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.ragged import group_sizes, unpack_texts

_VALUE = ("structure", "target")
TRAIN, TEST = 0, 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Transfer(Artifact):
    """Predictions for the crystals of a data set; a target is a property per crystal, each in its unit.

    Values that do not exist are 0 and have a flag of 0. For a force field the target is the energy per atom, and there
    are forces and stresses.
    """

    SCHEMA: ClassVar[str] = "transfer"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"vector": 3, "axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {"site": "site_offset", "name_byte": "name_offset"}

    split: np.ndarray = array(("structure",), "uint8", "1", "0 where the model learned, 1 where it was tested")
    fold: np.ndarray = array(("structure",), "int64", "1", "fold of the cross-validation; -1 for test crystals")
    group: np.ndarray = array(("structure",), "int64", "1", "crystals of one group never straddle a split")
    true: np.ndarray = array(_VALUE, "float64", "1", "label, in the target's unit")
    exists: np.ndarray = array(_VALUE, "uint8", "1", "1 where there is a label")
    before: np.ndarray = array(_VALUE, "float64", "1", "prediction of the model as it came, in the target's unit")
    referenced: np.ndarray = array(
        _VALUE, "float64", "1", "the same with the values of the elements fitted anew, in the target's unit"
    )
    after: np.ndarray = array(_VALUE, "float64", "1", "prediction of the specialised model, in the target's unit")
    out_of_fold: np.ndarray = array(
        _VALUE, "float64", "1", "prediction without the crystal's fold; NaN for test crystals", allow_nan=True
    )
    sigma: np.ndarray = array(_VALUE, "float64", "1", "standard deviation over the ensemble, in the target's unit")
    lower: np.ndarray = array(_VALUE, "float64", "1", "lower end of the calibrated interval, in the target's unit")
    upper: np.ndarray = array(_VALUE, "float64", "1", "upper end of the calibrated interval, in the target's unit")
    site_offset: np.ndarray = array(
        ("structure_plus_one",), "int64", "1", "first site of each structure; all 0 without forces"
    )
    has_forces: np.ndarray = array(("structure",), "uint8", "1", "1 where there are forces and a stress")
    force_true_eV_A: np.ndarray = array(("site", "axis"), "float64", "eV / Angstrom", "label of the force")
    force_before_eV_A: np.ndarray = array(("site", "axis"), "float64", "eV / Angstrom", "force of the model as it came")
    force_after_eV_A: np.ndarray = array(("site", "axis"), "float64", "eV / Angstrom", "force of the specialised model")
    stress_true_eV_A3: np.ndarray = array(
        ("structure", "vector", "axis"), "float64", "eV / Angstrom3", "label of the stress, dE/dstrain over the volume"
    )
    stress_before_eV_A3: np.ndarray = array(
        ("structure", "vector", "axis"), "float64", "eV / Angstrom3", "stress of the model as it came"
    )
    stress_after_eV_A3: np.ndarray = array(
        ("structure", "vector", "axis"), "float64", "eV / Angstrom3", "stress of the specialised model"
    )
    name_offset: np.ndarray = array(("structure_plus_one",), "int64", "1", "first byte of each name in name_utf8")
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names of the crystals, one after the other")
    targets: list = attribute(list, "1", "a list of [name, unit]")
    task: str = attribute(str, "1", "regression or force_field")
    scope: str = attribute(str, "1", "what was allowed to move: head, last_layers or full")
    start: str = attribute(str, "1", "where the weights came from")
    labels_from: str = attribute(str, "1", "what computed the labels")
    metrics: dict = attribute(
        dict, "1", "by target, stage and split: r2, mae, rmse and count; coverage of the intervals; errors of forces"
    )
    settings: dict = attribute(dict, "1", "settings of the transfer, and what cross-validation chose")

    def check(self, where: str) -> None:
        """Check flags, offsets and intervals."""
        for offset, values in (("site_offset", self.force_true_eV_A), ("name_offset", self.name_utf8)):
            fits = group_sizes(getattr(self, offset), len(values)) is not None
            self.require(fits, where, f"field {offset!r}", "others", f"rising from 0 to {len(values)}")
        largest = int(self.split.max(initial=0))
        self.require(largest <= TEST, where, "field 'split'", str(largest), "0 or 1")
        ordered = bool((self.lower <= self.upper).all())
        self.require(ordered, where, "field 'upper'", "values below 'lower'", "at least 'lower'")
        both = set(self.group[self.split == TRAIN]) & set(self.group[self.split == TEST])
        self.require(not both, where, "field 'group'", f"group {sorted(both)[:1]} on both sides", "each on one side")

    def names(self) -> list[str]:
        """Names of the crystals."""
        return unpack_texts(self.name_offset, self.name_utf8)

    @property
    def target_names(self) -> list[str]:
        """Names of the targets."""
        return [str(name) for name, _ in self.targets]

    def column(self, target: str) -> int:
        """Return the column of a target; raises `ArtifactError` for one that is not there."""
        names = self.target_names
        self.require(target in names, "transfer artifact", "target", repr(target), ", ".join(names))
        return names.index(target)
