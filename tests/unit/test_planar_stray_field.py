"""Stray field of the in-plane layer against sums over pairs of cells and the three-dimensional one."""

import numpy as np
import pytest
from scipy import fft

from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.newell import AXES, COMPONENTS, demag_tensor
from lodestone.micromagnetics.planar_stray_field import PlanarStrayField, field_spectra
from lodestone.micromagnetics.stray_field import StrayField

TALL, FLAT = (2.0, 2.0, 36000.0), (3.0, 3.0, 1.0)
SHAPES = [(1, 1), (1, 6), (6, 1), (5, 4), (4, 7), (9, 9), (13, 6), (16, 16)]


def random_layer(ny, nx, dtype="float64"):
    """Random directions s, c, and room for the field; ghost cells are zero."""
    phi = np.random.default_rng(3).uniform(-np.pi, np.pi, (ny, nx))
    s, c, bx, by = np.zeros((4, ny + 2, nx + 2), dtype)
    s[1:-1, 1:-1], c[1:-1, 1:-1] = np.sin(phi), np.cos(phi)
    return s, c, bx, by


def summed_field(s, c, cell):
    """H = -N M by summing over all pairs of cells, without each cell's own part along m."""
    ny, nx = s.shape
    tensor = demag_tensor((nx, ny, 1), cell)[..., 0]
    field = np.zeros((2, ny, nx))
    for i, j in np.ndindex(ny, nx):
        for k, q in np.ndindex(ny, nx):
            lag = (i - k, j - q)  # rows run along y, columns along x
            n = {}
            for name in ("xx", "yy", "xy"):
                odd = AXES[name] == (0, 1)
                sign = np.sign(lag[0]) * np.sign(lag[1]) if odd else 1
                n[name] = sign * tensor[COMPONENTS.index(name), abs(lag[1]), abs(lag[0])]
            field[0, i, j] -= n["xx"] * s[k, q] + n["xy"] * c[k, q]
            field[1, i, j] -= n["xy"] * s[k, q] + n["yy"] * c[k, q]
    own = (tensor[COMPONENTS.index("xx"), 0, 0] + tensor[COMPONENTS.index("yy"), 0, 0]) / 2
    return field + own * np.stack([s, c])


@pytest.mark.parametrize("cell", [TALL, FLAT])
@pytest.mark.parametrize("shape", SHAPES[:-1])
def test_it_is_the_sum_over_pairs_of_cells(shape, cell):
    s, c, bx, by = random_layer(*shape)
    PlanarStrayField(*shape, cell, "float64")(s, c, bx, by)
    expected = summed_field(s[1:-1, 1:-1], c[1:-1, 1:-1], cell)
    # Rounding of two transforms of a few hundred points, values of order one.
    assert bx[1:-1, 1:-1] == pytest.approx(expected[0], abs=1e-14)
    assert by[1:-1, 1:-1] == pytest.approx(expected[1], abs=1e-14)


# Double: lengths in m and in nm round differently, and the differences in the near tensor amplify that to 1e-11.
# Single: rounding in the transforms of values of order one.
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-10), ("float32", 1e-6)])
@pytest.mark.parametrize("shape", [*SHAPES, (31, 20), (48, 48)])
def test_it_is_the_three_dimensional_field_less_the_part_along_m(shape, dtype, error):
    ny, nx = shape
    s, c, bx, by = random_layer(ny, nx, dtype)
    PlanarStrayField(ny, nx, TALL, dtype)(s, c, bx, by)
    grid = Grid.of((nx, ny, 1), (2e-9, 2e-9, 36e-6), mu0_Ms_T=1.0, A_J_m=0.0)
    m = np.zeros((3, 1, ny, nx))
    m[0, 0], m[1, 0] = s[1:-1, 1:-1], c[1:-1, 1:-1]
    whole = StrayField(grid).field(m)[:, 0]
    tensor = demag_tensor((1, 1, 1), TALL)[:, 0, 0, 0]
    own = (tensor[COMPONENTS.index("xx")] + tensor[COMPONENTS.index("yy")]) / 2
    assert bx[1:-1, 1:-1] - own * m[0, 0] == pytest.approx(whole[0], abs=error)
    assert by[1:-1, 1:-1] - own * m[1, 0] == pytest.approx(whole[1], abs=error)


def test_ghost_cells_stay_empty_and_the_magnetisation_untouched():
    s, c, bx, by = random_layer(5, 7)
    before = s.copy(), c.copy()
    PlanarStrayField(5, 7, TALL, "float64")(s, c, bx, by)
    assert np.array_equal(s, before[0])
    assert np.array_equal(c, before[1])
    for array in (bx, by):
        assert not array[[0, -1]].any()
        assert not array[:, [0, -1]].any()


def test_two_calls_give_the_same_bytes():
    s, c, bx, by = random_layer(12, 10, "float32")
    stray = PlanarStrayField(12, 10, TALL, "float32")
    stray(s, c, bx, by)
    first = bx.tobytes(), by.tobytes()
    stray(c, s, bx, by)  # leaves something else in the buffers
    stray(s, c, bx, by)
    assert (bx.tobytes(), by.tobytes()) == first


def test_the_spectra_are_those_of_a_symmetric_tensor():
    spectra = field_spectra(6, 9, TALL, (12, 18))
    for values in spectra.values():
        assert values == pytest.approx(np.roll(values[::-1, ::-1], 1, axis=(0, 1)), abs=1e-15)  # rounding
    # Nothing of a cell's own field along m, and a square column is isotropic in the plane.
    assert spectra["xx"].mean() == pytest.approx(0, abs=1e-15)
    assert spectra["yy"].mean() == pytest.approx(0, abs=1e-15)
    assert fft.ifft2(spectra["xy"])[0, 0] == pytest.approx(0, abs=1e-15)
