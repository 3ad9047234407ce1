"""Vector instructions for compiled loops: complex numbers in split storage, 32 bytes of each part at a time.

Numba's own vectoriser cannot tell that the rows of a buffer do not overlap, and gives up on Fourier transforms along
columns. The code generated here names the vectors itself; LLVM turns them into what the processor has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types

VECTOR_BYTES = 32  # of single precision: eight numbers
_FAST = ("fast",)
_INDEX = ir.IntType(32)


class Complex:
    """Two vectors, real and imaginary parts, whose arithmetic emits instructions."""

    def __init__(self, builder: ir.IRBuilder, re: ir.Value, im: ir.Value) -> None:
        self.builder, self.re, self.im = builder, re, im

    def __add__(self, other: Complex) -> Complex:
        """Sum."""
        add = self.builder.fadd
        return Complex(self.builder, add(self.re, other.re, flags=_FAST), add(self.im, other.im, flags=_FAST))

    def __sub__(self, other: Complex) -> Complex:
        """Difference."""
        subtract = self.builder.fsub
        return Complex(self.builder, subtract(self.re, other.re, flags=_FAST), subtract(self.im, other.im, flags=_FAST))

    def __mul__(self, factor: float | Complex) -> Complex:
        """Product with a real constant or with another complex vector."""
        b = self.builder
        if isinstance(factor, Complex):
            rr, ii = b.fmul(self.re, factor.re, flags=_FAST), b.fmul(self.im, factor.im, flags=_FAST)
            ri, ir_ = b.fmul(self.re, factor.im, flags=_FAST), b.fmul(self.im, factor.re, flags=_FAST)
            return Complex(b, b.fsub(rr, ii, flags=_FAST), b.fadd(ri, ir_, flags=_FAST))
        constant = ir.Constant(self.re.type, [float(factor)] * self.re.type.count)
        return Complex(b, b.fmul(self.re, constant, flags=_FAST), b.fmul(self.im, constant, flags=_FAST))

    def conjugate(self) -> Complex:
        """Complex conjugate."""
        return Complex(self.builder, self.re, self.builder.fneg(self.im, flags=_FAST))

    def times_i(self) -> Complex:
        """Product with the imaginary unit."""
        return Complex(self.builder, self.builder.fneg(self.im, flags=_FAST), self.re)

    def times_minus_i(self) -> Complex:
        """Product with minus the imaginary unit."""
        return Complex(self.builder, self.im, self.builder.fneg(self.re, flags=_FAST))


class Real:
    """One vector, whose arithmetic with others and with constants emits instructions."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def __add__(self, other: Real) -> Real:
        """Sum."""
        return Real(self.builder, self.builder.fadd(self.value, other.value, flags=_FAST))

    def __sub__(self, other: Real) -> Real:
        """Difference."""
        return Real(self.builder, self.builder.fsub(self.value, other.value, flags=_FAST))

    def __mul__(self, other: Real) -> Real:
        """Product."""
        return Real(self.builder, self.builder.fmul(self.value, other.value, flags=_FAST))

    def constant(self, number: float) -> Real:
        """Return a number in all places."""
        return Real(self.builder, ir.Constant(self.value.type, [float(number)] * self.value.type.count))

    def reciprocal(self) -> Real:
        """One over the vector."""
        return Real(self.builder, self.builder.fdiv(self.constant(1).value, self.value, flags=_FAST))

    def at_least(self, other: Real) -> Real:
        """Return the greater one, place by place."""
        return self._chosen(">", other)

    def at_most(self, other: Real) -> Real:
        """Return the smaller one, place by place."""
        return self._chosen("<", other)

    def _chosen(self, relation: str, other: Real) -> Real:
        holds = self.builder.fcmp_ordered(relation, self.value, other.value, flags=_FAST)
        return Real(self.builder, self.builder.select(holds, self.value, other.value))


class Array:
    """Data of a C-contiguous array argument of a compiled function."""

    def __init__(self, context: Any, builder: ir.IRBuilder, kind: types.Array, value: ir.Value) -> None:
        self.builder = builder
        self._data = context.make_array(kind)(context, builder, value).data
        number: Any = kind.dtype
        self._bytes = number.bitwidth // 8
        self.count = VECTOR_BYTES // self._bytes
        self._vector = ir.VectorType(context.get_value_type(number), self.count)

    def load(self, at: ir.Value) -> ir.Value:
        """Vector that starts at an element."""
        value = self.builder.load(self._pointer(at))
        value.align = self._bytes
        return value

    def store(self, value: ir.Value, at: ir.Value) -> None:
        """Write a vector to where it starts."""
        self.builder.store(value, self._pointer(at)).align = self._bytes

    def spread(self, at: ir.Value) -> ir.Value:
        """Vector with one element in all places."""
        return self.filled(self.builder.load(self.builder.gep(self._data, [at])))

    def filled(self, element: ir.Value) -> ir.Value:
        """Vector with a number in all places."""
        nothing = ir.Constant(self._vector, ir.Undefined)
        first = self.builder.insert_element(nothing, element, ir.Constant(_INDEX, 0))
        return shuffled(self.builder, first, nothing, [0] * self.count)

    def _pointer(self, at: ir.Value) -> ir.Value:
        return self.builder.bitcast(self.builder.gep(self._data, [at]), self._vector.as_pointer())


def shuffled(builder: ir.IRBuilder, a: ir.Value, b: ir.Value, order: Sequence[int]) -> ir.Value:
    """Vector of the elements of a, counted from 0, and of b, counted on."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INDEX, len(order)), list(order)))


def element(builder: ir.IRBuilder, base: ir.Value, step: ir.Value, number: int) -> ir.Value:
    """Index ``base + number * step``."""
    return builder.add(base, builder.mul(step, ir.Constant(step.type, number)))


def transposed(builder: ir.IRBuilder, rows: Sequence[ir.Value]) -> list[ir.Value]:
    """Rows of the transpose of a square of as many vectors as each has elements."""
    size, rows = len(rows), list(rows)
    stride = size // 2
    while stride:
        low = [j if not j & stride else j - stride + size for j in range(size)]
        high = [j + stride if not j & stride else j + size for j in range(size)]
        for r in (r for r in range(size) if not r & stride):
            upper, lower = rows[r], rows[r + stride]
            rows[r] = shuffled(builder, upper, lower, low)
            rows[r + stride] = shuffled(builder, upper, lower, high)
        stride //= 2
    return rows


def fourier(z: Sequence[Any]) -> list[Any]:
    """Discrete Fourier transform of 2, 3, 4, 5 or 8 values, which may be numbers with the methods of `Complex`."""
    return _TRANSFORMS[len(z)](z)


def _fourier_2(z: Sequence[Any]) -> list[Any]:
    return [z[0] + z[1], z[0] - z[1]]


def _fourier_3(z: Sequence[Any]) -> list[Any]:
    total, turned = z[1] + z[2], ((z[1] - z[2]) * math.sqrt(0.75)).times_minus_i()
    middle = z[0] + total * -0.5
    return [z[0] + total, middle + turned, middle - turned]


def _fourier_4(z: Sequence[Any]) -> list[Any]:
    a, b, c, d = z[0] + z[2], z[0] - z[2], z[1] + z[3], (z[1] - z[3]).times_minus_i()
    return [a + c, b + d, a - c, b - d]


def _fourier_5(z: Sequence[Any]) -> list[Any]:
    (c1, s1), (c2, s2) = ((math.cos(k * math.tau / 5), math.sin(k * math.tau / 5)) for k in (1, 2))
    a, b, c, d = z[1] + z[4], z[2] + z[3], z[1] - z[4], z[2] - z[3]
    first, second = z[0] + a * c1 + b * c2, z[0] + a * c2 + b * c1
    u, v = (c * s1 + d * s2).times_minus_i(), (c * s2 - d * s1).times_minus_i()
    return [z[0] + a + b, first + u, second + v, second - v, first - u]


def _fourier_8(z: Sequence[Any]) -> list[Any]:
    even, odd = _fourier_4(z[0::2]), _fourier_4(z[1::2])
    half = math.sqrt(0.5)
    turned = [
        odd[0],
        (odd[1] + odd[1].times_minus_i()) * half,
        odd[2].times_minus_i(),
        (odd[3].times_minus_i() - odd[3]) * half,
    ]
    pairs = list(zip(even, turned, strict=True))
    return [a + b for a, b in pairs] + [a - b for a, b in pairs]


_TRANSFORMS: dict[int, Callable[[Sequence[Any]], list[Any]]] = {
    2: _fourier_2,
    3: _fourier_3,
    4: _fourier_4,
    5: _fourier_5,
    8: _fourier_8,
}
RADICES = tuple(_TRANSFORMS)
