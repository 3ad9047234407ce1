"""Demagnetisation curves of designed structures, computed by micromagnetics beside the predicted ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from lodestone.logs import Progress
from lodestone.magnetism.loop_figures import anchor_points
from lodestone.magnetism.material import Material
from lodestone.micromagnetics import loops


class LoopSolver:
    """Computes curves and anchor points with the solver that made the training data.

    Parameters
    ----------
    structure_settings, loop_settings : mapping
        Sections `structures` and `loops` of the config.
    material : Material
    """

    def __init__(
        self,
        structure_settings: Mapping[str, Any],
        loop_settings: Mapping[str, Any],
        material: Material,
        log: logging.Logger,
    ) -> None:
        self.material, self.log = material, log
        size, height = structure_settings["cell_size_nm"], structure_settings["cell_height_nm"]
        self.cell_size_nm = (size, size, height)
        self.settings = loops.solver_settings(loop_settings)
        self.field_T = loops.sweep_fields(material, loop_settings)

    def compute(self, axis_angle_rad: np.ndarray) -> dict[str, np.ndarray]:
        """Return magnetisation (field,), anchor (6,), 0 where there is none, and exists (6,) of one structure."""
        result = loops.curve(axis_angle_rad, self.field_T, self.material, self.cell_size_nm, self.settings)
        if result.status:
            self.log.warning("a loop ended with status %d", result.status)
        values, exists = anchor_points(self.field_T, result.magnetisation, self.material.anisotropy_field_T)
        return {
            "magnetisation": result.magnetisation,
            "anchor": np.where(exists, values, 0.0),
            "exists": exists.astype(np.uint8),
        }

    def compute_all(self, axis_angle_rad: np.ndarray) -> dict[str, np.ndarray]:
        """Return the results of `compute` for structures (n, ny, nx), stacked."""
        progress = Progress(len(axis_angle_rad), "loops", self.log)
        rows = []
        for axis in axis_angle_rad:
            rows.append(self.compute(axis))
            progress.update(1)
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
