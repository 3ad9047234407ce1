"""Operators that make a crystal from one or two others.

Each module has ``PARENTS``, how many it takes, and ``apply(rng, parents, settings)``, which returns a crystal of an
allowed composition with allowed distances, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lodestone.search.candidate import Crystal
from lodestone.search.operators import (
    add_atom,
    heredity,
    lattice_mutation,
    permutation,
    remove_atom,
    soft_mutation,
    transmutation,
)
from lodestone.search.settings import SearchSettings

Apply = Callable[[np.random.Generator, Sequence[Crystal], SearchSettings], Crystal | None]


@dataclass(frozen=True)
class Operator:
    """What an operator does, and from how many parents."""

    apply: Apply
    parents: int


REGISTRY: dict[str, Operator] = {
    module.__name__.rsplit(".", 1)[1]: Operator(module.apply, module.PARENTS)
    for module in (heredity, permutation, lattice_mutation, soft_mutation, add_atom, remove_atom, transmutation)
}


def possible(name: str, settings: SearchSettings) -> bool:
    """Whether an operator can do anything within the compositions that are allowed."""
    compositions = settings.compositions
    sizes = compositions.all.sum(axis=1)
    if name in ("add_atom", "remove_atom"):
        return any(compositions.allows(a + da, b + db) for a, b in compositions.all for da, db in ((1, 0), (0, 1)))
    if name == "transmutation":
        return len(np.unique(sizes)) < len(sizes)
    if name == "permutation":
        return bool((compositions.all > 0).all(axis=1).any())
    return True
