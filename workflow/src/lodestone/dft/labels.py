"""Results of calculations as labels to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pymatgen.core import Composition

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.labelled_set import LabelledSet


def reference_energies(batches: Sequence[Calculations]) -> dict[str, float]:
    """Lowest energy per atom of each element among the crystals of one element that converged, eV."""
    lowest: dict[str, float] = {}
    for batch in batches:
        for row in np.flatnonzero(batch.status == Status.CONVERGED):
            structure = batch.structure(int(row))
            if structure.composition.is_element:
                symbol = structure.composition.elements[0].symbol
                per_atom = float(batch.energy_eV[row]) / len(structure)
                lowest[symbol] = min(per_atom, lowest.get(symbol, np.inf))
    return lowest


def collect(
    batches: Sequence[Calculations],
    references_eV: Mapping[str, float],
    group_of: Callable[[str, Composition], Any],
    provenance: Provenance,
    *,
    strongest_force_eV_A: float,
    highest_formation_eV: float,
) -> tuple[LabelledSet, list[str]]:
    """Pack the calculations that converged.

    Parameters
    ----------
    batches : sequence of Calculations
        Of one back end.
    references_eV : mapping of str to float
        Energy per atom of the elements; without that of an element its crystals have no formation energy.
    group_of : callable
        Group of a crystal by its name and composition; crystals of one group never straddle a split.
    provenance : Provenance
        Of the artifact.
    strongest_force_eV_A : float
        Crystals with a larger force are left out: atoms that close teach nothing about crystals.
    highest_formation_eV : float
        Crystals whose formation energy per atom is known and higher are left out for the same reason.

    Returns
    -------
    LabelledSet, list of str
        The labels, and a line for each crystal that was left out.
    """
    rows: list[tuple[Calculations, int, str]] = []
    left_out: list[str] = []
    for batch in batches:
        names, messages = batch.names(), batch.messages()
        for k, name in enumerate(names):
            reason = _reason(batch, k, messages[k], strongest_force_eV_A) or _too_high(
                batch, k, references_eV, highest_formation_eV
            )
            if reason:
                left_out.append(f"{name}: {reason}")
            else:
                rows.append((batch, k, name))
    packed = _pack(rows, references_eV, group_of, provenance)
    return packed, left_out


def _reason(batch: Calculations, row: int, message: str, strongest_force_eV_A: float) -> str:
    """Why a calculation gives no label; empty if it does."""
    if batch.status[row] != Status.CONVERGED:
        return message or Status(int(batch.status[row])).name.lower().replace("_", " ")
    largest = float(np.linalg.norm(batch.force_eV_A[batch.sites(row)], axis=1).max(initial=0.0))
    if largest > strongest_force_eV_A:
        return f"a force of {largest:.1f} eV/A, allowed: {strongest_force_eV_A:g}"
    return ""


def _too_high(batch: Calculations, row: int, references_eV: Mapping[str, float], highest_eV: float) -> str:
    """Say that the formation energy is too high; empty if it is not, or is not known."""
    formation = _formation(batch.structure(row).composition, float(batch.energy_eV[row]), references_eV)
    if formation is None or formation <= highest_eV:
        return ""
    return f"a formation energy of {formation:.2f} eV/atom, allowed: {highest_eV:g}"


def _pack(
    rows: Sequence[tuple[Calculations, int, str]],
    references_eV: Mapping[str, float],
    group_of: Callable[[str, Composition], Any],
    provenance: Provenance,
) -> LabelledSet:
    """Gather the arrays of all crystals."""
    crystals = [batch.structure(k) for batch, k, _ in rows]
    energies = [float(batch.energy_eV[k]) for batch, k, _ in rows]
    return LabelledSet.of(
        lattices=[crystal.lattice.matrix for crystal in crystals],
        atomic_numbers=[crystal.atomic_numbers for crystal in crystals],
        fractional=[crystal.frac_coords for crystal in crystals],
        names=[name for _, _, name in rows],
        columns={
            "energy_eV": energies,
            "formation_energy_eV_per_atom": [
                _formation(crystal.composition, energy, references_eV)
                for crystal, energy in zip(crystals, energies, strict=True)
            ],
            "moment_muB_per_atom": [
                float(b.total_moment_muB[k]) / len(c) if b.has_moments[k] else None
                for (b, k, _), c in zip(rows, crystals, strict=True)
            ],
        },
        forces=[batch.force_eV_A[batch.sites(k)] if batch.has_forces[k] else None for batch, k, _ in rows],
        stresses=[batch.stress_eV_A3[k] if batch.has_stress[k] else None for batch, k, _ in rows],
        groups=[group_of(name, c.composition) for (_, _, name), c in zip(rows, crystals, strict=True)],
        labels_from=rows[0][0].provenance.backend if rows else "",
        provenance=provenance,
    )


def _formation(composition: Composition, energy_eV: float, references_eV: Mapping[str, float]) -> float | None:
    """Count the formation energy per atom; None where an element has no reference."""
    amounts = {element.symbol: amount for element, amount in composition.items()}
    if not set(amounts) <= set(references_eV):
        return None
    elements = sum(amount * references_eV[symbol] for symbol, amount in amounts.items())
    return (energy_eV - elements) / composition.num_atoms
