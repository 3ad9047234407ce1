"""Batches of loops: the same bytes however they are cut, spread over workers and killed."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from loops_worker import FIELDS_T, SETTINGS, compute, recorded
from planar_structures import CELL_NM, MATERIAL, batch, structure, sweep_T

from lodestone.artifacts.loops import Loops, Status
from lodestone.micromagnetics.loops import curve, solver_settings, sweep_fields, warm_up
from lodestone.micromagnetics.planar import PlanarSettings

WORKER = Path(__file__).with_name("loops_worker.py")
CELLS, GRAINS = 32, 8
INDEX = np.arange(3, 12)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """All loops of the batch, computed by one worker in one go: the artifact and its file."""
    path = tmp_path_factory.mktemp("whole") / "loops.h5"
    return compute(batch(CELLS, GRAINS, INDEX), path, 1), path


def test_the_fields_go_from_plus_to_minus_the_anisotropy_field():
    fields = sweep_fields(MATERIAL, {"field_step_HA": 0.01})
    assert len(fields) == 201
    assert fields == pytest.approx(sweep_T(100), abs=1e-12)
    assert fields[100] == 0
    assert np.diff(fields) == pytest.approx(-0.01 * MATERIAL.anisotropy_field_T)


def test_settings_come_from_the_config():
    made = solver_settings({"torque_tolerance": 1e-3, "max_iterations": 7, "count": 1})
    assert made == PlanarSettings(torque_tolerance=1e-3, max_iterations=7)


def test_a_batch_holds_the_curves_of_its_structures(whole):
    loops, path = whole
    grains = batch(CELLS, GRAINS, INDEX)
    assert np.array_equal(loops.index, INDEX)
    assert np.array_equal(loops.field_T, FIELDS_T)
    assert loops.tolerance == SETTINGS["torque_tolerance"]
    assert loops.material["mu0_Ms_T"] == MATERIAL.mu0_Ms_T
    assert not loops.status.any()
    assert loops.max_torque.max() <= SETTINGS["torque_tolerance"]
    for k in range(len(INDEX)):
        one = curve(grains.axis_angle_rad(k), FIELDS_T, MATERIAL, CELL_NM)
        assert np.array_equal(loops.magnetisation[k], one.magnetisation)
        assert loops.evaluations[k] == one.evaluations
    assert Loops.read(path).magnetisation.tobytes() == loops.magnetisation.tobytes()
    assert len(np.unique(loops.magnetisation[:, len(FIELDS_T) // 2])) == len(INDEX)


def test_two_workers_write_the_same_bytes_as_one(whole, tmp_path):
    compute(batch(CELLS, GRAINS, INDEX), tmp_path / "loops.h5", 2)
    assert (tmp_path / "loops.h5").read_bytes() == whole[1].read_bytes()


def test_a_loop_does_not_depend_on_the_batch_that_it_is_in(whole, tmp_path):
    order = np.array([5, 0, 2])
    part = compute(batch(CELLS, GRAINS, INDEX[order]), tmp_path / "loops.h5", 1)
    for name in ("index", "magnetisation", "step_status", "max_torque", "evaluations", "status"):
        assert getattr(part, name).tobytes() == getattr(whole[0], name)[order].tobytes()


def test_what_the_ledger_holds_is_not_computed_again(whole, tmp_path, monkeypatch):
    path = tmp_path / "loops.h5"
    compute(batch(CELLS, GRAINS, INDEX[:4]), path, 1)
    asked = []
    monkeypatch.setattr("lodestone.micromagnetics.loops.curve", lambda *a: asked.append(a[0].tobytes()) or curve(*a))
    grains = batch(CELLS, GRAINS, INDEX)
    compute(grains, path, 1)
    assert asked == [grains.axis_angle_rad(k).tobytes() for k in range(4, len(INDEX))]
    assert path.read_bytes() == whole[1].read_bytes()


def start(grains_path, path, workers):
    """A job in a process of its own."""
    return subprocess.Popen(
        [sys.executable, WORKER, grains_path, path, str(workers)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_killed_again_and_again_writes_the_same_bytes(whole, tmp_path, workers):
    grains_path, path = tmp_path / "grains.h5", tmp_path / "loops.h5"
    batch(CELLS, GRAINS, INDEX).write(grains_path)
    promised = set()
    for delay_s in (0.0, 0.12):
        job = start(grains_path, path, workers)
        promised.add(int(job.stdout.readline()))
        time.sleep(delay_s)
        children = psutil.Process(job.pid).children(recursive=True)
        job.send_signal(signal.SIGKILL)
        # A worker that outlived its job would keep the pipe open, and a core busy.
        promised |= {int(line) for line in job.stdout.read().split()}
        job.wait()
        job.stdout.close()
        assert not psutil.wait_procs(children, timeout=10)[1]
        assert not path.exists()
        done = recorded(path)
        assert promised <= set(done) < set(INDEX.tolist())
        for item, arrays in done.items():
            k = INDEX.tolist().index(item)
            assert np.array_equal(arrays["magnetisation"], whole[0].magnetisation[k])
    last = start(grains_path, path, workers)
    computed_now = {int(line) for line in last.communicate(timeout=60)[0].split()}
    assert last.returncode == 0
    assert computed_now == set(INDEX.tolist()) - set(done)  # nothing twice
    assert path.read_bytes() == whole[1].read_bytes()


def test_a_loop_that_did_not_converge_is_told_and_marked(tmp_path, caplog):
    settings = {**SETTINGS, "max_iterations": 1}
    with caplog.at_level(logging.WARNING, "loops"):
        loops = compute(batch(CELLS, GRAINS, INDEX[:1]), tmp_path / "loops.h5", 1, settings=settings)
    assert loops.status.tolist() == [Status.ITERATION_LIMIT]
    count = int((loops.step_status[0] != Status.CONVERGED).sum())
    first = FIELDS_T[np.flatnonzero(loops.step_status[0])[0]]
    assert f"structure {INDEX[0]}: {count} fields not converged, first at {first:.3f} T" in caplog.text
    assert (loops.max_torque[0] > SETTINGS["torque_tolerance"]).sum() == count
    assert Loops.read(tmp_path / "loops.h5").status.tolist() == [Status.ITERATION_LIMIT]


def test_the_status_of_a_loop_is_the_worst_of_its_steps():
    angle = structure(24, 24, 6, 90, 1)
    result = curve(angle, FIELDS_T, MATERIAL, CELL_NM, PlanarSettings(max_iterations=8))
    assert set(result.step_status) == {Status.CONVERGED, Status.ITERATION_LIMIT}
    assert result.status == result.step_status.max()


def test_bad_fields_are_refused_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("loops_worker.FIELDS_T", [1.0, np.nan])
    with pytest.raises(ValueError, match="fields_T: .*finite"):
        compute(batch(CELLS, GRAINS, INDEX[:1]), tmp_path / "loops.h5", 1)
    assert recorded(tmp_path / "loops.h5") == {}


def test_a_failing_loop_fails_the_batch_and_keeps_what_was_done(whole, tmp_path, monkeypatch):
    def broken(axis_angle_rad, *arguments):
        if np.array_equal(axis_angle_rad, grains.axis_angle_rad(2)):
            raise FloatingPointError("no such luck")
        return curve(axis_angle_rad, *arguments)

    grains = batch(CELLS, GRAINS, INDEX)
    with monkeypatch.context() as patched:
        patched.setattr("lodestone.micromagnetics.loops.curve", broken)
        with pytest.raises(FloatingPointError, match="no such luck"):
            compute(grains, tmp_path / "loops.h5", 1)
    assert set(recorded(tmp_path / "loops.h5")) == {3, 4}
    compute(grains, tmp_path / "loops.h5", 1)
    assert (tmp_path / "loops.h5").read_bytes() == whole[1].read_bytes()


def test_warming_up_leaves_nothing_to_compile(tmp_path):
    warm_up(MATERIAL)
    code = (
        "import numba\n"
        "from lodestone.micromagnetics import loops, planar_flow, planar_kernels, planar_newton_kernels\n"
        "from lodestone.micromagnetics import planar_transform, planar_windows\n"
        "from lodestone.magnetism.material import Material\n"
        "loops.warm_up(Material(1.61, 4.2e6, 8e-12))\n"
        "modules = planar_flow, planar_kernels, planar_newton_kernels, planar_windows, planar_transform\n"
        "compiled = {f for m in modules for f in vars(m).values() if isinstance(f, numba.core.dispatcher.Dispatcher)}\n"
        "print(sum(sum(f.stats.cache_misses.values()) for f in compiled), len(compiled))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    misses, functions = map(int, done.stdout.split())
    assert misses == 0
    assert functions > 25


def test_tight_tolerances_are_met_in_double_precision():
    settings = {"torque_tolerance": 1e-7, "max_iterations": 2000}
    axis = np.random.default_rng(5).uniform(-1, 1, (12, 12))
    result = curve(axis, [6.0, 0.0, -2.0], MATERIAL, CELL_NM, solver_settings(settings))
    assert result.status == 0
    assert result.max_torque.max() <= 1e-7
    assert solver_settings({**settings, "torque_tolerance": 1e-4}).precision == "single"
