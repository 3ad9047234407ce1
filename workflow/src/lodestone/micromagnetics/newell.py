"""Demagnetising tensor of a regular grid of equal cells, averaged over source and target cell.

The tensor between two cells is a second difference, along each axis, of a known function (Newell, Williams and
Dunlop, J. Geophys. Res. 98, 9551 (1993)). The differences cancel ever more digits as the cells move apart, so that an
axis along which the cells are far apart is treated by quadrature instead: a second difference with step d is the
integral of the second derivative over a triangle of half-width d, exactly. Three regions follow:

* near: all three differences, in extended precision;
* beside a long cell: the difference along the cell, quadrature across it;
* far: quadrature along all axes of the dipole field.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Array = NDArray[np.float64]
Lengths = tuple[float, float, float]
Shape = tuple[int, int, int]

COMPONENTS = ("xx", "xy", "xz", "yy", "yz", "zz")
# Component -> the two axes; an off-diagonal component is odd along both of them, every other symmetry is even.
AXES = {"xx": (0, 0), "xy": (0, 1), "xz": (0, 2), "yy": (1, 1), "yz": (1, 2), "zz": (2, 2)}

# Distance in cell lengths from which on quadrature replaces differences, and the points per axis used there:
# Gauss quadrature with q points errs by about distance**(-2 q), so each stage is good to 1e-12 of its value.
QUADRATURE_STAGES = ((6.0, 8), (12.0, 5), (32.0, 4), (100.0, 3))


def demag_tensor(shape: Shape, cell_size: Lengths) -> Array:
    """Demagnetising tensor N at all non-negative lags of a grid; the field is H = -N M.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Number of cells along each axis.
    cell_size : (dx, dy, dz)
        Edge lengths of a cell, in any one unit; the tensor does not depend on the unit.

    Returns
    -------
    ndarray, float64, (6, nx, ny, nz)
        Components in the order of `COMPONENTS`, dimensionless. Lags of other sign follow from `AXES`.

    Raises
    ------
    ValueError
        If a number of cells or a length is not positive.
    """
    if min(shape) < 1 or not all(0 < d < np.inf for d in cell_size):
        raise ValueError(f"grid of {shape} cells of {cell_size}: numbers and lengths must be positive")
    volume_root = float(np.prod([float(d) for d in cell_size])) ** (1 / 3)
    cell = (cell_size[0] / volume_root, cell_size[1] / volume_root, cell_size[2] / volume_root)  # of unit volume
    lag = np.meshgrid(*(np.arange(n) * d for n, d in zip(shape, cell, strict=True)), indexing="ij")
    tensor = np.zeros((6, *shape))
    # A later treatment overwrites an earlier one: differences, beside the longest cell edge, then far.
    long_axis = int(np.argmax(cell))
    across = [axis for axis in range(3) if axis != long_axis]
    beside = np.hypot(lag[across[0]], lag[across[1]]) / max(cell[axis] for axis in across)
    far = np.sqrt(lag[0] ** 2 + lag[1] ** 2 + lag[2] ** 2) / max(cell)
    first = QUADRATURE_STAGES[0][0]
    _fill_near(tensor, (far < first) & (beside < first), cell)
    flat = tensor.reshape(6, -1)
    for points, cells in _stages(np.where(far < first, beside, 0.0)):
        flat[:, cells] = _beside_tensor([x.flat[cells] for x in lag], cell, points, long_axis)
    for points, cells in _stages(far):
        flat[:, cells] = _far_tensor([x.flat[cells] for x in lag], cell, points)
    for row, (a, b) in enumerate(AXES.values()):
        if a != b:  # odd along both axes
            np.moveaxis(tensor[row], a, 0)[0] = np.moveaxis(tensor[row], b, 0)[0] = 0.0
    return tensor


def demag_spectrum(shape: Shape, cell_size: Lengths, padded: Shape | None = None) -> Array:
    """Transform of the demagnetising tensor for convolution by zero-padded real Fourier transforms.

    Each component is extended to negative lags (even, or odd along its own two axes), so that its transform is real.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Number of cells along each axis.
    cell_size : (dx, dy, dz)
        Edge lengths of a cell, any one unit.
    padded : (px, py, pz), optional
        Transform lengths, at least 2 n - 1 each; by default those of `padded_shape`.

    Returns
    -------
    ndarray, float64, (6, pz, py, px // 2 + 1)
        Dimensionless, laid out for `scipy.fft.rfftn` of arrays [z, y, x].
    """
    padded = padded or padded_shape(shape)
    tensor = demag_tensor(shape, cell_size)
    spectrum = np.empty((6, padded[2], padded[1], padded[0] // 2 + 1))
    for row, name in enumerate(COMPONENTS):
        extended = tensor[row]
        for axis in range(3):
            odd = AXES[name].count(axis) == 1
            extended = extend(extended, axis, padded[axis], -1.0 if odd else 1.0)
        spectrum[row] = fft.rfftn(np.ascontiguousarray(extended.transpose(2, 1, 0))).real
    return spectrum


def padded_shape(shape: Shape) -> Shape:
    """Fast transform lengths that keep a convolution over `shape` cells free of wrap-around."""
    nx, ny, nz = (1 if n == 1 else fft.next_fast_len(2 * n - 1, real=True) for n in shape)
    return nx, ny, nz


def extend(values: Array, axis: int, length: int, sign: float) -> Array:
    """Append zeros and the mirrored lags n - 1 ... 1, times `sign`, up to `length` along `axis`."""
    n = values.shape[axis]
    if length < 2 * n - 1:
        raise ValueError(f"transform length {length} is below {2 * n - 1}, which {n} cells need")
    result = np.zeros((*values.shape[:axis], length, *values.shape[axis + 1 :]))
    moved = np.moveaxis(result, axis, 0)
    source = np.moveaxis(values, axis, 0)
    moved[:n] = source
    moved[length - n + 1 :] = sign * source[:0:-1]
    return result


def _stages(distance: Array) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield (points per axis, flat indices of the cells) for each quadrature stage that some cells fall into."""
    bounds = [start for start, _ in QUADRATURE_STAGES] + [np.inf]
    for (start, points), stop in zip(QUADRATURE_STAGES, bounds[1:], strict=True):
        cells = np.flatnonzero((distance >= start) & (distance < stop))
        if cells.size:
            yield points, cells


def _fill_near(tensor: Array, near: NDArray[np.bool_], cell: Lengths) -> None:
    """Newell's differences for the smallest box that holds all `near` lags."""
    size = [int(index.max()) + 1 for index in np.nonzero(near)]
    # Corners lie at multiples of the cell edges; one more than the lags on the upper side, lag -1 by symmetry.
    corner = [np.arange(n + 1, dtype=np.longdouble) * np.longdouble(d) for n, d in zip(size, cell, strict=True)]
    grid = [corner[0][:, None, None], corner[1][None, :, None], corner[2][None, None, :]]
    for row, name in enumerate(COMPONENTS):
        first, second = AXES[name]
        rest = [axis for axis in range(3) if axis not in (first, second)]
        if first == second:
            value = _newell_f(grid[first], grid[rest[0]], grid[rest[1]])
        else:
            value = _newell_g(grid[first], grid[second], grid[rest[0]])
        for axis in range(3):
            value = _second_difference(value, axis, -1 if first != second and axis in (first, second) else 1)
        tensor[row, : size[0], : size[1], : size[2]] = -value / (4 * np.longdouble(np.pi))


def _second_difference(value: NDArray, axis: int, sign: int) -> NDArray:
    """Second difference at 0 ... n - 1 of values at 0 ... n, with value(-1) = sign * value(1)."""
    v = np.moveaxis(value, axis, 0)
    below = np.concatenate([sign * v[1:2], v[:-2]])
    return np.moveaxis((v[1:] - v[:-1]) - (v[:-1] - below), 0, axis)


def _ratio(numerator: NDArray, denominator: NDArray) -> NDArray:
    """Quotient, with 0 where the denominator is 0: every such term carries a vanishing factor."""
    return numerator / np.where(denominator == 0, 1, denominator) * (denominator != 0)


def _newell_f(x: NDArray, y: NDArray, z: NDArray) -> NDArray:
    """Newell's f for non-negative arguments (their equation 27); even along all axes."""
    r = np.sqrt(x * x + y * y + z * z)
    return (
        y * (z * z - x * x) * np.arcsinh(_ratio(y, np.sqrt(x * x + z * z))) / 2
        + z * (y * y - x * x) * np.arcsinh(_ratio(z, np.sqrt(x * x + y * y))) / 2
        - x * y * z * np.arctan(_ratio(y * z, x * r))
        + (2 * x * x - y * y - z * z) * r / 6
    )


def _newell_g(x: NDArray, y: NDArray, z: NDArray) -> NDArray:
    """Newell's g for non-negative arguments (their equation 32); odd along x and y, even along z."""
    r = np.sqrt(x * x + y * y + z * z)
    return (
        x * y * z * np.arcsinh(_ratio(z, np.sqrt(x * x + y * y)))
        + y * (3 * z * z - y * y) * np.arcsinh(_ratio(x, np.sqrt(y * y + z * z))) / 6
        + x * (3 * z * z - x * x) * np.arcsinh(_ratio(y, np.sqrt(x * x + z * z))) / 6
        - z**3 * np.arctan(_ratio(x * y, z * r)) / 6
        - z * y * y * np.arctan(_ratio(x * z, y * r)) / 2
        - z * x * x * np.arctan(_ratio(y * z, x * r)) / 2
        - x * y * r / 3
    )


@lru_cache
def triangle_rule(points: int) -> tuple[Array, Array]:
    """Gauss quadrature for the weight 1 - |t| on [-1, 1]; the weights sum to one.

    The recurrence coefficients come from the Stieltjes procedure on a discrete measure that is exact for all
    polynomials that occur; nodes and weights are the eigenpairs of the Jacobi matrix (Golub and Welsch).
    """
    half, half_weight = np.polynomial.legendre.leggauss(32)
    t = np.concatenate([(half - 1) / 2, (half + 1) / 2])
    weight = np.tile(half_weight / 2, 2) * (1 - np.abs(t))
    jacobi = np.zeros((points, points))  # its diagonal is zero, as the weight is even
    previous, current = np.zeros_like(t), np.ones_like(t)
    for k in range(1, points):
        following = t * current - (jacobi[k - 1, k - 2] * previous if k > 1 else 0.0)
        jacobi[k, k - 1] = jacobi[k - 1, k] = np.sqrt(np.sum(weight * following**2))
        previous, current = current, following / jacobi[k, k - 1]
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes, vectors[0] ** 2


def _beside_tensor(lag: list[Array], cell: Lengths, points: int, long_axis: int) -> Array:
    """Quadrature across the long axis, second difference along it.

    The twofold integral of 1/R along the axis is s asinh(s/rho) - R; its derivatives stand below.
    """
    a, b = (axis for axis in range(3) if axis != long_axis)
    nodes, weights = triangle_rule(points)
    result = np.zeros((6, lag[0].size))
    for t, weight_t in zip(nodes, weights, strict=True):
        for u, weight_u in zip(nodes, weights, strict=True):
            x, y = lag[a] + t * cell[a], lag[b] + u * cell[b]
            rho2 = x * x + y * y
            for step, count in ((-1, 1.0), (0, -2.0), (1, 1.0)):
                s = lag[long_axis] + step * cell[long_axis]
                r = np.sqrt(rho2 + s * s)
                factor = weight_t * weight_u * count * cell[a] * cell[b] / cell[long_axis] / (4 * np.pi)
                across, bend = factor * r / rho2, factor * (1 / r - 2 * r / rho2) / rho2
                _add(result, a, a, across + bend * x * x)
                _add(result, b, b, across + bend * y * y)
                _add(result, a, b, bend * x * y)
                _add(result, a, long_axis, factor * s * x / (rho2 * r))
                _add(result, b, long_axis, factor * s * y / (rho2 * r))
                _add(result, long_axis, long_axis, -factor / r)
    return result


def _far_tensor(lag: list[Array], cell: Lengths, points: int) -> Array:
    """Quadrature of the dipole field along all axes."""
    nodes, weights = triangle_rule(points)
    result = np.zeros((6, lag[0].size))
    for index in np.ndindex(points, points, points):
        p = [lag[axis] + nodes[i] * cell[axis] for axis, i in enumerate(index)]
        r2 = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
        factor = np.prod(weights[list(index)]) / (4 * np.pi) / (r2 * np.sqrt(r2))
        triple = 3 * factor / r2
        for row, name in enumerate(COMPONENTS):
            first, second = AXES[name]
            result[row] += (factor if first == second else 0.0) - triple * p[first] * p[second]
    return result


def _add(result: Array, first: int, second: int, values: Array) -> None:
    """Add `values` to the component with these two axes."""
    pair = (min(first, second), max(first, second))
    result[list(AXES.values()).index(pair)] += values
