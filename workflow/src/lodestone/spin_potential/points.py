"""Labelled configurations to be computed anew, and what became of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.structure_set import StructureSet
from lodestone.spin_potential.configuration_files import to_atoms

LABEL = "labelled configurations"


@dataclass(frozen=True, eq=False)
class Repeated:
    """A label and the same computed anew.

    Attributes
    ----------
    name : str
        Configuration.
    label, computed : ndarray, (4,)
        Energy per atom (eV), largest force (eV / Angstrom), largest stress (eV / Angstrom3), largest magnetic force
        (eV / mu_B); those computed are NaN if the calculation did not converge.
    difference : ndarray, (4,)
        Largest difference of each, over atoms and components.
    """

    name: str
    label: NDArray[np.float64]
    computed: NDArray[np.float64]
    difference: NDArray[np.float64]


def choose(data: SpinData, count: int, rng: np.random.Generator, provenance: Provenance) -> StructureSet:
    """Return some configurations with held moments, of the smallest cells that have any, drawn at random."""
    from pymatgen.io.ase import AseAtomsAdaptor

    from lodestone.structures import readers

    held = np.flatnonzero(data.equilibrium == 0)
    smallest = held[data.counts()[held] == data.counts()[held].min(initial=np.iinfo(np.int64).max)]
    rows = np.sort(rng.permutation(smallest)[:count]).tolist()
    chosen = data.configurations().select(rows)
    images = to_atoms(chosen, data.labels().select(data.configurations(), rows))
    entries = []
    for k, image in enumerate(images):
        structure = AseAtomsAdaptor.get_structure(image)
        structure.site_properties.clear()
        structure.add_site_property("magmom", chosen.moment_muB[chosen.offset[k] : chosen.offset[k + 1]].tolist())
        entries.append(readers.Entry(chosen.names[k], LABEL, structure))
    return readers.pack(entries, provenance)


def compare(data: SpinData, batches: Sequence[Calculations]) -> list[Repeated]:
    """Put labels beside what was computed anew under the same names."""
    names, found = data.names(), []
    for batch in batches:
        for row, name in enumerate(batch.names()):
            k = names.index(name)
            atoms, sites = slice(data.atom_offset[k], data.atom_offset[k + 1]), batch.sites(row)
            count = data.counts()[k]
            label = (
                data.energy_eV[k] / count, data.force_eV_A[atoms], data.stress_eV_A3[k],
                data.magnetic_force_eV_muB[atoms],
            )  # fmt: skip
            good = batch.status[row] == Status.CONVERGED
            computed = (
                batch.energy_eV[row] / count, batch.force_eV_A[sites], batch.stress_eV_A3[row],
                batch.magnetic_force_eV_muB[sites],
            )  # fmt: skip
            said = _largest(computed) if good else np.full(len(label), np.nan)
            apart = _largest([b - a for a, b in zip(label, computed, strict=True)]) if good else np.full(4, np.nan)
            found.append(Repeated(name, _largest(label), said, apart))
    return found


def _largest(values: Sequence[NDArray]) -> NDArray[np.float64]:
    """Entry of the largest size of each array, with its sign."""
    flat = [np.atleast_1d(value).ravel() for value in values]
    return np.array([one[np.argmax(np.abs(one))] for one in flat])
