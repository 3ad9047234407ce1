"""The in-plane solver against the general one and against curves followed by the pure steepest-descent flow."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from planar_structures import CELL_NM, MATERIAL, away_from_jumps, coercive_field, structure, sweep_T

from lodestone.artifacts.loops import Status
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import sweep
from lodestone.micromagnetics.loops import curve
from lodestone.micromagnetics.planar import PlanarSettings

FLOW = Path(__file__).parents[1] / "data" / "reference_flow"
SEEDS = (0, 2, 3, 5, 9)  # see the README beside the data


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("seed", SEEDS)
def test_reversals_end_where_the_flow_ends(seed, precision):
    with np.load(FLOW / f"seed{seed}.npz") as data:
        angle, fields, reference, coercive_T = (
            data[name] for name in ("axis_angle_rad", "field_T", "magnetisation", "H_c_T")
        )
    assert np.abs(np.diff(reference)).max() > 0.5  # a large part reverses at once
    result = curve(angle, fields, MATERIAL, CELL_NM, PlanarSettings(precision=precision))
    assert result.status == Status.CONVERGED
    assert result.max_torque.max() <= 1e-4
    # Both minimise to a torque of 1e-4 M_s: at these fields their states agree ten times better than the study needs.
    assert np.abs(result.magnetisation - reference).max() < 1e-4
    assert coercive_field(fields, result.magnetisation) == pytest.approx(float(coercive_T), abs=0.01 * 0.06556)


LAYERS = {"aligned": (12, 20, 21), "spread": (12, 60, 22), "random": (12, 180, 23)}
FIELDS_T = sweep_T(50)


@lru_cache
def general(name):
    """Curve by the three-dimensional solver, confined to the plane."""
    angle = structure(48, 48, *LAYERS[name])
    grid = Grid.of(
        (48, 48, 1),
        tuple(d * 1e-9 for d in CELL_NM),
        mu0_Ms_T=MATERIAL.mu0_Ms_T,
        A_J_m=MATERIAL.A_J_m,
        K1_J_m3=MATERIAL.K1_J_m3,
        easy_axis=np.stack([np.sin(angle), np.cos(angle), np.zeros_like(angle)])[:, None],
    )
    return angle, sweep(grid, FIELDS_T, (0, 1, 0), in_plane=True)


@pytest.mark.parametrize("name", LAYERS)
def test_it_agrees_with_the_general_solver_confined_to_the_plane(name):
    angle, reference = general(name)
    assert reference.status == Status.CONVERGED
    result = curve(angle, FIELDS_T, MATERIAL, CELL_NM)
    assert result.status == Status.CONVERGED
    calm = away_from_jumps(reference.magnetisation, jump=0.05)
    assert calm.mean() > 0.8
    assert np.abs(result.magnetisation - reference.magnetisation)[calm].max() < 1e-3
    moved = coercive_field(FIELDS_T, result.magnetisation) - coercive_field(FIELDS_T, reference.magnetisation)
    assert abs(moved) < 0.2 * (FIELDS_T[0] - FIELDS_T[1])
