"""The Materials Project's corrections of GGA and GGA+U energies, as pymatgen carries them (scheme of 2020)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from pymatgen.core import Structure
from pymatgen.entries.compatibility import MaterialsProject2020Compatibility
from pymatgen.entries.computed_entries import ComputedStructureEntry


@functools.cache
def _scheme() -> MaterialsProject2020Compatibility:
    """Return the scheme; it reads its table once."""
    return MaterialsProject2020Compatibility(check_potcar=False)


def mp2020(structure: Structure, energy_eV: float, extras: Mapping[str, Any]) -> float | None:
    """Correction of a total energy in eV of the cell, or None where the scheme does not allow the settings.

    Parameters
    ----------
    structure : pymatgen Structure
        Geometry whose bonds tell oxides, peroxides and superoxides apart.
    energy_eV : float
        Its energy.
    extras : mapping
        ``hubbard_U_eV`` and ``potentials`` by element, as the back end says that they were used.
    """
    hubbard = {name: float(u) for name, u in extras.get("hubbard_U_eV", {}).items() if u}
    entry = ComputedStructureEntry(
        structure,
        energy_eV,
        parameters={
            "run_type": "GGA+U" if hubbard else "GGA",
            "is_hubbard": bool(hubbard),
            "hubbards": hubbard,
            "potcar_symbols": [f"PBE {name}" for name in extras.get("potentials", {}).values()],
        },
    )
    done = _scheme().process_entries([entry], inplace=False, on_error="ignore")
    return float(done[0].correction) if done else None
