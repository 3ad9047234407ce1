"""Grain structures: which grain each cell belongs to, and the easy axis of each grain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array


@dataclass(frozen=True, kw_only=True, eq=False)
class Grains(Artifact):
    """Grain structures on a square grid with one easy axis per grain."""

    SCHEMA: ClassVar[str] = "grains"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {"grain": "grain_offset"}

    index: np.ndarray = array(("structure",), "int64", "1", "random-stream index of each structure")
    grain_label: np.ndarray = array(
        ("structure", "ny", "nx"), "uint16", "1", "grain of each cell, counted from 0 in its structure", compress=True
    )
    grain_offset: np.ndarray = array(
        ("structure_plus_one",),
        "int64",
        "1",
        "first grain of each structure in grain_angle_rad; the last is their number",
    )
    grain_angle_rad: np.ndarray = array(
        ("grain",),
        "float64",
        "rad",
        "angle of each grain's easy axis from +y (the field direction), positive towards +x",
    )
    grain_count: np.ndarray = array(("structure",), "int32", "1", "number of seed points of each structure")
    max_misorientation_rad: np.ndarray = array(
        ("structure",),
        "float64",
        "rad",
        "easy axes are uniform within plus and minus this angle",
    )
    cell_size_nm: np.ndarray = array(("axis",), "float64", "nm", "edge lengths of a cell along x, y, z")

    def check(self, where: str) -> None:
        """Offsets and labels must fit together."""
        offset = self.grain_offset
        counts = np.diff(offset)
        ends = (int(offset[0]), int(offset[-1]))
        total = len(self.grain_angle_rad)
        self.require(ends == (0, total), where, "field 'grain_offset'", f"from {ends[0]} to {ends[1]}", f"0 to {total}")
        self.require(
            np.array_equal(counts, self.grain_count),
            where,
            "field 'grain_count'",
            "others",
            "differences of grain_offset",
        )
        if len(counts) and self.grain_label[0].size:
            largest = self.grain_label.max(axis=(1, 2)).astype(np.int64)
            bad = np.flatnonzero(largest >= counts)
            found = f"label {largest[bad[0]]} in structure {bad[0]}" if len(bad) else ""
            expected = f"labels below {counts[bad[0]]}" if len(bad) else ""
            self.require(len(bad) == 0, where, "field 'grain_label'", found, expected)
        positive = bool((self.cell_size_nm > 0).all())
        self.require(positive, where, "field 'cell_size_nm'", str(self.cell_size_nm), "lengths above 0")

    def axis_angle_rad(self, which: int | slice | np.ndarray) -> np.ndarray:
        """Angle of the easy axis of every cell of one structure (ny, nx) or several (structure, ny, nx), float32."""
        labels = self.grain_label[which].astype(np.int64)
        first = self.grain_offset[:-1][which]
        return self.grain_angle_rad.astype(np.float32)[labels + np.asarray(first)[..., None, None]]
