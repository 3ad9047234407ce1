"""The demagnetising tensor against what is known in closed form, and against itself."""

import numpy as np
import pytest
from scipy import fft

from lodestone.micromagnetics.newell import AXES, COMPONENTS, demag_spectrum, demag_tensor, triangle_rule

DIAGONAL = [COMPONENTS.index(name) for name in ("xx", "yy", "zz")]
# Rounding of Newell's differences in extended precision: the largest term over the cell's volume, times 1e-19, is
# below 1e-15 for compact cells; for the long cells it is 36000^3 / (2 * 2 * 36000) * 1e-19, about 3e-11.
COMPACT, LONG = 1e-14, 3e-11

CASES = [
    ((8, 8, 8), (1.0, 1.0, 1.0), COMPACT),
    ((12, 10, 4), (1.0, 3.0, 2.0), COMPACT),
    ((20, 20, 3), (2.0, 2.0, 0.3), COMPACT),
    ((30, 30, 2), (2.0, 2.0, 20.0), COMPACT),
    ((30, 30, 1), (2.0, 2.0, 36000.0), LONG),
    ((1, 30, 30), (36000.0, 2.0, 2.0), LONG),
]


def aharoni(a: float, b: float, c: float) -> float:
    """Factor along c of a prism with half-edges a, b, c (Aharoni, J. Appl. Phys. 83, 3432 (1998), equation 1)."""
    r, ab, ac, bc = np.sqrt(a * a + b * b + c * c), np.hypot(a, b), np.hypot(a, c), np.hypot(b, c)
    terms = (
        (b * b - c * c) / (2 * b * c) * np.log((r - a) / (r + a))
        + (a * a - c * c) / (2 * a * c) * np.log((r - b) / (r + b))
        + b / (2 * c) * np.log((ab + a) / (ab - a))
        + a / (2 * c) * np.log((ab + b) / (ab - b))
        + c / (2 * a) * np.log((bc - b) / (bc + b))
        + c / (2 * b) * np.log((ac - a) / (ac + a))
        + 2 * np.arctan(a * b / (c * r))
        + (a**3 + b**3 - 2 * c**3) / (3 * a * b * c)
        + (a * a + b * b - 2 * c * c) / (3 * a * b * c) * r
        + c / (a * b) * (ac + bc)
        - (ab**3 + bc**3 + ac**3) / (3 * a * b * c)
    )
    return float(terms / np.pi)


@pytest.mark.parametrize(("shape", "cell", "rounding"), CASES)
def test_the_trace_is_one_in_the_cell_and_zero_elsewhere(shape, cell, rounding):
    trace = demag_tensor(shape, cell)[DIAGONAL].sum(axis=0)
    trace[0, 0, 0] -= 1
    assert np.abs(trace).max() < rounding


@pytest.mark.parametrize(("shape", "cell", "rounding"), CASES)
def test_exchanging_axes_exchanges_components(shape, cell, rounding):
    tensor = demag_tensor(shape, cell)
    for order in ((1, 0, 2), (2, 1, 0), (1, 2, 0)):
        other = demag_tensor(tuple(shape[i] for i in order), tuple(cell[i] for i in order))
        for row, (first, second) in enumerate(AXES.values()):
            pair = tuple(sorted((order.index(first), order.index(second))))
            twin = other[list(AXES.values()).index(pair)]
            assert np.abs(twin - tensor[row].transpose(order)).max() < rounding


def test_off_diagonal_components_vanish_on_their_planes_of_antisymmetry():
    tensor = demag_tensor((5, 6, 7), (1.0, 2.0, 3.0))
    for row, (first, second) in enumerate(AXES.values()):
        if first != second:
            for axis in (first, second):
                assert np.all(np.take(tensor[row], 0, axis) == 0)


def test_a_cube_demagnetises_by_a_third_along_every_axis():
    tensor = demag_tensor((1, 1, 1), (4e-9, 4e-9, 4e-9))[:, 0, 0, 0]
    assert tensor == pytest.approx([1 / 3, 0, 0, 1 / 3, 0, 1 / 3], abs=COMPACT)


@pytest.mark.parametrize("cell", [(1.0, 1.0, 1.0), (1.0, 2.0, 3.0), (5.0, 1.0, 0.2), (2.0, 2.0, 100.0)])
def test_the_self_factors_of_a_prism_are_aharonis(cell):
    tensor = demag_tensor((1, 1, 1), cell)[DIAGONAL, 0, 0, 0]
    x, y, z = (edge / 2 for edge in cell)
    # The closed form cancels in double precision: up to 1e-16 (100 / 2)^2 times a few.
    assert tensor == pytest.approx([aharoni(y, z, x), aharoni(z, x, y), aharoni(x, y, z)], abs=1e-11)


def test_a_long_prism_has_no_factor_along_and_a_half_across():
    long = demag_tensor((1, 1, 1), (2.0, 2.0, 36000.0))[:, 0, 0, 0]
    # Each end is a charged square: the mean inverse distance of two of its points is 4/3 (1 - sqrt 2 + 3 asinh 1).
    leading = 4 / 3 * (1 - np.sqrt(2) + 3 * np.arcsinh(1)) / (2 * np.pi) * 2 / 36000
    assert long[5] == pytest.approx(leading, rel=1e-4)  # the ends' attraction: of order width / length
    assert long[0] == long[3] == pytest.approx((1 - long[5]) / 2, abs=LONG)
    plate = demag_tensor((1, 1, 1), (36000.0, 36000.0, 2.0))[:, 0, 0, 0]
    assert plate[5] == pytest.approx(1, abs=1e-3)  # less a logarithm over the aspect ratio, 1e-4 times a few


def test_long_cells_interact_as_lines_of_charge_in_two_dimensions():
    tensor = demag_tensor((40, 40, 1), (2.0, 2.0, 36000.0))
    x, y = np.meshgrid(2.0 * np.arange(40), 2.0 * np.arange(40), indexing="ij")
    far = np.hypot(x, y) > 30
    rho2 = np.where(far, x * x + y * y, 1.0)
    dipole_xx = -4 * (x * x - y * y) / (2 * np.pi * rho2**2)
    dipole_xy = -4 * 2 * x * y / (2 * np.pi * rho2**2)
    # Next multipole of a square: (a/rho)^4 / 30 of the leading term; ends: a^2 / length^2.
    bound = 4 / (2 * np.pi * rho2[far]) * ((2 / 30) ** 4 + 2 * (110 / 36000))
    assert np.all(np.abs(tensor[0, ..., 0][far] - dipole_xx[far]) < bound)
    assert np.all(np.abs(tensor[1, ..., 0][far] - dipole_xy[far]) < bound)


@pytest.mark.parametrize("lag", [(30, 0, 0), (20, 15, 9), (3, 40, 0), (25, 25, 25)])
def test_far_cells_see_a_dipole(lag):
    shape = tuple(i + 1 for i in lag)
    tensor = demag_tensor(shape, (1.0, 1.0, 1.0))[:, *lag]
    r = np.linalg.norm(lag)
    for value, (first, second) in zip(tensor, AXES.values(), strict=True):
        dipole = ((first == second) - 3 * lag[first] * lag[second] / r**2) / (4 * np.pi * r**3)
        # For cubes the quadrupole correction vanishes and the next is of order (1 / r)^4.
        assert value == pytest.approx(dipole, abs=3 / r**4 / (4 * np.pi * r**3))


@pytest.mark.parametrize(
    ("shape", "cell", "rounding"),
    [
        ((4, 3, 2), (1.0, 1.5, 2.0), COMPACT),
        ((16, 16, 1), (2.0, 2.0, 300.0), 1e-13),
        ((16, 2, 16), (1.0, 9.0, 1.0), COMPACT),
    ],
)
def test_the_factor_of_a_block_is_the_mean_over_its_cells(shape, cell, rounding):
    tensor = demag_tensor(shape, cell)[DIAGONAL]
    # A lag occurs (n - |lag|) times per axis, in both directions; all cell averages together are the block's.
    weight = np.ones(shape)
    for axis, n in enumerate(shape):
        count = np.where(np.arange(n) == 0, n, 2 * (n - np.arange(n))) / n
        weight = weight * np.expand_dims(count, [i for i in range(3) if i != axis])
    block = demag_tensor((1, 1, 1), tuple(n * d for n, d in zip(shape, cell, strict=True)))[DIAGONAL, 0, 0, 0]
    assert np.sum(tensor * weight, axis=(1, 2, 3)) == pytest.approx(block, abs=100 * rounding)


@pytest.mark.parametrize(("shape", "cell"), [((40, 20, 12), (1.0, 1.0, 1.0)), ((40, 40, 2), (2.0, 2.0, 20.0))])
def test_quadrature_and_differences_meet_without_a_seam(shape, cell, monkeypatch):
    from lodestone.micromagnetics import newell

    staged = demag_tensor(shape, cell)
    monkeypatch.setattr(newell, "QUADRATURE_STAGES", ((6.0, 9),))
    # Nine points wherever differences are not used: each cheaper stage must agree to what its comment promises.
    size = np.sqrt(np.sum(staged**2, axis=0))
    assert np.max(np.abs(demag_tensor(shape, cell) - staged) / size) < 1e-12
    monkeypatch.setattr(newell, "QUADRATURE_STAGES", ((np.inf, 1),))
    # Differences everywhere lose digits as the cube of the distance: 1e-19 * 40^3 in tensor units.
    assert np.max(np.abs(demag_tensor(shape, cell) - staged)) < COMPACT


def test_the_triangle_rule_integrates_polynomials():
    nodes, weights = triangle_rule(5)
    for degree in range(10):
        exact = 0.0 if degree % 2 else 2 / ((degree + 1) * (degree + 2))
        assert np.sum(weights * nodes**degree) == pytest.approx(exact, abs=1e-14)  # rounding


def test_the_spectrum_convolves_like_direct_summation():
    shape, cell = (3, 4, 2), (1.0, 2.0, 1.5)
    m = np.random.default_rng(0).normal(size=(3, 2, 4, 3))
    spectrum = demag_spectrum(shape, cell)
    padded = (spectrum.shape[1], spectrum.shape[2], 5)  # next fast length of 2 * 3 - 1
    waves = fft.rfftn(m, padded, axes=(1, 2, 3))
    tensor = demag_tensor(shape, cell)
    for a in range(3):
        rows = [list(AXES.values()).index(tuple(sorted((a, b)))) for b in range(3)]
        field = fft.irfftn(sum(spectrum[rows[b]] * waves[b] for b in range(3)), padded)[:2, :4, :3]
        direct = np.zeros_like(field)
        for target in np.ndindex(2, 4, 3):
            for source in np.ndindex(2, 4, 3):
                lag = np.subtract(target, source)[::-1]
                for b in range(3):
                    sign = np.prod(np.sign(lag[[a, b]])) if a != b else 1
                    direct[target] += sign * tensor[rows[b]][tuple(np.abs(lag))] * m[(b, *source)]
        assert field == pytest.approx(direct, abs=1e-14)  # rounding of two transforms


@pytest.mark.parametrize(
    ("shape", "cell"), [((0, 1, 1), (1, 1, 1)), ((1, 1, 1), (1, -1, 1)), ((1, 1, 1), (1, 1, np.nan))]
)
def test_impossible_grids_are_refused(shape, cell):
    with pytest.raises(ValueError, match="must be positive"):
        demag_tensor(shape, cell)


def test_a_transform_too_short_is_refused():
    with pytest.raises(ValueError, match="transform length 5 is below 7"):
        demag_spectrum((4, 1, 1), (1.0, 1.0, 1.0), (5, 1, 1))
