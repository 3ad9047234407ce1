"""Curves of the in-plane solver: coherent rotation, descent, symmetries, precision, and what it says about itself."""

import numpy as np
import pytest
from planar_structures import CELL_NM, MATERIAL, away_from_jumps, coercive_field, structure, sweep_T

from lodestone.artifacts.loops import Status
from lodestone.magnetism.stoner_wohlfarth import descending_branch, switching_field
from lodestone.micromagnetics.loops import curve
from lodestone.micromagnetics.planar import PlanarSettings, PlanarSolver

DOUBLE = PlanarSettings(precision="double")
STEP_H = 0.01
ANGLES_DEG = [1, 5, 10, 20, 30, 45, 60, 75, 85, 89]
# Structures of 32 x 32 cells with reversals in one and in several steps.
LAYERS = {"one grain off axis": (1, 20, 3), "aligned": (8, 15, 1), "spread": (10, 90, 2), "random": (12, 180, 4)}


def layer(name, cells=32):
    grains, spread_deg, seed = LAYERS[name]
    return structure(cells, cells, grains, spread_deg, seed)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("angle_deg", ANGLES_DEG)
def test_a_particle_far_below_the_exchange_length_follows_stoner_and_wohlfarth(angle_deg, precision):
    # 2 nm wide, exchange length sqrt(2 mu0 A) / mu0 M_s = 2.8 nm; a square column has no shape anisotropy.
    psi = np.radians(angle_deg)
    fields = sweep_T(100)
    result = curve(np.full((4, 4), psi), fields, MATERIAL, (0.5, 0.5, 36000.0), PlanarSettings(precision=precision))
    assert result.status == Status.CONVERGED
    h = fields / MATERIAL.anisotropy_field_T
    analytic = descending_branch(h, psi)
    switch = float(switching_field(psi))
    # The switch ends the stiffness of the state, and the tolerance of the torque with it: leave one step around it.
    calm = np.abs(h + switch) > STEP_H * (1 + 1e-9)
    assert calm.sum() >= 198
    # A torque of 1e-4 M_s over a stiffness of 4 M_s, softened to a tenth a step away from the switch: 2.5e-4.
    assert np.abs(result.magnetisation - analytic)[calm].max() < 3e-4
    largest_drop = np.argmin(np.diff(result.magnetisation)) + 1
    if angle_deg < 80:  # beyond, the switch is a smaller step than those of the rotation
        assert abs(h[largest_drop] + switch) <= STEP_H * (1 + 1e-9)


def test_an_axis_has_no_sense_of_direction():
    fields = sweep_T(20)
    angle = layer("random", 16)
    one, other = (curve(a, fields, MATERIAL, CELL_NM, DOUBLE) for a in (angle, angle + np.pi))
    # The same problem but for rounding in sin and cos of the angle.
    assert one.magnetisation == pytest.approx(other.magnetisation, abs=1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_the_energy_at_the_end_of_a_field_step_is_never_above_that_at_its_start(name):
    solver = PlanarSolver(layer(name), MATERIAL, CELL_NM, DOUBLE)
    fallen = 0.0
    for field_T in sweep_T(100):
        before = solver.energy(field_T)
        assert solver.minimise(field_T) == Status.CONVERGED
        after = solver.energy(field_T)
        # Some thousand cells of energies up to 10: their sum is rounded at 1e-12 of its value.
        assert after <= before + 1e-12 * abs(before)
        fallen = max(fallen, before - after)
    assert fallen > 100  # there was a reversal among the steps


def test_the_energy_of_single_precision_falls_too_within_its_rounding():
    solver = PlanarSolver(layer("spread"), MATERIAL, CELL_NM)
    for field_T in sweep_T(50):
        before = solver.energy(field_T)
        assert solver.minimise(field_T) == Status.CONVERGED
        # One unit in the last place of every cell, all of one sign.
        assert solver.energy(field_T) <= before + 6e-8 * 32 * 32 * 10


def test_what_the_solver_reports_belongs_to_its_state():
    solver = PlanarSolver(layer("random"), MATERIAL, CELL_NM, DOUBLE)
    for field_T in sweep_T(10):
        assert solver.minimise(field_T) == Status.CONVERGED
        assert solver.torque <= 1e-4
        assert solver.magnetisation == pytest.approx(np.cos(solver.angle_rad).mean(), abs=1e-14)
        torque = solver.torque
        solver.energy(field_T)
        # Evaluated anew, the last torque was that of this state.
        assert solver.torque == pytest.approx(torque, abs=1e-12)
    assert solver.angle_rad.shape == (32, 32)
    assert solver.work >= solver.evaluations >= 21


@pytest.mark.parametrize("name", LAYERS)
def test_halving_the_field_step_moves_the_coercive_field_by_less_than_one_step(name):
    coarse_T, fine_T = sweep_T(100), sweep_T(200)
    coarse, fine = (curve(layer(name), fields, MATERIAL, CELL_NM) for fields in (coarse_T, fine_T))
    moved = coercive_field(coarse_T, coarse.magnetisation) - coercive_field(fine_T, fine.magnetisation)
    assert abs(moved) < STEP_H * MATERIAL.anisotropy_field_T


@pytest.mark.parametrize("name", LAYERS)
def test_single_precision_gives_the_curve_of_double(name):
    fields = sweep_T(100)
    single, double = (
        curve(layer(name), fields, MATERIAL, CELL_NM, PlanarSettings(precision=p)) for p in ("single", "double")
    )
    assert single.status == double.status == Status.CONVERGED
    compare(fields, single.magnetisation, double.magnetisation)


@pytest.mark.parametrize("name", LAYERS)
def test_windows_and_extrapolation_do_not_change_the_curve(name):
    fields = sweep_T(100)
    usual, plain = (
        curve(layer(name), fields, MATERIAL, CELL_NM, PlanarSettings(precision="double", windows=w, extrapolate=w))
        for w in (True, False)
    )
    assert usual.status == plain.status == Status.CONVERGED
    compare(fields, usual.magnetisation, plain.magnetisation)


def test_windows_are_used_where_a_reversal_is_local():
    angle = structure(64, 64, 40, 40, 6)
    counts = []
    for windows in (True, False):
        solver = PlanarSolver(angle, MATERIAL, CELL_NM, PlanarSettings(windows=windows))
        for field_T in sweep_T(100):
            assert solver.minimise(field_T) == Status.CONVERGED
        counts.append((solver.work, solver.evaluations))
    assert counts[0][0] > counts[0][1]  # stray fields of rectangles on top of those of the layer
    assert counts[1][0] == counts[1][1]
    assert counts[0][0] < counts[1][0]  # and cheaper all the same


def compare(fields, magnetisation, reference):
    """The accuracy that the study needs: M within 1e-3 away from jumps, H_c within a fifth of a step."""
    calm = away_from_jumps(reference)
    assert calm.mean() > 0.8
    assert np.abs(magnetisation - reference)[calm].max() < 1e-3
    moved = coercive_field(fields, magnetisation) - coercive_field(fields, reference)
    assert abs(moved) < 0.2 * (fields[0] - fields[1])


@pytest.mark.parametrize(
    "transform",
    [lambda a: -a[:, ::-1], lambda a: -a[::-1], lambda a: a[::-1, ::-1]],
    ids=["mirror_x", "mirror_y", "rotate_180"],
)
@pytest.mark.parametrize("name", ["one grain off axis", "aligned"])
def test_mirrored_and_turned_layers_have_the_same_curve(name, transform):
    fields = sweep_T(50)
    angle = layer(name)
    original, other = (curve(a, fields, MATERIAL, CELL_NM) for a in (angle, transform(angle)))
    assert not np.array_equal(angle, transform(angle)) or name == "one grain off axis"
    # The same sums in another order; states agree to the torque tolerance over the softest modes.
    assert original.magnetisation == pytest.approx(other.magnetisation, abs=1e-4)


def test_cells_need_not_fill_a_square():
    fields = sweep_T(20)
    result = curve(structure(9, 30, 6, 60, 3), fields, MATERIAL, CELL_NM)
    assert result.status == Status.CONVERGED
    assert result.magnetisation[0] > 0.9
    assert result.magnetisation[-1] < -0.9


def test_a_layer_without_exchange_is_solved_too():
    material = type(MATERIAL)(MATERIAL.mu0_Ms_T, MATERIAL.K1_J_m3, 0.0)
    result = curve(layer("spread", 12), sweep_T(20), material, CELL_NM)
    assert result.status == Status.CONVERGED


@pytest.mark.parametrize("limit", [1, 3])
def test_too_few_iterations_are_told(limit):
    fields = sweep_T(10)
    result = curve(layer("spread"), fields, MATERIAL, CELL_NM, PlanarSettings(max_iterations=limit))
    assert result.status == Status.ITERATION_LIMIT
    bad = result.step_status != Status.CONVERGED
    assert bad.any()
    # A field counts as converged exactly where the torque says so.
    assert np.array_equal(bad, result.max_torque > 1e-4)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_a_tolerance_below_rounding_is_never_called_converged(precision):
    settings = PlanarSettings(torque_tolerance=1e-17, max_iterations=400, precision=precision)
    result = curve(layer("spread", 12), sweep_T(3)[1:3], MATERIAL, CELL_NM, settings)
    assert (result.step_status != Status.CONVERGED).all()
    assert result.max_torque.max() < 1e-3  # as good as it gets, not far off


def test_the_result_has_one_entry_per_field():
    fields = sweep_T(5)
    result = curve(layer("aligned", 12), list(fields), MATERIAL, CELL_NM)
    for array in (result.magnetisation, result.step_status, result.max_torque):
        assert array.shape == (11,)
    assert result.step_status.dtype == np.uint8
    assert result.evaluations >= 11
    assert len(curve(layer("aligned", 12), [], MATERIAL, CELL_NM).magnetisation) == 0


GOOD_ANGLE = np.zeros((4, 4))


@pytest.mark.parametrize(
    ("angle", "fields", "cell", "message"),
    [
        (np.zeros(4), [0.0], CELL_NM, r"axis_angle_rad: found shape \(4,\)"),
        (np.zeros((0, 4)), [0.0], CELL_NM, r"axis_angle_rad: found shape \(0, 4\)"),
        (np.full((4, 4), np.nan), [0.0], CELL_NM, "axis_angle_rad: found .*finite"),
        (GOOD_ANGLE, [0.0, np.nan], CELL_NM, "fields_T: .*finite"),
        (GOOD_ANGLE, [0.0, np.inf], CELL_NM, "fields_T: .*finite"),
        (GOOD_ANGLE, [[0.0, 1.0]], CELL_NM, r"fields_T: found shape \(1, 2\)"),
        (GOOD_ANGLE, 0.0, CELL_NM, "fields_T: .*sequence"),
        (GOOD_ANGLE, [0.0], (2.0, 3.0, 5.0), "cell_size_nm: found dx = 2.0, dy = 3.0"),
        (GOOD_ANGLE, [0.0], (0.0, 0.0, 5.0), "cell_size_nm: found .*positive"),
        (GOOD_ANGLE, [0.0], (2.0, 2.0, -5.0), "cell_size_nm: found .*positive"),
    ],
)
def test_bad_input_is_refused_by_name(angle, fields, cell, message):
    with pytest.raises(ValueError, match=message):
        curve(angle, fields, MATERIAL, cell)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "half"}, "precision: found 'half', allowed are 'single', 'double'"),
        ({"torque_tolerance": float("nan")}, "torque_tolerance: found nan"),
        ({"torque_tolerance": 0.0}, "torque_tolerance: found 0.0"),
        ({"max_iterations": 0}, "max_iterations: found 0"),
    ],
)
def test_bad_settings_are_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        PlanarSettings(**change)
