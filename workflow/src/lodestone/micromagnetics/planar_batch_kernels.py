"""Tensor operations of the in-plane solver for many layers at once.

The same quantities as in `planar_kernels`: the magnetisation of a cell is (s, c) = (sin phi, cos phi), phi counted from
+y towards +x, energies are over mu0 M_s^2 times the cell volume and fields over M_s. Arrays are (batch, ny, nx); a
missing neighbour is a zero. Every function is free of data-dependent control flow, so that a compiler can fuse it
into one or two passes over the memory; sums over a layer are taken in double precision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy import fft
from torch import Tensor
from torch.nn.functional import pad

from lodestone.micromagnetics.planar_stray_field import field_spectra

CELLS = (-2, -1)
# Chebyshev sweeps of the Newton step of the local energy, and the smallest eigenvalue they aim at.
NEWTON_SWEEPS, NEWTON_LEAST = 4, 0.2
NEWTON_SHIFT, NEWTON_FLOOR = 0.05, 0.3  # of the local curvature, so that the step is bounded in soft directions
FLOW_SWEEPS, FLOW_LEAST = 3, 0.3  # the damped matrix is well conditioned


def per_layer(values: Tensor) -> Tensor:
    """View (batch,) as (batch, 1, 1)."""
    return values[:, None, None]


def total(values: Tensor) -> Tensor:
    """Sum over each layer, (batch,), float64."""
    return values.sum(CELLS, dtype=torch.float64)


def neighbour_sum(a: Tensor) -> Tensor:
    """Sum over the four neighbours of every cell."""
    p = pad(a, (1, 1, 1, 1))
    return p[:, :-2, 1:-1] + p[:, 2:, 1:-1] + p[:, 1:-1, :-2] + p[:, 1:-1, 2:]


def torque_and_curvature(
    s: Tensor, c: Tensor, kc: Tensor, ks: Tensor, bx: Tensor, by: Tensor, field: Tensor, exchange: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradient dE/dphi, its local derivative without exchange, and the energy of every cell."""
    h = per_layer(field)
    sx, sc = neighbour_sum(s), neighbour_sum(c)
    s2, c2 = 2 * s * c, c * c - s * s
    anisotropy, stray, zeeman = c2 * kc + s2 * ks, bx * s + by * c, h * c
    gradient = exchange * (s * sc - c * sx) + (s2 * kc - c2 * ks) - bx * c + (by + h) * s
    energy = -(0.5 * (exchange * (s * sx + c * sc) + anisotropy + stray) + zeeman)
    return gradient, 2 * anisotropy + stray + zeeman, energy


def evaluate(
    s: Tensor, c: Tensor, kc: Tensor, ks: Tensor, bx: Tensor, by: Tensor, field: Tensor, exchange: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradient, curvature (both per cell), energy (float64) and largest torque of each layer."""
    gradient, curvature, energy = torque_and_curvature(s, c, kc, ks, bx, by, field, exchange)
    return gradient, curvature, total(energy), gradient.abs().amax(CELLS)


def couplings(s: Tensor, c: Tensor, exchange: float) -> tuple[Tensor, Tensor]:
    """Positive bonds of the local Hessian along x (batch, ny, nx + 1) and y (batch, ny + 1, nx), zero at the border."""
    right = (s[:, :, 1:] * s[:, :, :-1] + c[:, :, 1:] * c[:, :, :-1]).clamp_min(0) * exchange
    down = (s[:, 1:] * s[:, :-1] + c[:, 1:] * c[:, :-1]).clamp_min(0) * exchange
    return pad(right, (1, 1)), pad(down, (0, 0, 1, 1))


def local_inverse(
    right: Tensor, down: Tensor, curvature: Tensor, damping: Tensor | float, floor: Tensor | float
) -> Tensor:
    """Inverse diagonal of the local Hessian, made positive definite by the floor of its curvature."""
    bonds = right[:, :, 1:] + right[:, :, :-1] + down[:, 1:] + down[:, :-1]
    damped = curvature + damping
    return 1 / (bonds + (damped.clamp_min(floor) if isinstance(floor, float) else torch.maximum(damped, floor)))


def sweep(
    right: Tensor, down: Tensor, inverse: Tensor, gradient: Tensor, x: Tensor, change: Tensor, a: float, b: float
) -> tuple[Tensor, Tensor]:
    """One sweep of a Chebyshev iteration: the next solution and the last change."""
    p = pad(x, (1, 1, 1, 1))
    pulled = (
        right[:, :, 1:] * p[:, 1:-1, 2:]
        + right[:, :, :-1] * p[:, 1:-1, :-2]
        + down[:, 1:] * p[:, 2:, 1:-1]
        + down[:, :-1] * p[:, :-2, 1:-1]
    )
    change = a * change + b * (inverse * (gradient + pulled) - x)
    return x + change, change


def coefficients(least: float, sweeps: int) -> list[tuple[float, float]]:
    """Factors (a, b) of Chebyshev sweeps for a scaled matrix with eigenvalues in [least, 2 - least].

    Eigenvalues outside it, which are in (0, 2), leave the polynomial positive: the operator is positive definite
    whatever the matrix.
    """
    radius = 1 - least
    rho, factors = radius, []
    for _ in range(sweeps):
        following = 1 / (2 / radius - rho)
        factors.append((following * rho, 2 * following / radius))
        rho = following
    return factors


def solve_local(
    right: Tensor, down: Tensor, inverse: Tensor, gradient: Tensor, factors: list[tuple[float, float]]
) -> Tensor:
    """Approximate (local Hessian)^-1 gradient by a fixed polynomial, so by a symmetric positive operator."""
    x = change = inverse * gradient
    for a, b in factors:
        x, change = sweep(right, down, inverse, gradient, x, change, a, b)
    return x


def rotate(s: Tensor, c: Tensor, turn: Tensor, cap: float) -> tuple[Tensor, Tensor]:
    """Turn each moment by 2 atan(q/2), q = turn clipped to +-cap, and back to length one."""
    t = 0.5 * turn.clamp(-cap, cap)
    norm = 1 / (1 + t * t)
    cosine, sine = (1 - t * t) * norm, 2 * t * norm
    sn, cn = s * cosine + c * sine, c * cosine - s * sine
    fix = 1.5 - 0.5 * (sn * sn + cn * cn)  # a Newton step towards length one: rounding must not add up
    return sn * fix, cn * fix


def flow_step(
    moments: tuple[Tensor, Tensor],
    surroundings: tuple[Tensor, Tensor, Tensor, Tensor],
    field: Tensor,
    exchange: float,
    time_step: Tensor,
    cap: float,
    free: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One linearly implicit Euler step of d phi/dt = -dE/dphi; a time step of zero leaves a layer as it is.

    ``surroundings`` are kc, ks, bx, by; the stray field bx, by is held, and so are cells where ``free`` is zero.
    """
    s, c = moments
    gradient, curvature, _ = torque_and_curvature(s, c, *surroundings, field, exchange)
    right, down = couplings(s, c, exchange)
    rate = per_layer(1 / time_step.clamp_min(1e-6))
    inverse = local_inverse(right, down, curvature, rate, rate * 0.5)
    if free is not None:
        inverse = inverse * free
    turn = -solve_local(right, down, inverse, gradient, coefficients(FLOW_LEAST, FLOW_SWEEPS))
    return rotate(s, c, turn * per_layer((time_step > 0).to(turn.dtype)), cap)


def newton_step(q: Tensor, s: Tensor, c: Tensor, curvature: Tensor, exchange: float) -> Tensor:
    """Newton step of the local energy (exchange, anisotropy, Zeeman) for a gradient q."""
    right, down = couplings(s, c, exchange)
    inverse = local_inverse(right, down, curvature, NEWTON_SHIFT, NEWTON_FLOOR)
    return solve_local(right, down, inverse, q, coefficients(NEWTON_LEAST, NEWTON_SWEEPS))


def field_product(xx: Tensor, yy: Tensor, xy: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Product of the kernels with the transformed moments, all as real arrays."""
    return xx * x + xy * y, xy * x + yy * y


@dataclass(frozen=True)
class Operations:
    """The operations on cells, plain or each compiled into few passes over the memory."""

    evaluate: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]] = evaluate
    newton_step: Callable[..., Tensor] = newton_step
    flow_step: Callable[..., tuple[Tensor, Tensor]] = flow_step
    rotate: Callable[..., tuple[Tensor, Tensor]] = rotate

    @classmethod
    def fused(cls) -> Operations:
        """Return operations that are compiled when they are first called."""
        return cls(
            torch.compile(evaluate),
            torch.compile(newton_step),
            torch.compile(flow_step, dynamic=True),  # windows come in several sizes
            torch.compile(rotate),
        )


def can_fuse(device: torch.device, log: logging.Logger) -> bool:
    """Whether this machine can compile for the device (it needs Triton or a C++ compiler); says so in the log."""
    sample = torch.ones(2, 4, 4, device=device)
    try:
        torch.compile(rotate)(sample, sample, sample, 0.5)
    except RuntimeError as error:
        log.warning("torch.compile: %s; plain operations instead, several times slower", str(error).splitlines()[0])
        return False
    return True


class StrayField:
    """Stray field, over M_s, of layers magnetised in their plane, without its part along m."""

    def __init__(
        self, ny: int, nx: int, cell_size: tuple[float, float, float], device: torch.device, fuse: bool = False
    ) -> None:
        self._product = torch.compile(field_product) if fuse else field_product
        self.cells, self.padded = (ny, nx), (fft.next_fast_len(2 * ny - 1), fft.next_fast_len(2 * nx - 1))
        spectra = field_spectra(ny, nx, cell_size, self.padded)
        parts = (spectra[name][:, : self.padded[1] // 2 + 1] for name in ("xx", "yy", "xy"))
        # A last axis for the real and imaginary parts that they multiply.
        self._xx, self._yy, self._xy = (
            torch.tensor(part[..., None], dtype=torch.float32, device=device) for part in parts
        )

    def __call__(self, s: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Field (bx, by) of moments (batch, ny, nx)."""
        waves = (torch.view_as_real(self._forward(a)) for a in (s, c))
        x, y = self._product(self._xx, self._yy, self._xy, *waves)
        return self._back(torch.view_as_complex(x)), self._back(torch.view_as_complex(y))

    def _forward(self, a: Tensor) -> Tensor:
        """Only ny rows hold anything: transform them along x first."""
        rows = torch.fft.rfft(a, n=self.padded[1], dim=2)
        return torch.fft.fft(rows, n=self.padded[0], dim=1)

    def _back(self, waves: Tensor) -> Tensor:
        """Only ny rows are wanted: come back along y first."""
        rows = torch.fft.ifft(waves, dim=1)[:, : self.cells[0]]
        return torch.fft.irfft(rows, n=self.padded[1], dim=2)[:, :, : self.cells[1]]
