"""Crystals that a generation of the search has made, before their relaxation, with their ancestry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lodestone.artifacts.base import Provenance, array
from lodestone.artifacts.structure_set import StructureSet

# An id is the generation times this plus the number within the generation.
STRIDE = 1_000_000
# Codes are part of every file: add new ones, never renumber or reuse one.
ORIGINS = (
    "random",
    "topology",
    "file",
    "heredity",
    "permutation",
    "lattice_mutation",
    "soft_mutation",
    "add_atom",
    "remove_atom",
    "transmutation",
)
ORIGIN_TEXT = ", ".join(f"{code} {name}" for code, name in enumerate(ORIGINS))


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates(StructureSet):
    """Crystals to relax, with what made them and from which parents."""

    SCHEMA: ClassVar[str] = "candidates"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {**StructureSet.DIMS, "side": 2}

    id: np.ndarray = array(("structure",), "int64", "1", f"generation times {STRIDE} plus the number within it")
    parent: np.ndarray = array(("structure", "side"), "int64", "1", "ids of the parents; -1 where there is none")
    operator: np.ndarray = array(("structure",), "uint8", "1", f"what made each crystal: {ORIGIN_TEXT}")

    def check(self, where: str) -> None:
        """Ids rise, parents are older, operators are known."""
        super().check(where)
        rising = bool((np.diff(self.id) > 0).all()) and int(self.id.min(initial=0)) >= 0
        self.require(rising, where, "field 'id'", "others", "rising, 0 or more")
        older = bool((self.parent < self.id[:, None]).all()) and int(self.parent.min(initial=-1)) >= -1
        self.require(older, where, "field 'parent'", "others", "-1, or ids below that of the child")
        largest = int(self.operator.max(initial=0))
        self.require(largest < len(ORIGINS), where, "field 'operator'", f"code {largest}", ORIGIN_TEXT)

    def generations(self) -> np.ndarray:
        """Return the generation in which each crystal was born (structure,)."""
        return self.id // STRIDE

    def origins(self) -> list[str]:
        """Return what made each crystal, in words."""
        return [ORIGINS[int(code)] for code in self.operator]


def name_of(identity: int) -> str:
    """Name of a crystal of the search, such as g003-00012."""
    return f"g{identity // STRIDE:03d}-{identity % STRIDE:05d}"


def pack_candidates(
    *,
    ids: Sequence[int],
    parents: Sequence[Sequence[int]],
    operators: Sequence[str],
    lattices: Sequence[Any],
    atomic_numbers: Sequence[Any],
    fractional: Sequence[Any],
    provenance: Provenance,
) -> Candidates:
    """Pack ids, parents (two at most), operators and geometries."""
    return Candidates(
        **columns(ids, parents, operators, lattices, atomic_numbers, fractional, provenance), provenance=provenance
    )


def columns(
    ids: Sequence[int],
    parents: Sequence[Sequence[int]],
    operators: Sequence[str],
    lattices: Sequence[Any],
    atomic_numbers: Sequence[Any],
    fractional: Sequence[Any],
    provenance: Provenance,
    moments: Sequence[Any] | None = None,
) -> dict[str, np.ndarray]:
    """Fields of `Candidates`, for it and the types that extend it; moments (site,) or None of each crystal."""
    crystals = StructureSet.from_arrays(
        lattices=lattices,
        atomic_numbers=atomic_numbers,
        fractional=fractional,
        moments=moments or [None] * len(ids),
        names=[name_of(identity) for identity in ids],
        sources=[
            f"{operator} of {' and '.join(map(name_of, older))}" if older else operator
            for operator, older in zip(operators, parents, strict=True)
        ],
        provenance=provenance,
    )
    return {
        **{name: getattr(crystals, name) for name in StructureSet.specs()},
        "id": np.array(ids, np.int64),
        "parent": np.array([[*older, -1, -1][:2] for older in parents], np.int64).reshape(-1, 2),
        "operator": np.array([ORIGINS.index(operator) for operator in operators], np.uint8),
    }
