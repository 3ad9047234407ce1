"""Stray field of a single layer magnetised in its plane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from lodestone.micromagnetics import planar_transform as transform
from lodestone.micromagnetics.newell import COMPONENTS, demag_tensor, extend

Lengths = tuple[float, float, float]


def field_spectra(ny: int, nx: int, cell_size: Lengths, padded: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    """Return the transforms of the tensor that turns in-plane moments into their stray field.

    The field along m at each cell, -m (N_xx + N_yy)(self)/2, exerts no torque; it is left out so that what remains is
    small and can be held fixed while the moments turn.

    Parameters
    ----------
    ny, nx : int
        Cells of the layer.
    cell_size : (dx, dy, dz)
        Edges of a cell, any one unit.
    padded : (py, px)
        Lengths of the transforms, at least 2 ny - 1 and 2 nx - 1.

    Returns
    -------
    dict
        ``xx``, ``yy``, ``xy``: real arrays (py, px) over wave numbers, in the order of numpy's transforms.
    """
    tensor = _tensor(nx, ny, cell_size)
    spectra = {name: -_spectrum(values[:nx, :ny], name, padded[::-1]) for name, values in tensor.items()}
    # The mean over k is exactly the tensor at lag zero.
    own = (spectra["xx"] + spectra["yy"]).mean() / 2
    return {"xx": spectra["xx"] - own, "yy": spectra["yy"] - own, "xy": spectra["xy"]}


_tensors: dict[Lengths, dict[str, NDArray]] = {}


def _tensor(nx: int, ny: int, cell_size: Lengths) -> dict[str, NDArray]:
    """In-plane components at lags of at least nx and ny cells; one tensor serves all smaller rectangles of a layer."""
    known = _tensors.get(cell_size)
    if known is None or known["xx"].shape[0] < nx or known["xx"].shape[1] < ny:
        lags = (nx, ny) if known is None else (max(nx, known["xx"].shape[0]), max(ny, known["xx"].shape[1]))
        tensor = demag_tensor((*lags, 1), cell_size)[..., 0]
        known = {name: tensor[COMPONENTS.index(name)] for name in ("xx", "yy", "xy")}
        _tensors[cell_size] = known
    return known


def _spectrum(lags: NDArray, name: str, padded: tuple[int, int]) -> NDArray:
    """Transform, (py, px), of a component extended to negative lags: even, or odd along both axes for xy."""
    extended = lags
    for axis in (0, 1):
        extended = extend(extended, axis, padded[axis], -1.0 if name == "xy" else 1.0)
    return fft.fft2(extended.T).real


@dataclass(frozen=True)
class _Plan:
    """What the transforms of one size of layer share; arrays are described in `planar_transform`."""

    plan_y: NDArray
    plan_x: NDArray
    table_y: NDArray
    table_x: NDArray
    pairs: NDArray
    kernel: NDArray


@lru_cache(maxsize=256)
def _plan(ny: int, nx: int, cell_size: Lengths, dtype: str) -> _Plan:
    """Plan of a layer: wave numbers along y are halved and padded to whole vectors, those along x permuted."""
    py, px = transform.padded_length(ny), transform.padded_length(nx)
    plan_y, plan_x = transform.radices(py), transform.radices(px)
    width = transform.VECTOR_BYTES // np.dtype(dtype).itemsize
    lanes = -(-(py // 2 + 1) // width) * width
    ky = np.minimum(np.arange(lanes), py // 2)  # the last one again where nothing is left
    row = transform.positions(plan_y)
    order = np.argsort(transform.positions(plan_x))
    spectra = field_spectra(ny, nx, cell_size, (py, px))
    # Half, since twice the components are separated; the rest is the norm of the transforms back.
    stack = np.stack([spectra[name][ky][:, order] for name in ("xx", "xy", "yy")]) / (2 * py * px)
    kernel = stack.reshape(3, lanes // width, width, px).transpose(1, 3, 0, 2)
    stored = transform.aligned((kernel.size,), dtype)
    stored[:] = kernel.ravel()
    table_y, table_x = (transform.twiddle_factors(plan, dtype) for plan in (plan_y, plan_x))
    return _Plan(plan_y, plan_x, table_y, table_x, np.stack([row[ky], row[-ky % py]], -1), stored)


class PlanarStrayField:
    """Stray field, over M_s, of the in-plane magnetisation of one layer.

    Parameters
    ----------
    ny, nx : int
        Cells of the layer.
    cell_size : (dx, dy, dz)
        Edges of a cell, any one unit.
    dtype : str
        Precision of the transforms, ``float32`` or ``float64``.
    """

    def __init__(self, ny: int, nx: int, cell_size: Lengths, dtype: str) -> None:
        self._plan = plan = _plan(ny, nx, cell_size, np.dtype(dtype).name)
        width = transform.VECTOR_BYTES // np.dtype(dtype).itemsize
        columns, lanes = -(-nx // width) * width, plan.pairs.shape[0]
        rows_y, rows_x = int(np.prod(plan.plan_y)), int(np.prod(plan.plan_x))
        # The first and last butterflies pass over half of the padded length; what is beyond the layer stays zero.
        self._z = transform.aligned((2, max(ny, rows_y // 2), columns), dtype)
        self._back = transform.aligned((2, max(ny, rows_y // 2), columns), dtype)
        self._waves, self._fields = (transform.aligned((4, max(columns, rows_x // 2), lanes), dtype) for _ in range(2))
        self._buffers = transform.aligned((4, max(rows_y, rows_x) * width), dtype)
        self._tile = transform.aligned((4 * width * width,), dtype)

    def __call__(self, s: NDArray, c: NDArray, bx: NDArray, by: NDArray) -> None:
        """Write the field of (s, c) into bx, by; all arrays are (ny + 2, nx + 2) with ghost cells."""
        plan = self._plan
        transform.convolve(
            s, c, bx, by, plan.plan_y, plan.plan_x, plan.table_y, plan.table_x, plan.pairs, plan.kernel,
            self._z, self._back, self._waves, self._fields, self._buffers, self._tile,
        )  # fmt: skip
