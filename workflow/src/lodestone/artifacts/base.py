"""Base class of every artifact: declared fields, checks, reading, writing, streaming.

An artifact type is a frozen dataclass whose fields are made with `array` and `attribute`::

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Grains(Artifact):
        SCHEMA = "grains"
        VERSION = 1
        index: np.ndarray = array(("structure",), "int64", "1", "random-stream index of each structure")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from lodestone.artifacts import parts
from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.provenance import ParentPaths, Provenance, compare_parents
from lodestone.artifacts.spec import (
    ArraySpec,
    array,
    array_specs,
    attribute,
    dimension_lengths,
    group,
    quantity,
    specs_of,
)

__all__ = ["Artifact", "ArtifactError", "Provenance", "array", "attribute", "group", "quantity"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Artifact:
    """Named arrays and values with units, checked on construction, on writing and on reading.

    Class attributes
    ----------------
    SCHEMA, VERSION
        Name and version of the file's schema.
    DIMS
        Dimensions of fixed length.
    RAGGED
        Dimensions cut by an offset field, ``{"grain": "grain_offset"}``: item i owns ``offset[i]:offset[i + 1]``.
    """

    SCHEMA: ClassVar[str]
    VERSION: ClassVar[int]
    DIMS: ClassVar[Mapping[str, int]] = {}
    RAGGED: ClassVar[Mapping[str, str]] = {}

    provenance: Provenance

    def __post_init__(self) -> None:
        """Convert and check every field, then the rules of the type."""
        where = f"{self.SCHEMA} artifact"
        for name, spec in specs_of(self).items():
            object.__setattr__(self, name, spec.coerce(getattr(self, name), where, name))
        self.lengths()
        self.check(where)

    def check(self, where: str) -> None:
        """Check what a declaration cannot say; types override it and call `require`."""

    def require(self, holds: bool | np.bool_, where: str, what: str, found: str, expected: str) -> None:
        """Raise an `ArtifactError` unless `holds`."""
        if not holds:
            raise ArtifactError(where, what, found, expected)

    def lengths(self) -> dict[str, int]:
        """Length of every named dimension."""
        specs = array_specs(self)
        shapes = {name: getattr(self, name).shape for name in specs}
        return dimension_lengths(specs, shapes, self.DIMS, f"{self.SCHEMA} artifact")

    def __len__(self) -> int:
        """Return the number of items: the length of the first dimension of the first array."""
        return self.lengths()[self.item_dimension()]

    @classmethod
    def item_dimension(cls) -> str:
        """Dimension along which the artifact is streamed and joined."""
        return next(iter(array_specs(cls).values())).dims[0]

    @classmethod
    def specs(cls) -> dict[str, Any]:
        """Return the declarations of all fields, by name."""
        return specs_of(cls)

    def write(self, path: str | Path) -> None:
        """Write to `path`: whole or not at all, identical bytes for identical contents."""
        from lodestone.artifacts import io

        io.write(self, path)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read and check a whole file.

        Raises
        ------
        ArtifactError
            If the file is absent, truncated, damaged, of another schema or version, or has a field that is
            missing, unknown, of another dtype, shape or unit, or not finite.
        """
        from lodestone.artifacts import io

        return io.read(cls, path)

    @classmethod
    def stream(cls, path: str | Path, chunk: int = 256) -> Iterator[Self]:
        """Read a file `chunk` items at a time; fields without the item dimension come with every part."""
        from lodestone.artifacts import io

        return io.stream(cls, path, chunk)

    @classmethod
    def verify_parents(cls, path: str | Path, parent_paths: ParentPaths) -> None:
        """Check that the file at `path` was made from exactly these files; raises `ArtifactError`."""
        from lodestone.artifacts import io

        compare_parents(path, io.read_provenance(path, cls.SCHEMA, cls.VERSION).parents, parent_paths)

    def part(self, start: int, stop: int) -> Self:
        """Items `start` to `stop` as an artifact of the same type."""
        arrays = parts.cut(self, lambda name, a, b: getattr(self, name)[a:b], start, stop)
        return type(self)(**arrays, **self._attributes(), provenance=self.provenance)

    @classmethod
    def concatenate(cls, items: Sequence[Self], provenance: Provenance) -> Self:
        """Join artifacts along the item dimension; all other fields must be equal."""
        if not items:
            raise ArtifactError(f"{cls.SCHEMA} artifact", "concatenate", "no parts", "at least one")
        return cls(**parts.join(cls, items), **parts.common_attributes(cls, items), provenance=provenance)

    def _attributes(self) -> dict[str, Any]:
        """Values of the single-value fields."""
        return {n: getattr(self, n) for n, s in specs_of(self).items() if not isinstance(s, ArraySpec)}
