"""Snapshots of molecular dynamics, with CHGNet for the forces: where atoms go at a temperature."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

LABEL = "molecular dynamics with CHGNet (fitted model)"
_STEP_FS = 2.0
_FRICTION_PER_FS = 0.02
# Longer than the friction takes to forget the start.
_SETTLING_STEPS = 60


def snapshots(crystal: Any, count: int, temperature_K: float, interval: int, rng: np.random.Generator) -> list[Any]:
    """Return crystals along a trajectory in the cell of `crystal`.

    Parameters
    ----------
    crystal : pymatgen Structure
        Where the atoms start, at rest.
    count : int
        Number of snapshots.
    temperature_K : float
        Temperature of the Langevin dynamics.
    interval : int
        Steps of 2 fs between two snapshots.
    rng : numpy.random.Generator
        Random forces.
    """
    if not count:
        return []
    from ase import units
    from ase.constraints import FixCom
    from ase.md.langevin import Langevin
    from pymatgen.core import Structure
    from pymatgen.io.ase import AseAtomsAdaptor

    bare = crystal.copy()
    if "magmom" in bare.site_properties:
        bare.remove_site_property("magmom")
    atoms = AseAtomsAdaptor.get_atoms(bare, msonable=False)
    atoms.calc = _calculator()
    friction = _FRICTION_PER_FS / units.fs
    atoms.set_constraint(FixCom())
    options: dict[str, Any] = {
        "temperature_K": temperature_K,
        "friction": friction,
        "fixcm": False,
        "rng": _Normal(rng),
    }
    dynamics = Langevin(atoms, _STEP_FS * units.fs, **options)
    found = []
    with warnings.catch_warnings():
        # CHGNet's calculator warns of what it does itself: tensors as numbers, structures that hold no constraint.
        warnings.simplefilter("ignore")
        dynamics.run(_SETTLING_STEPS)
        for _ in range(count):
            dynamics.run(interval)
            found.append(Structure(atoms.cell.array, atoms.get_chemical_symbols(), atoms.get_scaled_positions()))
    return found


@cache
def _calculator() -> Any:
    """CHGNet as a calculator of ASE, on the processor: small cells gain nothing from more."""
    from chgnet.model.dynamics import CHGNetCalculator

    return CHGNetCalculator(use_device="cpu", verbose=False)


class _Normal:
    """The two methods of numpy's old generator that ASE calls."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def standard_normal(self, size: Any) -> np.ndarray:
        return self._rng.standard_normal(size)

    def normal(self, size: Any) -> np.ndarray:
        return self._rng.standard_normal(size)
