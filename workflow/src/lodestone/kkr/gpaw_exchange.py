"""Preparing and collecting GPAW for one crystal: the magnetic force theorem on a mesh of wave vectors.

GPAW is never imported: `gpaw_program.py` goes with the input and is executed by a Python that has it (`gpaw_run`). Its
Hamiltonian is H = - 1/2 sum over i != j of J_ij e_i.e_j, so that its couplings are twice ours. Its exchange fields are
signed, so that e, as with AkaiKKR, lies along each site's own direction in the state computed: all e parallel there,
moments signed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.archives import extract, write_archive
from lodestone.kkr import q_mesh, refusal, symmetry
from lodestone.kkr.deck import DeckError, check_crystal
from lodestone.kkr.exchange import from_bonds
from lodestone.magnetism.four_f import is_rare_earth

if TYPE_CHECKING:
    from pymatgen.core import Structure

INPUT = "input.json"
PROGRAM = Path(__file__).with_name("gpaw_program.py")
# Elements of the setups that GPAW distributes (gpaw-setups 0.9.20000).
_WITH_SETUP = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
    Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Rn
"""
# Moments to start from where the structure has none, mu_B: above those of the elements, so that none is lost.
_START_MUB = {"Cr": 2.0, "Mn": 3.0, "Fe": 2.5, "Co": 2.0, "Ni": 1.0}
_MEV_PER_EV = 1e3
_PAIRS_AS_IJ_AND_JI = 0.5
_STATUS = {
    "done": Status.CONVERGED,
    "not converged": Status.NOT_CONVERGED,
    "lost moment": Status.LOST_MOMENT,
    "walltime": Status.WALLTIME,
}


def inputs(structure: Structure, settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Input of the program for one crystal.

    Parameters
    ----------
    structure : Structure
        The crystal; its site property ``magmom`` gives the moments to start from.
    settings : mapping
        Config section ``gpaw``.
    name : str
        For messages.

    Raises
    ------
    DeckError
        For lanthanides, elements without setups, alloys, ions, charged crystals, or atoms and spheres that overlap.
    """
    for site in structure:
        _check_site(site, name)
    check_crystal(structure, name)
    symbols = [site.specie.symbol for site in structure]
    radii = {one["element"]: one["radius_A"] for one in settings["site_radii"]}
    radius = [float(radii.get(symbol, settings["site_radius_A"])) for symbol in symbols]
    _check_spheres(structure, radius, name)
    default = [_START_MUB.get(symbol, 0.0) for symbol in symbols]
    start = [float(moment) for moment in structure.site_properties.get("magmom", default)]
    if not any(start):
        raise DeckError(f"{name}: found no moment to start from, expected Cr, Mn, Fe, Co or Ni, or the property magmom")
    given = {
        "symbols": symbols,
        "lattice_A": structure.lattice.matrix.tolist(),
        "fractional": structure.frac_coords.tolist(),
        "start_moment_muB": start,
        "radius_A": radius,
        "bands": settings["bands_per_site"] * len(symbols),
        **{key: settings[key] for key in ("cutoff_eV", "response_cutoff_eV", "kpoints", "qpoints", "smearing_eV")},
        "max_iterations": settings["max_iterations"],
    }
    return {**given, "waves": [list(wave) for wave in q_mesh.irreducible(_operations(given), settings["qpoints"])]}


def _check_site(site: Any, name: str) -> None:
    """Refuse what has no setup, and what is no element."""
    if not site.is_ordered:
        raise DeckError(f"{name}: found the alloy {site.species_string}, allowed with GPAW are ordered crystals")
    species = site.specie
    if getattr(species, "oxi_state", None):
        raise DeckError(f"{name}: found the ion {species}, allowed are neutral atoms")
    if is_rare_earth(species.symbol):
        raise DeckError(f"{name}: found {species.symbol}, a lanthanide: GPAW has no open core for 4f; use akaikkr")
    if species.symbol not in _WITH_SETUP.split():
        raise DeckError(
            f"{name}: found {species.symbol}, for which GPAW has no setup; allowed are {' '.join(_WITH_SETUP.split())}"
        )


def _check_spheres(structure: Structure, radius: list[float], name: str) -> None:
    """Refuse spheres that overlap: what lies in two sites would count twice."""
    for i, neighbours in enumerate(structure.get_all_neighbors(2 * max(radius))):
        for other in neighbours:
            if other.nn_distance < radius[i] + radius[other.index] - 1e-6:
                both = f"sites {i} and {other.index} are {other.nn_distance:.3f} A apart"
                raise DeckError(
                    f"{name}: {both}, expected at least {radius[i] + radius[other.index]:g} A: spheres overlap"
                )


def prepare(
    crystals: StructureSet, name: str, settings: Mapping[str, Any], archive: str | Path, found: bool = False
) -> None:
    """Write the input of one crystal into an archive.

    Parameters
    ----------
    crystals, name, settings, archive
        As in `lodestone.kkr.stages.prepare`; the settings are those of the config section ``gpaw``.
    found : bool
        Whether a search found the crystal: what is wrong with it is written into the archive and stops nothing.

    Raises
    ------
    DeckError
        If GPAW cannot compute the crystal.
    ValueError
        If there is no crystal of this name.
    """
    try:
        given = inputs(refusal.named(crystals, name), settings, name)
    except ValueError as problem:
        if not found:
            raise
        refusal.write(archive, crystals, name, str(problem))
        return
    write_archive(archive, {INPUT: json.dumps(given, sort_keys=True).encode(), PROGRAM.name: PROGRAM})


def collect(raw: str | Path, name: str, provenance: Provenance) -> Exchange:
    """Exchange artifact of one crystal; whatever went wrong is its status."""
    with tempfile.TemporaryDirectory(prefix="lodestone-") as scratch:
        extract(raw, Path(scratch))
        folder = Path(scratch) / "gpaw"
        if refusal.is_in(folder):
            return refusal.read(folder, name, provenance)
        given, end = (json.loads((folder / file).read_text()) for file in (INPUT, "ended.json"))
        ground = json.loads(path.read_text()) if (path := folder / "ground.json").is_file() else None
        waves = folder / "waves.jsonl"
        whole = waves.read_text().rpartition("\n")[0] if waves.is_file() else ""
        records = [json.loads(line) for line in whole.splitlines()]
    return exchange(given, ground, records, end, name, provenance)


def exchange(
    given: Mapping[str, Any],
    ground: Mapping[str, Any] | None,
    records: list[dict[str, Any]],
    end: Mapping[str, str],
    name: str,
    provenance: Provenance,
) -> Exchange:
    """Exchange artifact of an input and what the program made of it, in our convention."""
    from pymatgen.core import Element

    status = _STATUS.get(end["ended"], Status.FAILED)
    lattice, fractional = np.array(given["lattice_A"]), np.array(given["fractional"])
    missing = len(given["waves"]) - len(records)
    if status == Status.CONVERGED and (missing or ground is None):
        status, end = Status.FAILED, {"message": f"{missing} of {len(given['waves'])} wave vectors are missing"}
    more = {
        "atomic_number": np.array([Element(symbol).Z for symbol in given["symbols"]], np.uint8),
        "has_energy": int(ground is not None),
        "total_energy_eV": ground["energy_eV"] if ground else 0.0,
    }
    moments = ground["moment_muB"] if ground else [0.0] * len(fractional)
    words = [*(ground["tried"] if ground else []), end["message"]]
    keys, J_eV = np.zeros((0, 5), np.int64), np.zeros(0)
    if status == Status.CONVERGED:
        values = np.array([np.array(one["real"]) + 1j * np.array(one["imaginary"]) for one in records])
        whole = q_mesh.spread([tuple(one["wave"]) for one in records], values, _operations(given), given["qpoints"])
        keys, J_eV = q_mesh.pairs(whole, lattice, fractional)
        mesh = " x ".join(map(str, given["qpoints"]))
        cut = q_mesh.reach_A(lattice, given["qpoints"])
        words.append(f"cut below {cut:.3f} A: further pairs are aliases on a mesh of {mesh} wave vectors")
    return from_bonds(
        lattice_A=lattice, fractional=fractional, moment_muB=moments, source=keys[:, 0], target=keys[:, 1],
        cell=keys[:, 2:], meV=J_eV * _MEV_PER_EV * _PAIRS_AS_IJ_AND_JI, name=name, provenance=provenance,
        complete=int(status == Status.CONVERGED), status=int(status), message="; ".join(filter(None, words)), **more,
    )  # fmt: skip


def _operations(given: Mapping[str, Any]) -> symmetry.Operations:
    """Symmetry of the crystal of an input, with the moments that it started from."""
    kinds = list(zip(given["symbols"], given["start_moment_muB"], strict=True))
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    return symmetry.operations(np.array(given["lattice_A"]), np.array(given["fractional"]), numbers)
