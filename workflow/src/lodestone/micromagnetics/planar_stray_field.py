"""Stray field of a single layer magnetised in its plane, by one complex transform forth and one back."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from lodestone.micromagnetics import planar_kernels as kernels
from lodestone.micromagnetics.newell import COMPONENTS, demag_tensor, extend

Lengths = tuple[float, float, float]


@lru_cache(maxsize=256)
def packed_kernel(ny: int, nx: int, cell_size: Lengths, dtype: str) -> tuple[NDArray, NDArray]:
    """Kernels a(k), b(k) of the packed field h_x + i h_y = F^-1[a Z(k) + b conj(Z(-k))] + m-parallel part.

    With z = m_x + i m_y and H = -N M, a = -(N_xx + N_yy)/2 and b = -(N_xx - N_yy)/2 - i N_xy. The field along m at
    each cell, -z (N_xx + N_yy)(self)/2, exerts no torque; it is left out so that what remains is small and can be held
    fixed while the moments turn.

    Parameters
    ----------
    ny, nx : int
        Cells of the layer.
    cell_size : (dx, dy, dz)
        Edges of a cell, any one unit.
    dtype : str
        ``float32`` or ``float64``.

    Returns
    -------
    even : ndarray, (py, px), real
    odd : ndarray, (py, px), complex
    """
    px, py = (fft.next_fast_len(2 * n - 1) for n in (nx, ny))
    xx, yy, xy = (_spectrum(values[:nx, :ny], name, (px, py)) for name, values in _tensor(nx, ny, cell_size).items())
    # Self term of a square column is 1/2; the mean over k is exactly the tensor at lag zero.
    even = -(xx + yy) / 2
    even -= even.mean()
    complex_dtype = np.result_type(dtype, np.complex64)
    return even.astype(dtype), (-(xx - yy) / 2 - 1j * xy).astype(complex_dtype)


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
        self._even, self._odd = packed_kernel(ny, nx, cell_size, dtype)
        py, px = self._even.shape
        self._cells = (ny, nx)
        self._rows = np.zeros((ny, px), self._odd.dtype)
        self._product = np.zeros((py, px), self._odd.dtype)

    def __call__(self, s: NDArray, c: NDArray, bx: NDArray, by: NDArray) -> None:
        """Write the field of (s, c) into bx, by; all arrays are (ny + 2, nx + 2) with ghost cells."""
        ny, nx = self._cells
        py = self._even.shape[0]
        kernels.pack(s, c, self._rows)
        # Only ny of the py rows hold anything: transform those along x first, and come back the other way round.
        waves = fft.fft(fft.fft(self._rows, axis=1), py, axis=0, overwrite_x=True)
        kernels.multiply(waves, self._even, self._odd, self._product)
        columns = fft.ifft(self._product, axis=0, overwrite_x=True)[:ny]
        kernels.unpack(fft.ifft(columns, axis=1, overwrite_x=True)[:, :nx], bx, by)
