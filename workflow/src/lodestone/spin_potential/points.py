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
from lodestone.spin_potential.configurations import ConfigurationError

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
        (eV / mu_B); those computed are NaN if the calculation did not converge or has none.
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
    folders = list(_folders(data))
    entries = []
    for k, image in enumerate(images):
        structure = AseAtomsAdaptor.get_structure(image)
        structure.site_properties.clear()
        structure.add_site_property("magmom", chosen.moment_muB[chosen.offset[k] : chosen.offset[k + 1]].tolist())
        entries.append(readers.Entry(folders[rows[k]], LABEL, structure))
    return readers.pack(entries, provenance)


def compare(data: SpinData, batches: Sequence[Calculations]) -> list[Repeated]:
    """Put labels beside what was computed anew of the same configurations.

    Raises
    ------
    ConfigurationError
        For a calculation of something that the data do not hold.
    """
    names, folders, found = data.names(), _folders(data), []
    for batch in batches:
        for row, folder in enumerate(batch.names()):
            if folder not in folders:
                raise ConfigurationError(f"{folder}: found no label, expected one of each that was computed anew")
            k = folders[folder]
            atoms, count = slice(data.atom_offset[k], data.atom_offset[k + 1]), data.counts()[k]
            label = (
                data.energy_eV[k] / count, data.force_eV_A[atoms], data.stress_eV_A3[k],
                data.magnetic_force_eV_muB[atoms],
            )  # fmt: skip
            computed = _computed(batch, row)
            apart = [b - a for a, b in zip(label, computed, strict=True)]
            found.append(Repeated(names[k], _largest(label), _largest(computed), _largest(apart)))
    return found


def _computed(batch: Calculations, row: int) -> list[NDArray[np.float64]]:
    """Energy per atom, forces, stress and magnetic forces of a calculation; NaN for those that it does not have."""
    sites = batch.sites(row)
    good = batch.status[row] == Status.CONVERGED
    values = (
        (batch.energy_eV[row] / (sites.stop - sites.start), batch.has_energy[row]),
        (batch.force_eV_A[sites], batch.has_forces[row]),
        (batch.stress_eV_A3[row], batch.has_stress[row]),
        (batch.magnetic_force_eV_muB[sites], batch.has_magnetic_force[sites]),
    )
    return [np.where(good & (known == 1), value, np.nan) for value, known in values]


def _folders(data: SpinData) -> dict[str, int]:
    """Row of each configuration by a name that can name a folder: names in users' files may be anything."""
    from lodestone.structures import readers

    found: dict[str, int] = {}
    for k, name in enumerate(data.names()):
        folder = readers.folder_name(name)
        while folder in found:
            folder += "-"
        found[folder] = k
    return found


def _largest(values: Sequence[NDArray]) -> NDArray[np.float64]:
    """Entry of the largest size of each array, with its sign; NaN for one that holds no number."""
    flat = [np.atleast_1d(value).ravel() for value in values]
    return np.array([one[np.argmax(np.nan_to_num(np.abs(one), nan=-1.0))] for one in flat])
