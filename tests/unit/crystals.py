"""Crystals that the tests build on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import HealthCheck
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance

DATA = Path(__file__).parents[1] / "data" / "structures"
# A machine with other work to do is no reason for a property to be doubted.
SLOW_MACHINE = [HealthCheck.too_slow]
PROVENANCE = Provenance(backend="a test", seed=7, config_sha256="0" * 64)


def bcc_iron(moments=None):
    """Conventional cell of bcc iron."""
    properties = None if moments is None else {"magmom": list(moments)}
    return Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]], site_properties=properties)


def ca_cu5(first="Nd", second="Fe", a=5.24, c=3.92):
    """Hexagonal crystal of the CaCu5 type."""
    positions = [[0, 0, 0], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5]]
    return Structure(Lattice.hexagonal(a, c), [first] + [second] * 5, positions)


def disguised(structure, rng):
    """The same crystal with other vectors of its lattice, another origin, turned, its sites in another order."""
    matrix = structure.lattice.matrix
    mixing = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]]) @ np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1]])
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    fractional = (structure.frac_coords + rng.random(3)) @ np.linalg.inv(mixing)
    order = rng.permutation(len(structure))
    moments = structure.site_properties.get("magmom")
    return Structure(
        Lattice(mixing @ matrix @ turn),
        [structure.species[i] for i in order],
        fractional[order] + rng.integers(-1, 2, (len(structure), 3)),
        site_properties=None if moments is None else {"magmom": [moments[i] for i in order]},
    )
