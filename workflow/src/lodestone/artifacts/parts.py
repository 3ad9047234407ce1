"""Cutting artifacts into parts and joining parts, ragged dimensions included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.spec import PLUS_ONE, ArraySpec, array_specs, specs_of

Load = Callable[[str, int | None, int | None], np.ndarray]


def cut(cls: Any, load: Load, start: int, stop: int) -> dict[str, np.ndarray]:
    """Arrays of the items `start` to `stop`.

    Parameters
    ----------
    cls : Artifact type or instance
        Whose declarations say which arrays run along the items.
    load : callable
        ``load(name, a, b)`` returns rows a to b of an array, all of them for None.
    start, stop : int
        First item and one past the last.
    """
    item = cls.item_dimension()
    offsets = {dim: load(name, start, stop + 1) for dim, name in cls.RAGGED.items()}
    arrays = {}
    for name, spec in array_specs(cls).items():
        first = spec.dims[0] if spec.dims else ""
        if first == item:
            arrays[name] = load(name, start, stop)
        elif first == item + PLUS_ONE:
            rows = load(name, start, stop + 1)
            arrays[name] = rows - rows[0]
        elif first in offsets:
            arrays[name] = load(name, int(offsets[first][0]), int(offsets[first][-1]))
        else:
            arrays[name] = load(name, None, None)
    return arrays


def join(cls: Any, items: Sequence[Any]) -> dict[str, np.ndarray]:
    """Arrays of several artifacts one after the other; arrays that do not run along the items must be equal."""
    item = cls.item_dimension()
    arrays = {}
    for name, spec in array_specs(cls).items():
        values = [getattr(part, name) for part in items]
        first = spec.dims[0] if spec.dims else ""
        if first == item or first in cls.RAGGED:
            arrays[name] = np.concatenate(values)
        elif first == item + PLUS_ONE:
            ends = np.concatenate([[0], np.cumsum([value[-1] for value in values])[:-1]]).astype(spec.dtype)
            arrays[name] = np.concatenate([values[0][:1], *(v[1:] + end for v, end in zip(values, ends, strict=True))])
        elif all(np.array_equal(values[0], value, equal_nan=spec.allow_nan) for value in values[1:]):
            arrays[name] = values[0]
        else:
            raise ArtifactError(f"{cls.SCHEMA} artifact", f"field {name!r}", "different values", "equal ones to join")
    return arrays


def common_attributes(cls: Any, items: Sequence[Any]) -> dict[str, Any]:
    """Single values that all artifacts share."""
    common = {}
    for name, spec in specs_of(cls).items():
        if not isinstance(spec, ArraySpec):
            common[name] = getattr(items[0], name)
            other = next((part for part in items if getattr(part, name) != common[name]), None)
            if other is not None:
                found = f"{common[name]!r} and {getattr(other, name)!r}"
                raise ArtifactError(f"{cls.SCHEMA} artifact", f"attribute {name!r}", found, "equal ones to join")
    return common
