"""Values that the search compares crystals by, from whatever models give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.search.hull import above_hull
from lodestone.search.settings import SearchSettings

# Field of `Values` that each objective comes from, and its sign: all objectives are made small.
_SOURCES = {
    "formation_energy": ("formation_energy_eV_per_atom", 1.0),
    "magnetisation": ("mu0_Ms_T", -1.0),
    "uncertainty": ("uncertainty_eV_per_atom", 1.0),
    "anisotropy": ("anisotropy_MJ_m3", -1.0),
}
COLUMNS = tuple(field for field, _ in _SOURCES.values())


@dataclass(frozen=True)
class Values:
    """Values of crystals (structure,), NaN where there is none; None for columns that no model gives."""

    formation_energy_eV_per_atom: np.ndarray
    mu0_Ms_T: np.ndarray | None = None
    uncertainty_eV_per_atom: np.ndarray | None = None
    anisotropy_MJ_m3: np.ndarray | None = None

    def column(self, name: str) -> np.ndarray:
        """One column with NaN where there is no value."""
        values = getattr(self, name)
        blank = np.full(len(self.formation_energy_eV_per_atom), np.nan)
        return blank if values is None else np.asarray(values, float)


def from_energies(
    relaxed: RelaxedCandidates, element_energy_eV_per_atom: Mapping[str, float], settings: SearchSettings
) -> Values:
    """Return formation energies by the model that relaxed, from its energies of the elements."""
    references = np.array([element_energy_eV_per_atom[symbol] for symbol in settings.elements])
    kinds = settings.kinds(relaxed.atomic_number)
    sizes = relaxed.site_counts()
    per_atom = np.add.reduceat(references[kinds], relaxed.site_offset[:-1]) / sizes if len(sizes) else np.zeros(0)
    energy = np.where(relaxed.has_energy == 1, relaxed.energy_eV / np.maximum(sizes, 1), np.nan)
    return Values(energy - per_atom)


def required(settings: SearchSettings) -> list[str]:
    """Columns that the objectives need; the formation energy always is one."""
    wanted = {_SOURCES[name][0] for name in settings.objectives if name in _SOURCES}
    return [name for name in COLUMNS if name in wanted | {"formation_energy_eV_per_atom"}]


def objective_matrix(
    columns: Mapping[str, np.ndarray], fraction: np.ndarray, usable: np.ndarray, settings: SearchSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Objectives (structure, objective), to be made small, and the energy above the hull (structure,), eV per atom.

    Parameters
    ----------
    columns : mapping of str to array (structure,)
        The columns of `Values`, finite where `usable`.
    fraction : array (structure,)
        Share of the minority element.
    usable : array (structure,) of bool
        Crystals that count for the hull.
    """
    distance = above_hull(fraction, columns["formation_energy_eV_per_atom"], usable)
    table = [
        distance if name == "above_hull" else _SOURCES[name][1] * columns[_SOURCES[name][0]]
        for name in settings.objectives
    ]
    return np.stack(table, axis=1), distance
