"""A plain solver to measure against: Barzilai-Borwein steepest descent in double precision, one field after another.

Independent of the package's in-plane solver but for the demagnetising tensor. In the same run on the same machine it
says what a straightforward program takes; its evaluations can be compared with those that other codes report.
"""

import numba
import numpy as np
from scipy import fft

from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.newell import demag_spectrum, padded_shape


@numba.njit(cache=True, fastmath=True)
def gradient_of(phi, axis, hx, hy, field, exchange, anisotropy, out):
    """dE/dphi over mu0 M_s^2 and its largest magnitude."""
    ny, nx = phi.shape
    largest = 0.0
    for i in range(ny):
        for j in range(nx):
            p = phi[i, j]
            g = anisotropy * np.sin(2 * (p - axis[i, j])) - hx[i, j] * np.cos(p) + (hy[i, j] + field) * np.sin(p)
            if i > 0:
                g += exchange * np.sin(p - phi[i - 1, j])
            if i < ny - 1:
                g += exchange * np.sin(p - phi[i + 1, j])
            if j > 0:
                g += exchange * np.sin(p - phi[i, j - 1])
            if j < nx - 1:
                g += exchange * np.sin(p - phi[i, j + 1])
            out[i, j] = g
            largest = max(largest, abs(g))
    return largest


class PlainDescent:
    """Demagnetisation curve of a layer (ny, nx) magnetised in its plane."""

    def __init__(self, axis_angle_rad, material, cell_size_nm):
        ny, nx = axis_angle_rad.shape
        self.axis, self.ms_T = np.asarray(axis_angle_rad, float), material.mu0_Ms_T
        scale = material.mu0_Ms_T**2 / MU0
        self.exchange = 2 * material.A_J_m / (scale * (cell_size_nm[0] * 1e-9) ** 2)
        self.anisotropy = material.K1_J_m3 / scale
        spectrum = demag_spectrum((nx, ny, 1), cell_size_nm)
        self.xx, self.xy, self.yy = spectrum[0, 0], spectrum[1, 0], spectrum[3, 0]
        self.padded = padded_shape((nx, ny, 1))[1::-1]
        self.evaluations = 0

    def gradient(self, phi, field):
        """Gradient and largest torque over M_s."""
        self.evaluations += 1
        ny, nx = phi.shape
        mx, my = fft.rfft2(np.stack([np.sin(phi), np.cos(phi)]), self.padded)
        waves = np.stack([-(self.xx * mx + self.xy * my), -(self.xy * mx + self.yy * my)])
        h = fft.irfft2(waves, self.padded)[:, :ny, :nx]
        out = np.empty_like(phi)
        return out, gradient_of(phi, self.axis, h[0], h[1], field, self.exchange, self.anisotropy, out)

    def curve(self, fields_T, tolerance):
        """Magnetisation along the field over M_s at each field."""
        phi = np.zeros_like(self.axis)
        values = []
        for field in np.asarray(fields_T) / self.ms_T:
            phi = self.minimise(phi, field, tolerance)
            values.append(np.cos(phi).mean())
        return np.array(values)

    def minimise(self, phi, field, tolerance):
        """Alternate the two Barzilai-Borwein steps until the torque is below the tolerance."""
        g, torque = self.gradient(phi, field)
        step, count = 0.05, 0
        while torque > tolerance:
            turned = phi - step * g
            following, torque = self.gradient(turned, field)
            s, y = turned - phi, following - g
            sy = (s * y).sum()
            ratio = (s * s).sum() / sy if count % 2 else sy / (y * y).sum()
            step = min(max(ratio, 1e-3), 2.0) if sy > 0 else 0.1
            phi, g, count = turned, following, count + 1
        return phi
