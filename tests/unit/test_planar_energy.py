"""Energy, gradient and local Hessian of the in-plane layer, and the turns that leave moments at unit length."""

import numpy as np
import pytest
from planar_structures import CELL_NM, MATERIAL, structure

from lodestone.micromagnetics import planar_newton_kernels as newton
from lodestone.micromagnetics.energy import Energy
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import internal_terms
from lodestone.micromagnetics.planar_region import Region
from lodestone.micromagnetics.zeeman import Zeeman

SCALE = MATERIAL.stray_energy_J_m3
EXCHANGE = 2 * MATERIAL.A_J_m / (SCALE * (CELL_NM[0] * 1e-9) ** 2)
SHAPES = [(5, 7), (8, 3), (9, 9)]
FIELD = -0.7  # over M_s
STEP = 1e-4  # rad


def region(ny, nx, dtype="float64"):
    """A region with random easy axes."""
    made = Region(ny, nx, CELL_NM, EXCHANGE, dtype, 4)
    twice = 2 * structure(ny, nx, 6, 180, seed=1)
    strength = MATERIAL.K1_J_m3 / SCALE
    made.kc[1:-1, 1:-1], made.ks[1:-1, 1:-1] = strength * np.cos(twice), strength * np.sin(twice)
    return made


def random_angle(ny, nx):
    """Neighbours at any angle to each other, which is harder than what a solver meets."""
    return np.random.default_rng(2).uniform(-np.pi, np.pi, (ny, nx))


def set_angle(state, phi):
    state.s[1:-1, 1:-1], state.c[1:-1, 1:-1] = np.sin(phi), np.cos(phi)


def energy_at(layer, phi):
    set_angle(layer.trial, phi)
    layer.complete(layer.trial, layer.real(FIELD))
    return layer.trial.energy


@pytest.mark.parametrize("shape", SHAPES)
def test_the_gradient_of_every_cell_is_the_slope_of_the_energy(shape):
    layer, phi = region(*shape), random_angle(*shape)
    energy_at(layer, phi)
    gradient = layer.trial.gradient[1:-1, 1:-1].copy()
    slope = np.empty(shape)
    for cell in np.ndindex(shape):
        change = np.zeros(shape)
        change[cell] = STEP
        slope[cell] = (energy_at(layer, phi + change) - energy_at(layer, phi - change)) / (2 * STEP)
    # Central differences: STEP^2 / 6 = 2e-9 of a third derivative of about 20, and the rounding of some hundred
    # energies, 1e-13, over STEP.
    assert gradient == pytest.approx(slope, abs=2e-7)
    assert layer.state.torque == np.inf
    energy_at(layer, phi)
    assert layer.trial.torque == np.abs(gradient).max()


@pytest.mark.parametrize("shape", SHAPES)
def test_energy_differences_are_those_of_the_general_code(shape):
    ny, nx = shape
    layer, axis = region(ny, nx), structure(ny, nx, 6, 180, seed=1)
    grid = Grid.of(
        (nx, ny, 1),
        tuple(d * 1e-9 for d in CELL_NM),
        mu0_Ms_T=MATERIAL.mu0_Ms_T,
        A_J_m=MATERIAL.A_J_m,
        K1_J_m3=MATERIAL.K1_J_m3,
        easy_axis=np.stack([np.sin(axis), np.cos(axis), 0 * axis])[:, None],
    )
    general = Energy(grid, [*internal_terms(grid), Zeeman(grid, (0, FIELD * MATERIAL.mu0_Ms_T, 0))])
    unit_J = SCALE * grid.cell_volume_m3

    def both(phi):
        m = np.stack([np.sin(phi), np.cos(phi), 0 * phi])[:, None]
        return energy_at(layer, phi), general.total_J(m) / unit_J

    (planar_a, general_a), (planar_b, general_b) = both(random_angle(ny, nx)), both(random_angle(ny, nx)[::-1])
    assert planar_a - planar_b == pytest.approx(general_a - general_b, rel=1e-11)  # rounding
    assert abs(planar_a - planar_b) > 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_local_hessian_is_the_derivative_of_the_gradient_with_the_stray_field_held(shape):
    layer, phi = region(*shape), random_angle(*shape)
    energy_at(layer, phi)
    state = layer.trial
    right, down, diagonal, p, product = np.zeros((5, *layer.shape))
    zero = layer.real(0)
    newton.local_hessian(state.s, state.c, state.curvature, layer.exchange, zero, right, down, diagonal)
    p[1:-1, 1:-1] = np.random.default_rng(4).normal(size=shape)
    curvature = newton.hessian_product(p, right, down, diagonal, product)
    ends = []
    for sign in (1, -1):
        set_angle(state, phi + sign * STEP * p[1:-1, 1:-1])
        layer.evaluate(state, layer.real(FIELD))  # with the stray field of phi
        ends.append(state.gradient[1:-1, 1:-1].copy())
    # STEP^2 / 6 of a derivative of about 30 times |p|^3, of up to 30.
    assert product[1:-1, 1:-1] == pytest.approx((ends[0] - ends[1]) / (2 * STEP), abs=3e-6)
    assert curvature == pytest.approx(np.sum(p * product), rel=1e-12)


def test_the_hessian_without_surroundings_is_symmetric():
    layer = region(6, 5)
    energy_at(layer, random_angle(6, 5))
    right, down, diagonal, a, b, on_a, on_b = np.zeros((7, *layer.shape))
    newton.local_hessian(
        layer.trial.s, layer.trial.c, layer.trial.curvature, layer.exchange, layer.real(0), right, down, diagonal
    )
    a[1:-1, 1:-1], b[1:-1, 1:-1] = np.random.default_rng(5).normal(size=(2, 6, 5))
    newton.hessian_product(a, right, down, diagonal, on_a)
    newton.hessian_product(b, right, down, diagonal, on_b)
    assert np.sum(b * on_a) == pytest.approx(np.sum(a * on_b), rel=1e-13)  # rounding


def test_the_newton_direction_solves_the_local_system():
    layer = region(7, 6)
    energy_at(layer, 0.1 * random_angle(7, 6))
    state = layer.trial
    right, down, diagonal, g, x, product = np.zeros((6, *layer.shape))
    shift = layer.real(20)  # positive definite
    newton.local_hessian(state.s, state.c, state.curvature, layer.exchange, shift, right, down, diagonal)
    g[1:-1, 1:-1] = np.random.default_rng(6).normal(size=(7, 6))
    newton.newton_direction(g, right, down, diagonal, 1e-10, 200, x, np.zeros((4, *layer.shape)))
    newton.hessian_product(x, right, down, diagonal, product)
    assert product == pytest.approx(g, abs=1e-8)  # the tolerance times a gradient of some units


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_keep_unit_length_over_thousands_of_turns(dtype):
    layer = region(4, 5, dtype)
    set_angle(layer.state, random_angle(4, 5))
    turn = np.zeros(layer.shape, dtype)
    turn[1:-1, 1:-1] = np.random.default_rng(7).uniform(-0.5, 0.5, (4, 5))
    for _ in range(5000):
        layer.turn_trial(turn, 0.4)
        layer.accept()
    length = layer.state.s[1:-1, 1:-1] ** 2 + layer.state.c[1:-1, 1:-1] ** 2
    assert length == pytest.approx(1, abs=4 * float(np.finfo(dtype).eps))  # a few roundings, not thousands


def test_a_turn_is_capped_and_goes_from_y_towards_x():
    layer = region(1, 2)
    set_angle(layer.state, np.zeros((1, 2)))
    turn = np.zeros(layer.shape)
    turn[1, 1:3] = 0.1, -3.0
    layer.turn_trial(turn, 0.5)
    angle = np.arctan2(layer.trial.s[1, 1:3], layer.trial.c[1, 1:3])
    assert angle == pytest.approx([2 * np.arctan(0.05), -2 * np.arctan(0.25)])


def test_the_flow_never_raises_the_energy_and_ends_at_rest():
    layer = region(9, 9)
    set_angle(layer.state, random_angle(9, 9))
    h = layer.real(FIELD)
    layer.complete(layer.state, h)
    for _ in range(400):
        before = layer.state.energy
        layer.flow_trial(h, 0.2, 0.5, 1)
        layer.complete(layer.trial, h)
        assert layer.trial.energy <= before + 1e-14 * abs(before)  # the sum over a hundred cells is rounded
        layer.accept()
    assert layer.state.torque < 1e-3


def test_an_odd_and_an_even_number_of_flow_steps_add_up():
    layer = region(6, 6)
    set_angle(layer.state, random_angle(6, 6))
    h = layer.real(FIELD)
    layer.complete(layer.state, h)
    layer.flow_trial(h, 0.1, 0.5, 5)
    at_once = layer.trial.s.copy(), layer.trial.c.copy()
    for count in (1, 4):
        layer.flow_trial(h, 0.1, 0.5, count)
        # The stray field of the start is held, as in five steps at once.
        layer.state.s[...], layer.state.c[...] = layer.trial.s, layer.trial.c
    assert np.array_equal(layer.state.s, at_once[0])
    assert np.array_equal(layer.state.c, at_once[1])


def test_a_rectangle_has_the_gradient_of_the_layer_around_it():
    layer, window = region(12, 11), region(5, 4)
    phi, h = random_angle(12, 11), layer.real(FIELD)
    set_angle(layer.state, phi)
    layer.complete(layer.state, h)
    layer.complete(layer.trial, h)
    row, column = 3, 6
    layer.begin_trial()
    window.load(layer, row, column, h)
    assert window.state.torque == np.abs(layer.state.gradient[4:9, 7:11]).max()
    turn = np.zeros(window.shape)
    turn[1:-1, 1:-1] = np.random.default_rng(8).uniform(-0.3, 0.3, (5, 4))
    window.turn_trial(turn, 1.0)
    window.complete(window.trial, h)
    window.accept()
    window.store(layer, row, column)
    layer.complete(layer.trial, h)
    # The same sums in another order: rounding.
    assert window.state.gradient[1:-1, 1:-1] == pytest.approx(layer.trial.gradient[4:9, 7:11], abs=1e-13)
    assert window.state.curvature[1:-1, 1:-1] == pytest.approx(layer.trial.curvature[4:9, 7:11], abs=1e-13)
    moved = layer.trial.s != layer.state.s
    assert moved[4:9, 7:11].all()
    assert moved.sum() == 20


def test_overlapping_rectangles_keep_what_the_first_has_turned():
    layer, first, second = region(12, 11), region(5, 4), region(6, 5)
    h = layer.real(FIELD)
    set_angle(layer.state, random_angle(12, 11))
    layer.complete(layer.state, h)
    layer.begin_trial()
    first.load(layer, 3, 6, h)
    turn = np.zeros(first.shape)
    turn[1:-1, 1:-1] = 0.2
    first.turn_trial(turn, 1.0)
    first.complete(first.trial, h)
    first.accept()
    first.store(layer, 3, 6)
    second.load(layer, 5, 4, h)
    turned_s = layer.trial.s.copy()
    second.store(layer, 5, 4)
    assert np.array_equal(layer.trial.s, turned_s)
    layer.complete(layer.trial, h)
    # The second holds the stray field of the cells outside it as they were: at most the field of 6 turned cells.
    assert second.state.gradient[1:-1, 1:-1] == pytest.approx(layer.trial.gradient[6:12, 5:10], abs=0.2)
    inside = [c for c in layer.trial.arrays[:2]]
    assert all(np.array_equal(a[5:13, 4:11], b) for a, b in zip(inside, second.state.arrays[:2], strict=True))
