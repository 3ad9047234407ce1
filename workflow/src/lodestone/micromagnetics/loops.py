"""Demagnetisation curves of grain structures magnetised in their plane, singly and in batches."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.artifacts.grains import Grains
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.loops import Status
from lodestone.logs import Progress
from lodestone.magnetism.material import Material
from lodestone.micromagnetics.planar import PlanarSettings, PlanarSolver

Cell = tuple[float, float, float]
ITEM_FIELDS = ("magnetisation", "step_status", "max_torque", "evaluations", "status")


@dataclass(frozen=True, eq=False)
class LoopResult:
    """Demagnetisation curve of one structure.

    Attributes
    ----------
    magnetisation : ndarray, (field,)
        Magnetisation along the field over M_s.
    step_status : ndarray, uint8, (field,)
        `Status` of each minimisation.
    max_torque : ndarray, (field,)
        Largest |m x H| / M_s at the end of each minimisation.
    evaluations : int
        Evaluations of the stray field of the whole layer.
    status : int
        The worst of `step_status`.
    """

    magnetisation: NDArray[np.float64]
    step_status: NDArray[np.uint8]
    max_torque: NDArray[np.float64]
    evaluations: int
    status: int


def sweep_fields(material: Material, settings: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the fields mu0 H in T from +H_A to -H_A in steps of ``field_step_HA``."""
    steps = round(1 / settings["field_step_HA"])
    return material.anisotropy_field_T * np.linspace(1, -1, 2 * steps + 1)


def solver_settings(settings: Mapping[str, Any]) -> PlanarSettings:
    """Return the settings of the solver from the config section ``loops``."""
    tolerance = settings["torque_tolerance"]
    # Torques in single precision are good to about 2e-6 of M_s.
    precision = "single" if tolerance >= 2e-5 else "double"
    return PlanarSettings(tolerance, settings["max_iterations"], precision)


def curve(
    axis_angle_rad: ArrayLike,
    fields_T: ArrayLike,
    material: Material,
    cell_size_nm: Cell,
    settings: PlanarSettings | None = None,
) -> LoopResult:
    """Demagnetisation curve of one structure, from saturation along +y.

    Parameters
    ----------
    axis_angle_rad : array_like, (ny, nx)
        Angle of the easy axis from +y towards +x; rows run along +y.
    fields_T : array_like, (field,)
        Fields mu0 H along +y in T, in the order in which they are applied.
    material : Material
        Intrinsic properties.
    cell_size_nm : (dx, dy, dz)
        Edges of a cell in nm.
    settings : PlanarSettings, optional
        How minima are found.

    Raises
    ------
    ValueError
        If an argument is out of bounds or not finite.
    """
    fields = fields_of(fields_T)
    solver = PlanarSolver(np.asarray(axis_angle_rad, np.float64), material, cell_size_nm, settings)
    magnetisation, torque = np.empty(len(fields)), np.empty(len(fields))
    status = np.empty(len(fields), np.uint8)
    for k, field_T in enumerate(fields):
        status[k] = solver.minimise(float(field_T))
        magnetisation[k], torque[k] = solver.magnetisation, solver.torque
    return LoopResult(magnetisation, status, torque, solver.evaluations, int(status.max(initial=0)))


def warm_up(material: Material) -> None:
    """Compile everything once, so that jobs that start together find the caches filled."""
    rng = np.random.default_rng(0)
    axis_angle_rad = rng.uniform(-np.pi, np.pi, (24, 24))
    fields_T = material.anisotropy_field_T * np.linspace(1, -1, 21)
    for precision in ("single", "double"):
        curve(axis_angle_rad, fields_T, material, (2.0, 2.0, 36000.0), PlanarSettings(precision=precision))


def run_batch(
    grains: Grains,
    fields_T: ArrayLike,
    material: Material,
    settings: Mapping[str, Any],
    ledger: Ledger,
    threads: int,
    log: logging.Logger,
) -> dict[str, Any]:
    """Demagnetisation curves of all structures of a batch, each recorded in the ledger as soon as it is done.

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
    threads : int
        Worker processes.
    log : logging.Logger
        Told about progress and about loops that did not converge.

    Returns
    -------
    dict
        The fields of a `Loops` artifact.
    """
    fields = fields_of(fields_T)
    cell = tuple(float(d) for d in grains.cell_size_nm)
    waiting = [k for k in range(len(grains.index)) if int(grains.index[k]) not in ledger.done]
    progress = Progress(len(grains.index), "loops", log, done=len(grains.index) - len(waiting))
    tasks = ((k, (grains.axis_angle_rad(k), fields, material, cell, solver_settings(settings))) for k in waiting)
    for k, result in _computed(tasks, min(threads, max(len(waiting), 1))):
        item = int(grains.index[k])
        ledger.append(item, {name: np.asarray(getattr(result, name)) for name in ITEM_FIELDS})
        if result.status != Status.CONVERGED:
            bad = fields[np.flatnonzero(result.step_status)]
            log.warning("structure %d: %d fields not converged, first at %.3f T", item, len(bad), bad[0])
        progress.update(1)
    return collected(grains, fields, material, settings, ledger)


def collected(
    grains: Grains, fields_T: NDArray[np.float64], material: Material, settings: Mapping[str, Any], ledger: Ledger
) -> dict[str, Any]:
    """Gather the fields of a `Loops` artifact from a ledger that holds every structure."""
    items = dict(ledger.items())
    rows = [items[int(i)] for i in grains.index]
    return {
        "index": grains.index,
        "field_T": fields_T,
        **{name: np.stack([row[name] for row in rows]) for name in ITEM_FIELDS},
        "material": {"mu0_Ms_T": material.mu0_Ms_T, "K1_J_m3": material.K1_J_m3, "A_J_m": material.A_J_m},
        "tolerance": float(settings["torque_tolerance"]),
    }


def _computed(tasks: Iterator[tuple[int, tuple]], workers: int) -> Iterator[tuple[int, LoopResult]]:
    """Yield results in the order in which they are done; at most two tasks a worker are in flight."""
    if workers <= 1:
        for k, arguments in tasks:
            yield k, curve(*arguments)
        return
    # A forked child would inherit the locks of threads that it does not have.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin_worker) as pool:
        running = {}
        for k, arguments in tasks:
            running[pool.submit(curve, *arguments)] = k
            if len(running) >= 2 * workers:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                yield from ((running.pop(future), future.result()) for future in done)
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            yield from ((running.pop(future), future.result()) for future in done)


def begin_worker() -> None:
    """One process, one core; and no process that outlives its job, which may be killed at any moment."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def fields_of(values: ArrayLike) -> NDArray[np.float64]:
    """Fields as an array, refused if they are not finite."""
    fields = np.asarray(values, np.float64)
    if fields.ndim != 1 or not np.isfinite(fields).all():
        raise ValueError(f"fields_T: found shape {fields.shape}, expected a sequence of finite numbers")
    return fields
