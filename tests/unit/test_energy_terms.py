"""Every field is minus the gradient of its energy, and every energy is what it says."""

import numpy as np
import pytest

from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.anisotropy import UniaxialAnisotropy
from lodestone.micromagnetics.energy import Energy
from lodestone.micromagnetics.exchange import Exchange, face_couplings
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.newell import AXES, demag_tensor
from lodestone.micromagnetics.stray_field import StrayField
from lodestone.micromagnetics.zeeman import Zeeman

SHAPES = [(5, 4, 3), (6, 5, 1), (1, 1, 4), (7, 1, 1)]
CELL = (1e-9, 2e-9, 1.5e-9)
TERMS = {
    "exchange": Exchange,
    "anisotropy": UniaxialAnisotropy,
    "stray field": StrayField,
    "zeeman": lambda grid: Zeeman(grid, (0.3, -0.7, 1.1)),
}


def mixed_grid(shape, rng, cell=CELL):
    """Every cell a different material; a fifth of them, but never the first, not magnetic."""
    cells = shape[::-1]
    magnetic = rng.random(cells) > 0.2
    magnetic[0, 0, 0] = True
    return Grid.of(
        shape,
        cell,
        mu0_Ms_T=rng.uniform(0.5, 2.0, cells) * magnetic,
        A_J_m=rng.uniform(2e-12, 2e-11, cells),
        K1_J_m3=rng.uniform(-1e6, 5e6, cells),
        easy_axis=rng.normal(size=(3, *cells)),
    )


def random_state(grid, rng):
    m = rng.normal(size=(3, *grid.mu0_Ms_T.shape)) * grid.magnetic
    return m / np.where(grid.magnetic, np.linalg.norm(m, axis=0), 1.0)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", TERMS)
def test_the_field_is_minus_the_gradient_of_the_energy(name, shape, rng):
    grid = mixed_grid(shape, rng)
    term = TERMS[name](grid)
    m, change = random_state(grid, rng), random_state(grid, rng)
    # Central differences of a quadratic have no error but rounding: 1e-16 of the energy over the step.
    step = 1e-2
    difference = (term.energy(m + step * change) - term.energy(m - step * change)) / (2 * step)
    expected = -np.sum(grid.moment_J_T * np.sum(term.field(m) * change, axis=0))
    assert difference == pytest.approx(expected, rel=1e-9, abs=1e-12 * abs(term.energy(m)))


@pytest.mark.parametrize("name", TERMS)
def test_each_single_cell_feels_its_own_gradient(name, rng):
    grid = mixed_grid((3, 3, 2), rng)
    term = TERMS[name](grid)
    m = random_state(grid, rng)
    field = term.field(m)
    for index in zip(*np.nonzero(grid.magnetic), strict=True):
        for axis in range(3):
            change = np.zeros_like(m)
            change[(axis, *index)] = 1e-2
            difference = (term.energy(m + change) - term.energy(m - change)) / 2e-2
            scale = grid.moment_J_T[index] * np.abs(field).max()
            # Energies of all cells, of which one changes: rounding of 1e-16 times some hundred.
            assert difference == pytest.approx(-grid.moment_J_T[index] * field[(axis, *index)], abs=1e-10 * scale)


def test_adding_a_field_leaves_what_was_there(rng):
    grid = mixed_grid((4, 3, 2), rng)
    m, before = random_state(grid, rng), rng.normal(size=(3, 2, 3, 4))
    for make in TERMS.values():
        out = before.copy()
        make(grid).add_field(m, out)
        assert out == pytest.approx(before + make(grid).field(m), abs=1e-12)  # rounding of fields up to 100 T


def test_exchange_takes_the_harmonic_mean_and_stops_at_free_and_inner_surfaces():
    grid = Grid.of((4, 1, 1), (1e-9, 1e-9, 1e-9), mu0_Ms_T=[1.0, 2.0, 0.0, 1.0], A_J_m=[1e-11, 3e-11, 1e-11, 1e-11])
    x, y, z = face_couplings(grid)
    assert x[0, 0] == pytest.approx([2 * 1.5e-11 / 1e-18, 0, 0, 0])  # 2 * 1 * 3 / (1 + 3) = 1.5
    assert not y.any()
    assert not z.any()


def test_exchange_of_a_helix_is_that_of_the_continuum():
    d, n = 0.1e-9, 400
    angle = np.linspace(0, np.pi, n)
    grid = Grid.of((n, 1, 1), (d, 1e-9, 1e-9), mu0_Ms_T=1.0, A_J_m=1e-11)
    m = np.stack([np.cos(angle), np.sin(angle), 0 * angle])[:, None, None, :]
    slope = np.pi / ((n - 1) * d)
    # A (dm/dx)^2 over n - 1 intervals. Chord and arc differ by (slope d)^2 / 24 = 3e-6.
    assert Exchange(grid).energy(m) == pytest.approx(1e-11 * slope**2 * (n - 1) * d * 1e-18, rel=1e-5)


def test_the_anisotropy_field_is_two_k_over_m():
    grid = Grid.of((1, 1, 1), CELL, mu0_Ms_T=1.61, A_J_m=0, K1_J_m3=4.2e6, easy_axis=(0, 1, 0))
    m = grid.uniform((0, 1, 0))
    assert UniaxialAnisotropy(grid).field(m)[:, 0, 0, 0] == pytest.approx([0, 2 * 4.2e6 * MU0 / 1.61, 0])
    assert UniaxialAnisotropy(grid).energy(m) == pytest.approx(0, abs=1e-40)
    assert UniaxialAnisotropy(grid).energy(grid.uniform((1, 0, 0))) == pytest.approx(4.2e6 * grid.cell_volume_m3)


@pytest.mark.parametrize(("precision", "rounding"), [("double", 1e-14), ("single", 2e-6)])
def test_the_stray_field_is_the_direct_sum(precision, rounding, rng):
    grid = mixed_grid((4, 3, 2), rng)
    m = random_state(grid, rng)
    tensor = demag_tensor(grid.shape, grid.cell_size_m)
    direct = np.zeros_like(m)
    for target in np.ndindex(2, 3, 4):
        for source in np.ndindex(2, 3, 4):
            lag = np.subtract(target, source)[::-1]
            for row, (a, b) in enumerate(AXES.values()):
                value = tensor[row][tuple(np.abs(lag))] * (np.sign(lag[a]) * np.sign(lag[b]) if a != b else 1)
                direct[(a, *target)] -= value * m[(b, *source)] * grid.mu0_Ms_T[source]
                if a != b:
                    direct[(b, *target)] -= value * m[(a, *source)] * grid.mu0_Ms_T[source]
    # Rounding of the transforms: a few units in the last place of up to 2 T.
    assert StrayField(grid, precision).field(m) == pytest.approx(direct, abs=10 * rounding)


@pytest.mark.parametrize(("shape", "cell"), [((6, 6, 6), (1e-9, 1e-9, 1e-9)), ((4, 6, 12), (3e-9, 2e-9, 1e-9))])
def test_a_uniform_cube_has_the_energy_of_a_third(shape, cell):
    grid = Grid.of(shape, cell, mu0_Ms_T=1.5, A_J_m=1e-11)
    volume = np.prod(shape) * grid.cell_volume_m3
    for direction in np.eye(3):
        energy = StrayField(grid).energy(grid.uniform(direction))
        assert energy == pytest.approx(1.5**2 / (2 * MU0) / 3 * volume, rel=1e-12)  # rounding of some hundred cells


def test_a_precision_that_does_not_exist_is_refused():
    grid = Grid.of((2, 1, 1), CELL, mu0_Ms_T=1.0, A_J_m=1e-11)
    with pytest.raises(ValueError, match="'half'; allowed are 'double' and 'single'"):
        StrayField(grid, "half")


def test_the_change_of_energy_is_the_difference_of_totals(rng):
    grid = mixed_grid((4, 3, 2), rng)
    energy = Energy(grid, [make(grid) for make in TERMS.values()])
    before, after = (energy.evaluate(random_state(grid, rng)) for _ in range(2))
    change_J = energy.change(before, after) * energy.unit_J_T
    assert change_J == pytest.approx(energy.total_J(after.m) - energy.total_J(before.m), rel=1e-10)  # rounding


def test_the_torque_leaves_out_cells_that_are_not_magnetic():
    grid = Grid.of((2, 1, 1), CELL, mu0_Ms_T=[1.0, 0.0], A_J_m=1e-11)
    m = grid.uniform((0, 0, 1))
    energy = Energy(grid, [Zeeman(grid, (0.25, 0.0, 3.0))])
    assert energy.evaluate(m).max_torque == pytest.approx(0.25)
    plane = Energy(grid, [Zeeman(grid, (0.0, 0.0, 3.0))], in_plane=True)
    assert plane.evaluate(grid.uniform((1, 0, 0))).max_torque == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mu0_Ms_T": np.zeros((1, 1, 2))}, "at least one must be magnetic"),
        ({"mu0_Ms_T": np.array([[[1.0, -1.0]]])}, "mu0_Ms_T must be finite and not negative"),
        ({"A_J_m": np.full((1, 1, 2), np.nan)}, "A_J_m must be finite"),
        ({"K1_J_m3": np.full((1, 1, 2), np.inf)}, "K1_J_m3 must be finite"),
        ({"easy_axis": np.zeros((3, 1, 1, 2))}, "unit vectors"),
        ({"easy_axis": np.ones((3, 1, 2))}, r"easy_axis has shape \(3, 1, 2\)"),
        ({"cell_size_m": (1e-9, 0.0, 1e-9)}, "lengths must be positive"),
    ],
)
def test_impossible_materials_are_refused(change, message):
    good = Grid.of((2, 1, 1), CELL, mu0_Ms_T=1.0, A_J_m=1e-11)
    fields = {name: getattr(good, name) for name in ("cell_size_m", "mu0_Ms_T", "A_J_m", "K1_J_m3", "easy_axis")}
    with pytest.raises(ValueError, match=message):
        Grid(**{**fields, **change})
