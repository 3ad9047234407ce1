"""What a field of an artifact declares, and the checks of a value against it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.hashing import canonical_json

PLUS_ONE = "_plus_one"
_KEY = "artifact"
_KINDS = {str: "text", int: "integer", float: "number", dict: "JSON mapping", list: "JSON list"}


@dataclass(frozen=True)
class ArraySpec:
    """Declaration of an array: named dimensions, dtype, unit, meaning.

    A dimension ``x_plus_one`` is one longer than ``x``.
    """

    dims: tuple[str, ...]
    dtype: np.dtype
    unit: str
    description: str
    ontology_label: str | None = None
    allow_nan: bool = False
    compress: bool = False

    def coerce(self, value: Any, where: str, name: str) -> np.ndarray:
        """Return `value` as an array of the declared dtype; only conversions that keep the values are made.

        Raises
        ------
        ArtifactError
            For another kind of number, an integer out of range, the wrong number of dimensions, NaN or infinity.
        """
        found = np.asarray(value)
        array = np.ascontiguousarray(_convert(found, self.dtype)) if _kinds_fit(found, self.dtype) else None
        if array is None:
            raise ArtifactError(where, f"field {name!r}: dtype", _describe(found), str(self.dtype))
        if found.ndim != len(self.dims):
            raise ArtifactError(where, f"field {name!r}: shape", str(found.shape), self.shape_text())
        self.check_finite(array, where, name)
        return array.reshape(found.shape)

    def check_finite(self, array: np.ndarray, where: str, name: str) -> None:
        """Refuse NaN and infinity unless NaN is declared; infinity is always refused."""
        if array.dtype.kind != "f":
            return
        bad = np.isinf(array) if self.allow_nan else ~np.isfinite(array)
        if bad.any():
            first = tuple(int(i) for i in np.argwhere(bad)[0])
            found = f"{array[first]} at {list(first)} ({int(bad.sum())} such values)"
            raise ArtifactError(where, f"field {name!r}", found, "finite numbers")

    def shape_text(self) -> str:
        """Shape in words, e.g. ``(loop, field)``."""
        return "(" + ", ".join(dim.replace(PLUS_ONE, " + 1") for dim in self.dims) + ")"


@dataclass(frozen=True)
class AttributeSpec:
    """Declaration of a single value: text, integer, number, or a mapping or list that JSON can hold."""

    kind: type
    unit: str
    description: str
    ontology_label: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether the value is stored as JSON text."""
        return self.kind in (dict, list)

    def coerce(self, value: Any, where: str, name: str) -> Any:
        """Return `value` in the declared type; integers may stand for numbers, tuples for lists."""
        plain = value.item() if isinstance(value, np.generic) else value
        if self.kind is float and isinstance(plain, int) and not isinstance(plain, bool):
            plain = float(plain)
        if self.kind is list and isinstance(plain, tuple | np.ndarray):
            plain = list(plain)
        if not isinstance(plain, self.kind) or isinstance(plain, bool):
            found = f"{type(value).__name__} {value!r}"
            raise ArtifactError(where, f"attribute {name!r}: type", found, _KINDS[self.kind])
        if isinstance(plain, float) and not math.isfinite(plain):
            raise ArtifactError(where, f"attribute {name!r}", str(plain), "a finite number")
        if self.is_json:
            try:
                canonical_json(plain)
            except (TypeError, ValueError) as error:
                raise ArtifactError(where, f"attribute {name!r}", str(error), "what JSON can hold") from error
        return plain

    def kind_text(self) -> str:
        """Type in words."""
        return _KINDS[self.kind]


@dataclass(frozen=True)
class GroupSpec:
    """Declaration of a mapping of named values, each with its unit; stored as a group."""

    entries: dict[str, AttributeSpec]
    description: str

    def coerce(self, value: Any, where: str, name: str) -> dict[str, Any]:
        """Return `value` as a dict with every entry in its declared type and order."""
        keys = sorted(map(str, value)) if isinstance(value, Mapping) else [f"{type(value).__name__} {value!r}"]
        if not isinstance(value, Mapping) or keys != sorted(self.entries):
            raise ArtifactError(where, f"attribute {name!r}: entries", ", ".join(keys), ", ".join(sorted(self.entries)))
        return {key: spec.coerce(value[key], where, f"{name}/{key}") for key, spec in self.entries.items()}


Spec = ArraySpec | AttributeSpec | GroupSpec


def array(
    dims: Iterable[str],
    dtype: str,
    unit: str,
    description: str,
    *,
    ontology_label: str | None = None,
    allow_nan: bool = False,
    compress: bool = False,
) -> Any:
    """Declare an array field of an artifact.

    Parameters
    ----------
    dims : iterable of str
        Names of the dimensions; equal names have equal lengths; ``x_plus_one`` is one longer than ``x``.
    dtype, unit, description : str
        numpy dtype; unit as astropy writes it ("1" for none); meaning in a few words.
    ontology_label : str, optional
        Label in the magnetic materials ontology of MaMMoS or in EMMO, if its unit fits (angles in radians have none).
    allow_nan : bool
        Whether NaN stands for a value that does not exist.
    compress : bool
        Whether to compress (for label images and the like).
    """
    spec = ArraySpec(tuple(dims), np.dtype(dtype), unit, description, ontology_label, allow_nan, compress)
    return dataclasses.field(metadata={_KEY: spec})


def attribute(kind: type, unit: str, description: str, *, ontology_label: str | None = None) -> Any:
    """Declare a single value of an artifact: kind is str, int, float, dict or list (the last two as JSON)."""
    if kind not in _KINDS:
        raise TypeError(f"attribute kind: found {kind}, allowed are {', '.join(k.__name__ for k in _KINDS)}")
    return dataclasses.field(metadata={_KEY: AttributeSpec(kind, unit, description, ontology_label)})


def group(description: str, **entries: AttributeSpec) -> Any:
    """Declare a mapping of named values, each made with `quantity`."""
    return dataclasses.field(metadata={_KEY: GroupSpec(entries, description)})


def quantity(unit: str, description: str, *, ontology_label: str | None = None) -> AttributeSpec:
    """Declare one number of a `group`."""
    return AttributeSpec(float, unit, description, ontology_label)


def specs_of(cls: Any) -> dict[str, Spec]:
    """Return the declarations of an artifact class by field name, in the order of the code."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(cls) if _KEY in f.metadata}


def array_specs(cls: Any) -> dict[str, ArraySpec]:
    """Array declarations only."""
    return {name: spec for name, spec in specs_of(cls).items() if isinstance(spec, ArraySpec)}


def dimension_lengths(
    specs: Mapping[str, ArraySpec], shapes: Mapping[str, tuple[int, ...]], fixed: Mapping[str, int], where: str
) -> dict[str, int]:
    """Check that equal dimension names have equal lengths and return the lengths.

    Raises
    ------
    ArtifactError
        If a field has the wrong number of dimensions or a length disagrees with another field or with `fixed`.
    """
    lengths, origin = dict(fixed), dict.fromkeys(fixed, "the schema")
    for name, spec in specs.items():
        shape = shapes[name]
        if len(shape) != len(spec.dims):
            raise ArtifactError(where, f"field {name!r}: shape", str(shape), spec.shape_text())
        for dim, length in zip(spec.dims, shape, strict=True):
            base, extra = (dim.removesuffix(PLUS_ONE), 1) if dim.endswith(PLUS_ONE) else (dim, 0)
            if lengths.setdefault(base, length - extra) != length - extra:
                expected = f"{lengths[base] + extra} along {dim} as {origin[base]} has"
                raise ArtifactError(where, f"field {name!r}: shape", f"{shape} for {spec.shape_text()}", expected)
            origin.setdefault(base, f"field {name!r}")
    return lengths


def _kinds_fit(found: np.ndarray, dtype: np.dtype) -> bool:
    """Whether every value survives the conversion (float64 to float32 loses digits only, and is allowed)."""
    if found.dtype == dtype or found.dtype.kind == "b" or found.size == 0:
        return True
    if found.dtype.kind in "iu" and dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return bool(int(found.min()) >= limits.min and int(found.max()) <= limits.max)
    return found.dtype.kind in "iuf" and dtype.kind == "f"


def _convert(found: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert; a number too large for the dtype becomes infinite and is refused by the check that follows."""
    with np.errstate(over="ignore"):
        return found.astype(dtype, copy=False)


def _describe(found: np.ndarray) -> str:
    """Dtype of what was found, with its range where that is the trouble."""
    if found.dtype.kind in "iu" and found.size:
        return f"{found.dtype} from {found.min()} to {found.max()}"
    return str(found.dtype)
