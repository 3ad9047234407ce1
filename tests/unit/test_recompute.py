"""Recomputed loops are those of the solver, on one process or several."""

import numpy as np
import pytest
import torch
from learning_data import LOG, STRUCTURES, make_grains

from lodestone.loop_learning.recompute import LoopSolver
from lodestone.magnetism.loop_figures import anchor_points
from lodestone.magnetism.material import Material
from lodestone.micromagnetics import loops

MATERIAL = Material(mu0_Ms_T=1.61, K1_J_m3=4.2e6, A_J_m=8e-12)
STRUCTURE_SETTINGS = STRUCTURES | {"cell_size_nm": 2.0, "cell_height_nm": 36000.0}
LOOP_SETTINGS = {"field_step_HA": 0.1, "torque_tolerance": 1e-3, "max_iterations": 2000}


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_loops_are_those_of_the_solver(threads, workers):
    threads(workers)
    grains = make_grains(0, 2)
    axes = grains.axis_angle_rad(slice(None))
    solver = LoopSolver(STRUCTURE_SETTINGS, LOOP_SETTINGS, MATERIAL, LOG)
    found = dict(solver.compute(axes))
    assert sorted(found) == [0, 1]
    for k in (0, 1):
        wanted = loops.curve(
            axes[k], solver.field_T, MATERIAL, (2.0, 2.0, 36000.0), loops.solver_settings(LOOP_SETTINGS)
        ).magnetisation
        np.testing.assert_array_equal(found[k]["magnetisation"], wanted)
        values, exists = anchor_points(solver.field_T, wanted, MATERIAL.anisotropy_field_T)
        np.testing.assert_array_equal(found[k]["anchor"][exists], values[exists])
        np.testing.assert_array_equal(found[k]["exists"], exists)
