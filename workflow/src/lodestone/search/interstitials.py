"""Light elements in the voids of the best hosts (the first announcement of the Nd-Fe search)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.core import Element, Structure

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.screening import Screening
from lodestone.dft import stability
from lodestone.search.screening import magnetisation
from lodestone.structures import voids
from lodestone.structures.readers import Entry

# HOST.ELEMENTnumber: the host is known from the name.
_NAME = re.compile(r"(.+)\.([A-Z][a-z]?)(\d+)")
_ENERGIES = ("formation_eV", "change_eV", "insertion_eV", "above_hull_eV", "volume_ratio", "mu0_Ms_T", "host_mu0_Ms_T")
_NUMBERS: dict[str, type] = {
    **dict.fromkeys(("element", "status", "has_energy"), np.uint8),
    **dict.fromkeys(_ENERGIES, np.float64),
}


@dataclass(frozen=True)
class _Host:
    """A host as the back end computed it."""

    energy_eV: float
    sites: int
    volume_A3: float
    mu0_Ms_T: float
    formation_eV: float


def best_hosts(screening: Screening, count: int) -> list[str]:
    """Names of crystals found by the search, of the lowest computed formation energy; references of the paper last."""
    known = [k for k in np.flatnonzero(screening.has_energy) if screening.has_mu0_Ms[k]]
    ordered = sorted(known, key=lambda k: (int(screening.kind[k]), float(screening.formation_eV[k]), int(k)))
    names = screening.names()
    return [names[k] for k in ordered[:count]]


def fill(hosts: Mapping[str, Structure], elements: Sequence[str], count: int, min_radius_A: float) -> list[Entry]:
    """Put one atom of each element into each of the largest voids of each host.

    Parameters
    ----------
    hosts : mapping of name to Structure
        Relaxed crystals.
    elements : sequence of str
        What is put in.
    count : int
        Voids of each host that are tried.
    min_radius_A : float
        Smallest distance from the centre of a void to the next atom.
    """
    made = []
    for name, host in hosts.items():
        for number, void in enumerate(voids.voids(host, min_radius_A)[:count], start=1):
            for element in elements:
                source = f"{element} in a void of {name}, {void.radius_A:.2f} angstrom from the next atom"
                made.append(Entry(f"{name}.{element}{number}", source, voids.filled(host, void, element)))
    return made


def derive(
    filled: Sequence[Calculations],
    crystals: Sequence[Calculations],
    references: Sequence[Calculations],
    provenance: Provenance,
) -> Interstitials:
    """Compare filled crystals with their hosts; the largest drop of the formation energy comes first.

    Parameters
    ----------
    filled, crystals, references : sequences of Calculations
        Filled crystals, their hosts among others, and the elements; one back end, equal settings.
    provenance : Provenance
        Of the artifact.
    """
    hull = stability.derive([*filled, *crystals], references, provenance)
    lowest = {
        Element.from_Z(int(z)).symbol: float(e)
        for z, e in zip(hull.element, hull.element_energy_eV_per_atom, strict=True)
    }
    formation = {
        name: float(value)
        for name, value, known in zip(
            hull.names(), hull.formation_energy_eV_per_atom, hull.has_formation_energy, strict=True
        )
        if known
    }
    hosts = _hosts(crystals, formation)
    above = dict(zip(hull.names(), hull.above_hull_eV_per_atom.tolist(), strict=True))
    rows = []
    for batch in filled:
        for k, name in enumerate(batch.names()):
            rows.append(_row(batch, k, name, hosts, formation, above, lowest))
    rows.sort(key=lambda row: (not row["has_energy"], row["change_eV"], row["name"]))
    numbers: dict[str, np.ndarray] = {
        key: np.array([row[key] for row in rows], dtype) for key, dtype in _NUMBERS.items()
    }
    texts: dict[str, np.ndarray] = {}
    for key in ("name", "host", "formula", "reason"):
        offset, utf8 = pack_texts([row[key] for row in rows])
        texts |= {f"{key}_offset": offset, f"{key}_utf8": utf8}
    return Interstitials(**numbers, **texts, backend=hull.backend, provenance=provenance)


def _missing(host: _Host | None, symbol: str, lowest: Mapping[str, float]) -> str:
    """Say what a filled crystal that converged cannot be compared with."""
    if symbol not in lowest:
        return f"no reference energy of {symbol}"
    return "no energy of the host" if host is None else "no formation energy"


def _hosts(crystals: Sequence[Calculations], formation: Mapping[str, float]) -> dict[str, _Host]:
    """Hosts that converged, by name."""
    return {
        name: _Host(
            energy_eV=float(batch.energy_eV[k]),
            sites=int(batch.site_counts()[k]),
            volume_A3=float(batch.volumes_A3()[k]),
            mu0_Ms_T=magnetisation(batch, k).mu0_Ms_T,
            formation_eV=formation[name],
        )
        for batch in crystals
        for k, name in enumerate(batch.names())
        if name in formation
    }


def _row(
    batch: Calculations,
    which: int,
    name: str,
    hosts: Mapping[str, _Host],
    formation: Mapping[str, float],
    above: Mapping[str, float],
    lowest: Mapping[str, float],
) -> dict:
    """One filled crystal beside its host."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ValueError(f"interstitials: found the name {name!r}, expected HOST.ELEMENTnumber")
    host, symbol = hosts.get(parts[1]), parts[2]
    known = host is not None and name in formation and symbol in lowest
    row = {
        "name": name,
        "host": parts[1],
        "formula": batch.structure(which).composition.reduced_formula,
        "reason": "" if known else batch.messages()[which] or _missing(host, symbol, lowest),
        "element": Element(symbol).Z,
        "status": int(batch.status[which]),
        "has_energy": int(known),
        **dict.fromkeys(_ENERGIES, 0.0),
    }
    if host is None or not known or batch.status[which] != Status.CONVERGED:
        return row
    sites = int(batch.site_counts()[which])
    hosts_in_cell = (sites - 1) / host.sites  # the primitive cell of the filled crystal may hold several
    return row | {
        "formation_eV": formation[name],
        "change_eV": formation[name] - host.formation_eV,
        "insertion_eV": float(batch.energy_eV[which]) - hosts_in_cell * host.energy_eV - lowest[symbol],
        "above_hull_eV": above[name],
        "volume_ratio": float(batch.volumes_A3()[which]) / (hosts_in_cell * host.volume_A3),
        "mu0_Ms_T": magnetisation(batch, which).mu0_Ms_T,
        "host_mu0_Ms_T": host.mu0_Ms_T,
    }
