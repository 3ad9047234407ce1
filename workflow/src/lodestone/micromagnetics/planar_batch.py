"""Demagnetisation curves of many structures as one batch of tensors, on a GPU."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from lodestone.artifacts.grains import Grains
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.loops import Status
from lodestone.logs import Progress
from lodestone.magnetism.material import Material
from lodestone.micromagnetics.loops import ITEM_FIELDS, collected, solver_settings
from lodestone.micromagnetics.planar_batch_kernels import Operations, StrayField, can_fuse
from lodestone.micromagnetics.planar_batch_state import Layers
from lodestone.micromagnetics.planar_batch_sweep import Sweep

ALLOW_CPU = "LODESTONE_ALLOW_CPU_BATCH"  # environment variable: 1 runs the batch on the CPU, for tests
MEMORY = 5  # correction pairs: three more would save 3 % of the evaluations and cost 15 % of the traffic of each
MOST_SLOTS = 1024  # more would not use the memory bandwidth better
CPU_BYTES = 2**30  # memory of a batch on the CPU
MEMORY_SHARE = 0.7  # of the free device memory; the rest is for workspaces and fragments
RESIDENT_ARRAYS, TEMPORARY_ARRAYS, TEMPORARY_SPECTRA = 17, 30, 8  # per slot, besides the pairs and copies of them


def choose_device(allow_cpu: bool = False) -> torch.device:
    """Return the GPU, or the CPU if there is none and that is allowed.

    Raises
    ------
    RuntimeError
        If there is no GPU and neither ``allow_cpu`` nor the environment variable LODESTONE_ALLOW_CPU_BATCH=1 allows
        the CPU.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    if allow_cpu or os.environ.get(ALLOW_CPU) == "1":
        return torch.device("cpu")
    raise RuntimeError(
        "hysteresis.loops.backend: found 'gpu', but PyTorch sees no CUDA device on this machine; "
        f"set the key to 'cpu', or {ALLOW_CPU}=1 to run the batch on the CPU (slow, for tests)"
    )


def slot_bytes(ny: int, nx: int, padded: tuple[int, int], memory: int) -> int:
    """Memory that one slot of the batch needs, in bytes."""
    arrays = RESIDENT_ARRAYS + TEMPORARY_ARRAYS + 4 * memory
    return 4 * ny * nx * arrays + 8 * padded[0] * (padded[1] // 2 + 1) * TEMPORARY_SPECTRA


def slots_that_fit(waiting: int, bytes_each: int, device: torch.device) -> int:
    """Layers that the batch holds at a time."""
    free = MEMORY_SHARE * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else CPU_BYTES
    return max(1, min(waiting, MOST_SLOTS, int(free // bytes_each)))


def run_batch_gpu(
    grains: Grains,
    fields_T: ArrayLike,
    material: Material,
    settings: Mapping[str, Any],
    ledger: Ledger,
    log: logging.Logger,
    device: torch.device | str | None = None,
    slots: int | None = None,
    fuse: bool | None = None,
) -> dict[str, Any]:
    """Demagnetisation curves of all structures of a batch, each recorded in the ledger as soon as it is done.

    The physics and the decisions are those of `loops.run_batch`; single precision.

    Parameters
    ----------
    grains : Grains
        Structures.
    fields_T : array_like, (field,)
        Fields mu0 H in T.
    material : Material
        Intrinsic properties.
    settings : mapping
        Config section ``loops``.
    ledger : Ledger
        Open ledger; what it holds already is not computed again.
    log : logging.Logger
        Told about progress, about loops that did not converge and about the cost.
    device : torch.device or str, optional
        By default the GPU, see `choose_device`.
    slots : int, optional
        Structures in memory at a time; by default as many as fit.
    fuse : bool, optional
        Compile the operations on cells (`torch.compile`); by default on a GPU only. Plain ones where that fails.

    Returns
    -------
    dict
        The fields of a `Loops` artifact.

    Raises
    ------
    RuntimeError
        If there is no GPU and the CPU is not allowed.
    ValueError
        If the cells are not square in the plane.
    """
    fields = np.asarray(fields_T, np.float64)
    where = choose_device() if device is None else torch.device(device)
    waiting = np.array([k for k in range(len(grains.index)) if int(grains.index[k]) not in ledger.done], np.int64)
    if len(waiting):
        progress = Progress(len(grains.index), "loops", log, done=len(grains.index) - len(waiting))
        fuse = where.type == "cuda" if fuse is None else fuse
        fuse = fuse and can_fuse(where, log)
        sweep = _sweep(grains, fields, material, settings, waiting, where, slots, fuse)
        start = time.monotonic()
        for result in sweep.run():
            item = int(grains.index[result.item])
            status = int(result.step_status.max(initial=0))
            record = {name: np.asarray(getattr(result, name)) for name in ITEM_FIELDS if name != "status"}
            ledger.append(item, {**record, "status": np.asarray(status)})
            if status != Status.CONVERGED:
                bad = fields[np.flatnonzero(result.step_status)]
                log.warning("structure %d: %d fields not converged, first at %.3f T", item, len(bad), bad[0])
            progress.update(1)
        moved = sweep.bytes_moved / 1e9
        seconds = time.monotonic() - start
        log.info("%s: %d loops in %.1f s, %s, at least %.3g GB moved", where, len(waiting), seconds, sweep.work, moved)
    return collected(grains, fields, material, settings, ledger)


def _sweep(
    grains: Grains,
    fields_T: np.ndarray,
    material: Material,
    settings: Mapping[str, Any],
    waiting: np.ndarray,
    device: torch.device,
    slots: int | None,
    fuse: bool,
) -> Sweep:
    """Room for the batch and what goes through it."""
    dx, dy, dz = (float(d) for d in grains.cell_size_nm)
    if abs(dx - dy) > 1e-9 * dx:
        raise ValueError(f"cell_size_nm: found dx = {dx}, dy = {dy}; the in-plane solver needs square cells")
    solver = replace(solver_settings(settings), memory=MEMORY)
    ny, nx = grains.grain_label.shape[1:]
    stray_field = StrayField(ny, nx, (dx, dy, dz), device, fuse)
    operations = Operations.fused() if fuse else Operations()
    fit = slots_that_fit(len(waiting), slot_bytes(ny, nx, stray_field.padded, solver.memory), device)
    scale = material.stray_energy_J_m3
    strength, exchange = material.K1_J_m3 / scale, 2 * material.A_J_m / (scale * (dx * 1e-9) ** 2)
    layers = Layers(min(slots or fit, len(waiting)), stray_field, strength, exchange, solver.memory, device, operations)
    return Sweep(layers, grains.axis_angle_rad, waiting, fields_T / material.mu0_Ms_T, solver)
