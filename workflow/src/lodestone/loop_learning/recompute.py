"""Demagnetisation curves of designed structures, computed by micromagnetics beside the predicted ones."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

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
    log : Logger
        Told about loops that did not converge at every field.
    """

    def __init__(
        self,
        structure_settings: Mapping[str, Any],
        loop_settings: Mapping[str, Any],
        material: Material,
        log: logging.Logger,
    ) -> None:
        self.material, self.log = material, log
        edge, height = structure_settings["cell_size_nm"], structure_settings["cell_height_nm"]
        self.cell_size_nm = (float(edge), float(edge), float(height))
        self.settings = loops.solver_settings(loop_settings)
        self.field_T = loops.sweep_fields(material, loop_settings)

    def compute(self, axis_angle_rad: Sequence[np.ndarray] | np.ndarray) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Compute structures (n, ny, nx) on as many processes as torch has threads, and yield them as they are done.

        Yields
        ------
        int
            Number of the structure.
        dict
            `magnetisation` (field,), `anchor` (6,), 0 where there is none, and `exists` (6,).
        """
        workers = min(torch.get_num_threads(), len(axis_angle_rad))
        rest = self.field_T, self.material, self.cell_size_nm, self.settings
        if workers <= 1:
            for k, axis in enumerate(axis_angle_rad):
                yield k, self._finish(k, loops.curve(axis, *rest))
            return
        # Spawned, not forked: torch and numba have threads whose locks a fork would copy.
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=loops.begin_worker) as pool:
            running = {pool.submit(loops.curve, axis, *rest): k for k, axis in enumerate(axis_angle_rad)}
            for future in as_completed(running):
                yield running[future], self._finish(running[future], future.result())

    def _finish(self, number: int, result: loops.LoopResult) -> dict[str, np.ndarray]:
        if result.status:
            self.log.warning("structure %d: the loop did not converge at every field", number)
        values, exists = anchor_points(self.field_T, result.magnetisation, self.material.anisotropy_field_T)
        anchor = np.where(exists, values, 0.0)
        return {"magnetisation": result.magnetisation, "anchor": anchor, "exists": exists.astype(np.uint8)}
