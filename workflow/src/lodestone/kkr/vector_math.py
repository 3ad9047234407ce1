"""Logarithm, exponential and sine that a loop over float32 lanes can take 16 at a time; numba calls none that do.

Each is a polynomial on a short range, with the exponent of the number handled by its bits (as in the Cephes library's
single-precision functions); the relative error is below 3e-7, the precision of float32.
"""

# mypy: ignore-errors
from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = np.float32
LN2 = F(np.log(2.0))
INVERSE_LN2 = F(1.0 / np.log(2.0))


@intrinsic
def bits_of(typingctx, value):
    """Return the 32 bits of a float32 as an int32."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(32))

    return types.int32(types.float32), codegen


@intrinsic
def float_of(typingctx, value):
    """Return the float32 that has the bits of an int32."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), codegen


# Coefficients of atanh's series: ln m = 2 (s + s^3/3 + ...), s = (m - 1)/(m + 1), |s| < 0.172 for m in (0.707, 1.415).
L3, L5, L7, L9 = F(2 / 3), F(2 / 5), F(2 / 7), F(2 / 9)
SQRT_HALF_BITS = np.int32(np.array([np.sqrt(0.5)], np.float32).view(np.int32)[0])
MANTISSA = np.int32(0x007FFFFF)


@numba.njit(inline="always", fastmath=True)
def log(x):
    """Natural logarithm of a positive normal float32."""
    bits = bits_of(x) - SQRT_HALF_BITS
    exponent = bits >> np.int32(23)
    mantissa = float_of(np.int32((bits & MANTISSA) + SQRT_HALF_BITS))
    s = (mantissa - F(1)) / (mantissa + F(1))
    t = s * s
    return s * (F(2) + t * (L3 + t * (L5 + t * (L7 + t * L9)))) + F(exponent) * LN2


E2, E3, E4, E5, E6 = F(1 / 2), F(1 / 6), F(1 / 24), F(1 / 120), F(1 / 720)
SMALLEST = F(-80.0)


@numba.njit(inline="always", fastmath=True)
def exp_negative(x):
    """Exponential of a float32 that is not positive; what lies below -80 counts as -80."""
    x = max(x, SMALLEST)
    number = np.int32(x * INVERSE_LN2 - F(0.5))
    rest = x - F(number) * LN2
    series = F(1) + rest * (F(1) + rest * (E2 + rest * (E3 + rest * (E4 + rest * (E5 + rest * E6)))))
    return series * float_of(np.int32((number + np.int32(127)) << np.int32(23)))


P1, P3, P5, P7, P9 = (F(c) for c in (np.pi, -(np.pi**3) / 6, np.pi**5 / 120, -(np.pi**7) / 5040, np.pi**9 / 362880))
Q2, Q4, Q6, Q8, Q10 = (
    F(c) for c in (-(np.pi**2) / 2, np.pi**4 / 24, -(np.pi**6) / 720, np.pi**8 / 40320, -(np.pi**10) / 3628800)
)


@numba.njit(inline="always", fastmath=True)
def circle(u):
    """Cosine and sine of 2 pi u for u from -0.5 to 0.5, by the half angle."""
    t = u * u
    s = u * (P1 + t * (P3 + t * (P5 + t * (P7 + t * P9))))
    c = F(1) + t * (Q2 + t * (Q4 + t * (Q6 + t * (Q8 + t * Q10))))
    return F(1) - F(2) * s * s, F(2) * s * c
