"""Crystals with labels to learn from: energies, moments, anisotropy, forces, stresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from lodestone.artifacts.base import Provenance, array, attribute
from lodestone.artifacts.structure_set import StructureSet

# Labels of a crystal by name, each with the flag that says whether it exists.
COLUMNS = {
    "formation_energy_eV_per_atom": "has_formation_energy",
    "moment_muB_per_atom": "has_moment_label",
    "energy_eV": "has_energy",
    "anisotropy_MJ_m3": "has_anisotropy",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledSet(StructureSet):
    """A structure set with labels; values that do not exist are 0 and have a flag of 0."""

    SCHEMA: ClassVar[str] = "labelled_set"
    VERSION: ClassVar[int] = 2

    group: np.ndarray = array(("structure",), "int64", "1", "crystals of one group never straddle a split")
    formation_energy_eV_per_atom: np.ndarray = array(
        ("structure",), "float64", "eV", "energy per atom above that of the elements"
    )
    has_formation_energy: np.ndarray = array(("structure",), "uint8", "1", "1 where there is a formation energy")
    moment_muB_per_atom: np.ndarray = array(
        ("structure",), "float64", "mu_B", "moment of the cell over its number of atoms, without 4f moments"
    )
    has_moment_label: np.ndarray = array(("structure",), "uint8", "1", "1 where there is such a moment")
    energy_eV: np.ndarray = array(("structure",), "float64", "eV", "total energy of the cell")
    has_energy: np.ndarray = array(("structure",), "uint8", "1", "1 where there is a total energy")
    anisotropy_MJ_m3: np.ndarray = array(
        ("structure",), "float64", "MJ / m3", "anisotropy constant K_1 of a uniaxial crystal, above 0 for an easy axis"
    )
    has_anisotropy: np.ndarray = array(("structure",), "uint8", "1", "1 where there is such a constant")
    force_eV_A: np.ndarray = array(("site", "axis"), "float64", "eV / Angstrom", "force on each atom")
    stress_eV_A3: np.ndarray = array(
        ("structure", "vector", "axis"), "float64", "eV / Angstrom3", "dE/dstrain over the volume"
    )
    has_forces: np.ndarray = array(("structure",), "uint8", "1", "1 where there are forces and a stress")
    labels_from: str = attribute(str, "1", "what the labels were computed with")

    @classmethod
    def of(
        cls,
        *,
        lattices: Sequence[Any],
        atomic_numbers: Sequence[Any],
        fractional: Sequence[Any],
        names: Sequence[str],
        columns: Mapping[str, Sequence[float | None]],
        labels_from: str,
        provenance: Provenance,
        forces: Sequence[Any] | None = None,
        stresses: Sequence[Any] | None = None,
        groups: Sequence[Any] | None = None,
    ) -> Self:
        """Pack crystals and labels.

        Parameters
        ----------
        lattices, atomic_numbers, fractional, names
            The crystals, as `StructureSet.from_arrays` takes them.
        columns : mapping of name to sequence
            Labels of `COLUMNS`, None for one that does not exist; columns may be absent.
        labels_from : str
            What computed them.
        provenance : Provenance
            Of the artifact.
        forces, stresses : sequences of arrays, optional
            Forces (site, 3) and stress (3, 3) of each crystal, None where there are none.
        groups : sequence, optional
            Anything hashable by crystal; by default the reduced formula.
        """
        crystals = StructureSet.from_arrays(
            lattices=lattices,
            atomic_numbers=atomic_numbers,
            fractional=fractional,
            moments=[None] * len(names),
            names=names,
            sources=[""] * len(names),
            provenance=provenance,
        )
        keys = groups if groups is not None else [_reduced(numbers) for numbers in atomic_numbers]
        seen: dict[Any, int] = {}
        values: dict[str, Any] = {"group": np.array([seen.setdefault(key, len(seen)) for key in keys], np.int64)}
        for name, flag in COLUMNS.items():
            column = columns.get(name) or [None] * len(names)
            values[name] = np.array([0.0 if value is None else value for value in column], float)
            values[flag] = np.array([value is not None for value in column], np.uint8)
        given = [None] * len(names) if forces is None or stresses is None else list(forces)
        counts = crystals.site_counts()
        values["force_eV_A"] = np.concatenate(
            [np.zeros((0, 3)), *(np.zeros((n, 3)) if f is None else f for n, f in zip(counts, given, strict=True))]
        )
        values["stress_eV_A3"] = np.array(
            [np.zeros((3, 3)) if s is None else s for s in (stresses or [None] * len(names))]
        ).reshape(-1, 3, 3)
        values["has_forces"] = np.array([f is not None for f in given], np.uint8)
        own = {name: getattr(crystals, name) for name in StructureSet.specs()}
        return cls(**own, **values, labels_from=labels_from, provenance=provenance)


def _reduced(numbers: Any) -> tuple[tuple[int, int], ...]:
    """Composition divided by its greatest common divisor: equal for crystals of one reduced formula."""
    kinds, counts = np.unique(np.asarray(numbers), return_counts=True)
    divisor = np.gcd.reduce(counts)
    return tuple((int(z), int(n // divisor)) for z, n in zip(kinds, counts, strict=True))
