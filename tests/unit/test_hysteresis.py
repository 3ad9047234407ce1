"""Loops of three-dimensional grids: descent, statuses, confinement, and published results."""

import numpy as np
import pytest

from lodestone.micromagnetics.anisotropy import UniaxialAnisotropy
from lodestone.micromagnetics.energy import Energy
from lodestone.micromagnetics.exchange import Exchange
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import internal_terms, sweep
from lodestone.micromagnetics.minimiser import Settings, Status
from lodestone.micromagnetics.sphere import turn
from lodestone.micromagnetics.stray_field import StrayField
from lodestone.micromagnetics.zeeman import Zeeman


def grains(cells, cell_size_m, seed, layers=1, spread_deg=60.0):
    """A grid of 12 columnar grains with axes in the plane and a hole; neighbours differ in all constants."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(0, cells, (12, 2))
    centre = np.indices((cells, cells)).reshape(2, -1).T + 0.5
    label = np.argmin(np.sum((centre[:, None] - seeds) ** 2, axis=2), axis=1).reshape(1, cells, cells)
    label = np.repeat(label, layers, axis=0)
    angle = np.radians(rng.uniform(-spread_deg, spread_deg, 12))[label]
    polarisation = rng.uniform(1.2, 1.7, 12)[label]
    polarisation[:, :3, :3] = 0.0
    return Grid.of(
        (cells, cells, layers),
        cell_size_m,
        mu0_Ms_T=polarisation,
        A_J_m=rng.uniform(5e-12, 9e-12, 12)[label],
        K1_J_m3=rng.uniform(3e6, 5e6, 12)[label],
        easy_axis=np.stack([np.sin(angle), np.cos(angle), 0 * angle]),
    )


def coercive_field(result):
    first = int(np.argmax(result.magnetisation < 0))
    pair = slice(first - 1, first + 1)
    return -float(np.interp(0.0, -result.magnetisation[pair], result.field_T[pair]))


def test_a_step_keeps_unit_length():
    rng = np.random.default_rng(0)
    m = rng.normal(size=(3, 2, 3, 4))
    m /= np.linalg.norm(m, axis=0)
    direction = rng.normal(size=m.shape)
    direction -= np.sum(direction * m, axis=0) * m
    turned = turn(m, direction, 1.5)
    assert np.linalg.norm(turned, axis=0) == pytest.approx(1, abs=1e-15)  # rounding
    angle = 2 * np.arctan(0.75 * np.linalg.norm(direction, axis=0))
    assert np.sum(turned * m, axis=0) == pytest.approx(np.cos(angle), abs=1e-14)


def test_no_step_of_a_loop_raises_the_energy():
    grid = grains(12, (2e-9, 2e-9, 3e-9), seed=1, layers=3)
    terms, zeeman = internal_terms(grid), Zeeman(grid)
    energy = Energy(grid, [*terms, zeeman])
    m = grid.uniform((0, 1, 0))
    for field_T in np.linspace(4, -6, 21):
        result = sweep(grid, [field_T], (0, 1, 0), start=m, terms=terms)
        zeeman.field_T = np.array([0, field_T, 0])
        change_J = energy.total_J(result.m) - energy.total_J(m)
        scale = abs(energy.total_J(m))
        assert result.energy_change_J[0] <= 0
        # Two totals of some hundred cells each, summed in double precision.
        assert change_J == pytest.approx(result.energy_change_J[0], abs=1e-13 * scale)
        m = result.m


def test_a_loop_of_mixed_grains_converges_and_its_record_is_true():
    grid = grains(12, (2e-9, 2e-9, 3e-9), seed=2, layers=2)
    fields = np.linspace(5, -7, 61)
    result = sweep(grid, fields, (0, 1, 0))
    assert result.status == Status.CONVERGED
    assert not result.step_status.any()
    assert result.max_torque.max() <= 1e-4
    assert result.energy_change_J.max() <= 0
    assert result.magnetisation[0] > 0.9
    assert result.magnetisation[-1] < -0.9
    assert result.evaluations >= len(fields)
    assert np.linalg.norm(result.m, axis=0) == pytest.approx(grid.magnetic.astype(float), abs=1e-14)
    last = Energy(grid, [*internal_terms(grid), Zeeman(grid, (0, fields[-1], 0))]).evaluate(result.m)
    # The recorded torque belongs to the recorded state, up to rounding of a field of some 10 T.
    assert last.max_torque == pytest.approx(result.max_torque[-1], abs=1e-11)
    assert grid.mean(result.m) == pytest.approx(result.moment[-1])


def test_two_runs_give_the_same_bytes():
    grid = grains(10, (2e-9, 2e-9, 2e-9), seed=3, layers=2)
    first, second = (sweep(grid, np.linspace(3, -6, 10), (0, 1, 0)) for _ in range(2))
    assert first.m.tobytes() == second.m.tobytes()
    assert first.evaluations == second.evaluations


def test_halving_the_field_step_moves_the_coercive_field_by_less_than_a_step():
    grid = grains(12, (2e-9, 2e-9, 3e-9), seed=4, layers=2, spread_deg=20.0)
    terms = internal_terms(grid)
    step = 0.1
    coarse, fine = (
        coercive_field(sweep(grid, np.arange(2, -7, -size), (0, 1, 0), terms=terms, stop_outside=(-0.5, 2)))
        for size in (step, step / 2)
    )
    assert abs(coarse - fine) < step


def test_confinement_to_the_plane_changes_nothing_for_long_cells():
    grid = grains(24, (2e-9, 2e-9, 36e-6), seed=5)
    terms = internal_terms(grid)
    fields = np.linspace(6, -6, 41)
    start = grid.uniform((0, 1, 0.01))  # a push out of the plane, so that the free run could leave it
    free = sweep(grid, fields, (0, 1, 0), terms=terms, start=start, settings=Settings(torque_tolerance=1e-5))
    plane = sweep(grid, fields, (0, 1, 0), terms=terms, in_plane=True, settings=Settings(torque_tolerance=1e-5))
    assert not plane.m[2].any()
    assert coercive_field(free) == pytest.approx(coercive_field(plane), abs=fields[0] - fields[1])
    # Where neither is falling, both are at the same minimum to within the tolerance over the softest mode.
    calm = (np.abs(np.gradient(plane.magnetisation)) < 0.01) & (np.abs(free.moment[:, 2]) < 1e-3)
    assert calm.sum() > 20
    assert np.abs(free.magnetisation - plane.magnetisation)[calm].max() < 1e-3


def test_reversals_end_where_the_steepest_descent_flow_ends():
    grid = grains(20, (2e-9, 2e-9, 36e-6), seed=6, spread_deg=180.0)
    terms = internal_terms(grid)
    fields = np.linspace(6, -6, 41)
    usual = sweep(grid, fields, (0, 1, 0), terms=terms, in_plane=True)
    # Without quasi-Newton steps, and by steps an eighth as long: the flow alone, from equilibrium to equilibrium.
    slow = Settings(turn_limit=0.0, flow_turn=0.05)
    flow = sweep(grid, fields, (0, 1, 0), terms=terms, in_plane=True, settings=slow)
    assert np.abs(np.diff(flow.magnetisation)).max() > 0.3  # there is a reversal to be followed
    # Same minima: apart by the torque tolerance of 1e-4 over the softest modes only.
    assert np.abs(usual.magnetisation - flow.magnetisation).max() < 1e-3
    assert usual.evaluations < flow.evaluations / 2


def test_too_few_evaluations_are_told():
    grid = grains(10, (2e-9, 2e-9, 2e-9), seed=3)
    result = sweep(grid, [0.0, -1.0], (0, 1, 0), settings=Settings(max_evaluations=2))
    assert result.status == Status.ITERATION_LIMIT
    assert result.step_status[0] == Status.ITERATION_LIMIT
    assert result.max_torque[0] > 1e-4
    assert result.energy_change_J.max() <= 0


def test_a_tolerance_below_rounding_ends_as_stalled():
    grid = grains(6, (2e-9, 2e-9, 2e-9), seed=3)
    result = sweep(grid, [0.5], (0, 1, 0), settings=Settings(torque_tolerance=0.0, max_evaluations=5000))
    assert result.status == Status.STALLED
    assert result.max_torque[0] < 1e-7


def test_a_start_without_directions_is_refused():
    grid = grains(6, (2e-9, 2e-9, 2e-9), seed=3)
    with pytest.raises(ValueError, match="cells without a direction"):
        sweep(grid, [0.0], (0, 1, 0), start=np.zeros((3, 1, 6, 6)))


def nd_fe_b_cube(cells):
    shape, size = tuple(cells), tuple(40e-9 / n for n in cells)
    return Grid.of(shape, size, mu0_Ms_T=1.61, A_J_m=7.7e-12, K1_J_m3=4.3e6)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_the_nd_fe_b_cube_switches_where_other_codes_say(precision):
    # 40 nm, field 1 degree off the axis: magnum.np, fidimag and matrixfree2 switch between 5.25 and 5.30 T.
    grid = nd_fe_b_cube((20, 20, 20))
    terms = [Exchange(grid), UniaxialAnisotropy(grid), StrayField(grid, precision)]
    fields = np.arange(-4.5, -6.0, -0.05)
    off = np.radians(1)
    result = sweep(grid, fields, (np.sin(off), 0, np.cos(off)), terms=terms, stop_outside=(0, 2))
    assert result.field_T[-1] == pytest.approx(-5.30)
    assert result.status == Status.CONVERGED


def test_cells_need_not_be_cubes():
    # Flat and long cells of the same magnet; their corners are resolved differently, hence three steps of room.
    off = np.radians(1)
    for cells in ((10, 10, 20), (20, 20, 8)):
        result = sweep(
            nd_fe_b_cube(cells), np.arange(-4.5, -6.5, -0.05), (np.sin(off), 0, np.cos(off)), stop_outside=(0, 2)
        )
        assert result.field_T[-1] == pytest.approx(-5.30, abs=0.15)
