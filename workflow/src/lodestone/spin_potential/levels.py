"""Contractions of moment tensors by level (Shapeev, Multiscale Model. Simul. 14, 1153).

The tables are those of the untrained potentials that come with motep (MIT licence) in MLIP's numbering, so that the
coefficients of a potential mean the same to these programs and to ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_FILE = Path(__file__).with_name("levels.json")


@dataclass(frozen=True, eq=False)
class Level:
    """Moments of one level.

    Attributes
    ----------
    number : int
        Level; 0 where a potential came with tables of its own.
    radial_functions : int
        Number of different mu.
    moments : int
        Number of moments, basic ones and products.
    basic : ndarray of int, (basic, 4)
        mu and the powers of x, y, z of each basic moment.
    products : ndarray of int, (product, 4)
        Factors i and j, multiplicity and target k: M_k grows by the multiplicity times M_i M_j.
    scalars : ndarray of int, (scalar,)
        Moments that are invariant under rotations: the basis functions B_alpha.
    """

    number: int
    radial_functions: int
    moments: int
    basic: np.ndarray
    products: np.ndarray
    scalars: np.ndarray

    @classmethod
    def of(cls, number: int, values: dict[str, Any]) -> Level:
        """Make a level from plain lists."""
        basic, products, scalars = (np.array(values[key], np.int64) for key in ("basic", "products", "scalars"))
        return cls(
            number,
            int(values["radial_functions"]),
            int(values["moments"]),
            basic.reshape(-1, 4),
            products.reshape(-1, 4),
            scalars,
        )

    def same(self, other: Level) -> bool:
        """Whether the tables are equal."""
        return self.moments == other.moments and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("basic", "products", "scalars")
        )


@cache
def level(number: int) -> Level:
    """Return the tables of a level.

    Raises
    ------
    ValueError
        If there are none; the message lists those that there are.
    """
    tables = json.loads(_FILE.read_text())
    if str(number) not in tables:
        raise ValueError(f"level: found {number}, allowed: {', '.join(tables)}")
    return Level.of(number, tables[str(number)])


def numbers() -> list[int]:
    """Levels that there are."""
    return [int(key) for key in json.loads(_FILE.read_text())]
