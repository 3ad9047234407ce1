"""Steps of the vectorised transforms, callable from compiled functions.

Every step works on one vector of columns. Arrays are C-contiguous; places in them are counted in elements from their
start, and nothing checks the bounds.
"""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from lodestone.micromagnetics.vector_code import RADICES, Array, Complex, Real, element, fourier, transposed

Builder: TypeAlias = ir.IRBuilder


def kernel_of(emit: Any, *kinds: str) -> Any:
    """Make an intrinsic without result from a function that emits its instructions.

    The arguments are arrays ("a"), places ("p") and numbers of the first array's type ("n"), which come as vectors.
    """

    def typed(typing_context: Any, *given: Any) -> Any:
        for argument, kind in zip(given, kinds, strict=True):
            if kind == "a" and not (isinstance(argument, types.Array) and argument.layout == "C"):
                raise TypingError(f"found {argument}, allowed are C-contiguous arrays")
        number = next(a for a in given if isinstance(a, types.Array)).dtype
        chosen = {"p": types.intp, "n": number}
        signature = types.void(*(chosen.get(kind, a) for a, kind in zip(given, kinds, strict=True)))

        def generated(context: Any, builder: Builder, signature: Any, arguments: Any) -> Any:
            values = list(zip(kinds, signature.args, arguments, strict=True))
            arrays = (Array(context, builder, t, v) for kind, t, v in values if kind == "a")
            first = next(arrays)
            rest = iter([first, *arrays])
            made = {"a": lambda v: next(rest), "p": lambda v: v, "n": lambda v: Real(builder, first.filled(v))}
            emit(builder, *(made[kind](value) for kind, _, value in values))
            return context.get_dummy_value()

        return signature, generated

    # Numba takes the number of arguments from the signature.
    names = ["typing_context", *(f"{kind}{i}" for i, kind in enumerate(kinds))]
    typed.__signature__ = Signature([Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names])  # type: ignore[attr-defined]
    return intrinsic(typed)


def butterflies(twiddles: str) -> Any:
    """Transform of as many rows as the first argument says, twiddle factors ``after`` it, ``before`` it or ``without``.

    The other arguments are real and imaginary parts, which are replaced, first row and step between rows; the table of
    the factors (re, im of every row but the first) and where to start in it.
    """

    def emit(b: Builder, radix: Any, re: Array, im: Array, first: Any, step: Any, table: Array, at: Any) -> None:
        for known in RADICES:
            with b.if_then(b.icmp_signed("==", radix, ir.Constant(radix.type, known))):
                places = [element(b, first, step, k) for k in range(known)]
                z = [Complex(b, re.load(place), im.load(place)) for place in places]
                z = fourier(_twiddled(b, z, table, at) if twiddles == "before" else z)
                for place, value in zip(places, _twiddled(b, z, table, at) if twiddles == "after" else z, strict=True):
                    re.store(value.re, place)
                    im.store(value.im, place)

    return kernel_of(emit, *"paappap")


def _twiddled(b: Builder, z: list[Complex], table: Array, at: Any) -> list[Complex]:
    one = ir.Constant(at.type, 1)
    parts = [table.spread(element(b, at, one, k)) for k in range(2 * len(z) - 2)]
    return [z[0], *(z[k] * Complex(b, *parts[2 * k - 2 : 2 * k]) for k in range(1, len(z)))]


def _first(
    b: Builder, source_re: Array, source_im: Array, first: Any, step: Any,
    re: Array, im: Array, out_first: Any, out_step: Any, table: Array, at: Any,
) -> None:  # fmt: skip
    """Four rows from two, the others of which are zero; twiddle factors after it."""
    places = (element(b, first, step, k) for k in range(2))
    x, y = (Complex(b, source_re.load(place), source_im.load(place)) for place in places)
    turned = y.times_minus_i()
    for k, value in enumerate(_twiddled(b, [x + y, x + turned, x - y, x - turned], table, at)):
        place = element(b, out_first, out_step, k)
        re.store(value.re, place)
        im.store(value.im, place)


def _last(
    b: Builder, re: Array, im: Array, first: Any, step: Any,
    target_re: Array, target_im: Array, out_first: Any, out_step: Any, table: Array, at: Any,
) -> None:  # fmt: skip
    """Two rows of the four that a butterfly with twiddle factors before it would give."""
    places = (element(b, first, step, k) for k in range(4))
    z = _twiddled(b, [Complex(b, re.load(place), im.load(place)) for place in places], table, at)
    for k, value in enumerate(fourier(z)[:2]):
        place = element(b, out_first, out_step, k)
        target_re.store(value.re, place)
        target_im.store(value.im, place)


def _transpose(b: Builder, source: Array, first: Any, step: Any, target: Array, out_first: Any, out_step: Any) -> None:
    rows = [source.load(element(b, first, step, k)) for k in range(source.count)]
    for k, row in enumerate(transposed(b, rows)):
        target.store(row, element(b, out_first, out_step, k))


def _separate(b: Builder, z_re: Array, z_im: Array, p: Any, q: Any, out: Array, at: Any, step: Any) -> None:
    """From Z = X + i Y at k and -k, with X and Y transforms of real columns: twice X and twice Y at k."""
    here, mirrored = Complex(b, z_re.load(p), z_im.load(p)), Complex(b, z_re.load(q), z_im.load(q)).conjugate()
    x, y = here + mirrored, (here - mirrored).times_minus_i()
    for k, value in enumerate((x.re, x.im, y.re, y.im)):
        out.store(value, element(b, at, step, k))


def _unite(b: Builder, source: Array, at: Any, step: Any, z_re: Array, z_im: Array, p: Any, q: Any) -> None:
    """Go the other way round: X + i Y at k, and conj(X) + i conj(Y) at -k."""
    xr, xi, yr, yi = (source.load(element(b, at, step, k)) for k in range(4))
    x, y = Complex(b, xr, xi), Complex(b, yr, yi)
    for place, value in ((p, x + y.times_i()), (q, x.conjugate() + y.conjugate().times_i())):
        z_re.store(value.re, place)
        z_im.store(value.im, place)


def _multiply(
    b: Builder, x_re: Array, x_im: Array, y_re: Array, y_im: Array, at: Any, kernel: Array, kernel_at: Any
) -> None:
    """(X, Y) := ((xx, xy), (xy, yy)) (X, Y) with three real vectors that follow one another."""
    width = ir.Constant(kernel_at.type, kernel.count)
    xx, xy, yy = (kernel.load(element(b, kernel_at, width, k)) for k in range(3))
    x, y = (Complex(b, re.load(at), im.load(at)) for re, im in ((x_re, x_im), (y_re, y_im)))

    def combined(a: ir.Value, c: ir.Value) -> tuple[ir.Value, ir.Value]:
        value = Complex(b, *(b.fmul(a, part, flags=("fast",)) for part in (x.re, x.im))) + Complex(
            b, *(b.fmul(c, part, flags=("fast",)) for part in (y.re, y.im))
        )
        return value.re, value.im

    for (re, im), (first, second) in (((x_re, x_im), combined(xx, xy)), ((y_re, y_im), combined(xy, yy))):
        re.store(first, at)
        im.store(second, at)


first_butterfly = kernel_of(_first, *"aappaappap")
last_butterfly = kernel_of(_last, *"aappaappap")
butterfly_after, butterfly_before, butterfly_without = map(butterflies, ("after", "before", "without"))
transpose = kernel_of(_transpose, *"appapp")
separate = kernel_of(_separate, *"aappapp")
unite = kernel_of(_unite, *"appaapp")
multiply = kernel_of(_multiply, *"aaaapap")
