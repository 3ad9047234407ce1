"""Input decks of ABINIT, with settings that were seen to work with its version 9.6."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lodestone.dft.abinit.potentials import DataSet
from lodestone.dft.calculation import Calculation

if TYPE_CHECKING:
    from pymatgen.core import Structure

HARTREE_EV = 27.211386245988
BOHR_A = 0.529177210903
FORCE_HA_BOHR = HARTREE_EV / BOHR_A  # eV/A in Ha/Bohr
STRESS_HA_BOHR3 = HARTREE_EV / BOHR_A**3
_OCCUPATIONS = {"fermi": 3, "methfessel_paxton": 6, "gaussian": 7}
SMEARINGS = tuple(_OCCUPATIONS)
# Spheres for moments: ABINIT stops if they are smaller than the PAW spheres. Iron has 2.2 in the proven settings.
_SPHERE_FACTOR = 1.04
# How the residual of the potential goes with the energy that is still missing, by experience with iron.
_RESIDUAL_PER_EV = 1e-2
# With moments held, smaller residuals take half as many steps again; measured against 1e-9: magnetic forces change by
# 0.1 meV / mu_B, forces by 1 meV / A.
_HELD_RESIDUAL = 1e-5
_DOUBLE_GRID = 2.0
# Room for the cell to grow while the basis stays; ABINIT rescales and goes on beyond.
_CELL_ROOM = 1.05


def write_deck(
    structure: Structure,
    calculation: Calculation,
    moments_muB: np.ndarray,
    data_sets: Mapping[str, DataSet],
    axis: Sequence[float] | None = None,
) -> str:
    """Text of an input file.

    Parameters
    ----------
    structure : pymatgen Structure
        Crystal.
    calculation : Calculation
        What to compute.
    moments_muB : (site,)
        Start moments, or the targets of a constrained calculation.
    data_sets : mapping of str to DataSet
        By element.
    axis : (x, y, z), optional
        Cartesian unit vector of all moments; with it spin-orbit coupling is switched on.
    """
    held = [_is_held(site.specie.symbol, calculation) for site in structure]
    labels = [(site.specie.symbol, h) for site, h in zip(structure, held, strict=True)]
    types = list(dict.fromkeys(labels))
    lines = [
        f"# {structure.composition.reduced_formula}, {calculation.kind}, {calculation.functional}",
        *_crystal(structure, labels, types),
        *_spins(moments_muB, axis),
        *_basis(structure, calculation, data_sets, types, moments_muB, axis is not None),
        *_hubbard(types, calculation),
        *_constraints(types, calculation),
        *_ions(calculation),
        f'pp_dirpath "{data_sets[types[0][0]].path.parent}"',
        'pseudos "' + ", ".join(data_sets[symbol].path.name for symbol, _ in types) + '"',
    ]
    return "\n".join(lines) + "\n"


def _is_held(symbol: str, calculation: Calculation) -> bool:
    """Whether the moment of sites of this element is held."""
    return calculation.kind == "constrained" and symbol not in calculation.free_elements


def _crystal(structure: Structure, labels: Sequence[tuple[str, bool]], types: Sequence[tuple[str, bool]]) -> list[str]:
    """Cell, types and positions. Sites of one element whose moments are free or held are of different types."""
    numbers = {site.specie.symbol: site.specie.Z for site in structure}
    return [
        "acell 3*1.0",
        "rprim",
        *(_row(vector) for vector in structure.lattice.matrix / BOHR_A),
        f"ntypat {len(types)}",
        "znucl " + " ".join(str(numbers[symbol]) for symbol, _ in types),
        f"natom {len(structure)}",
        "typat " + " ".join(str(types.index(label) + 1) for label in labels),
        "xred",
        *(_row(position) for position in structure.frac_coords),
        "chkprim 0",
    ]


def _row(values: Sequence[float] | np.ndarray) -> str:
    """Numbers of one line."""
    return " ".join(f"{value:.14f}" for value in values)


def _spins(moments: np.ndarray, axis: Sequence[float] | None) -> list[str]:
    """Collinear spins along z, or spinors along an axis; with spin-orbit coupling time reversal is no symmetry."""
    if axis is None:
        return ["nsppol 2", "kptopt 1", "spinat", *(f"0 0 {moment:.8f}" for moment in moments)]
    vectors = np.outer(moments, axis)
    head = ["nsppol 1", "nspinor 2", "nspden 4", "pawspnorb 1", "kptopt 4"]
    return [*head, "spinat", *(_row(vector) for vector in vectors)]


def _basis(
    structure: Structure,
    calculation: Calculation,
    data_sets: Mapping[str, DataSet],
    types: Sequence[tuple[str, bool]],
    moments: np.ndarray,
    spinors: bool,
) -> list[str]:
    """Cutoffs, k points, occupations, bands, convergence."""
    cutoff = calculation.cutoff_eV / HARTREE_EV or max(d.cutoff_Ha for d in data_sets.values())
    cutoff *= calculation.cutoff_factor
    mesh = calculation.mesh(structure.lattice.matrix)
    shift = "0 0 0" if calculation.gamma_centred else "1/2 1/2 1/2"
    electrons = sum(data_sets[site.specie.symbol].valence for site in structure)
    return [
        f"ecut {cutoff:.6f}",
        f"pawecutdg {_DOUBLE_GRID * cutoff:.6f}",
        "ecutsm 0.5",
        "ngkpt " + " ".join(map(str, mesh)),
        "nshiftk 1",
        f"shiftk {shift}",
        f"occopt {_OCCUPATIONS[calculation.smearing]}",
        f"tsmear {calculation.smearing_eV / HARTREE_EV:.8f}",
        f"nband {bands(electrons, moments, spinors)}",
        f"tolvrs {_residual(calculation):.3e}",
        f"nstep {calculation.max_electronic_steps}",
        "ratsph " + " ".join(f"{sphere_bohr(data_sets[symbol]):.4f}" for symbol, _ in types),
        "prtwf 0",
        "prtden 0",
        "prteig 0",
        "prtebands 0",
    ]


def bands(electrons: float, moments: np.ndarray, spinors: bool) -> int:
    """Return a number of bands that holds the majority spin at its start moment and leaves some empty."""
    sites, moment = len(moments), float(np.abs(moments).sum())
    number = math.ceil(max(0.6 * electrons + sites, 0.55 * (electrons + moment) + 2))
    return 2 * number if spinors else number


def sphere_bohr(data: DataSet) -> float:
    """Radius of the sphere in which the moment of an atom is counted, in Bohr."""
    return _SPHERE_FACTOR * data.radius_bohr


def _hubbard(types: Sequence[tuple[str, bool]], calculation: Calculation) -> list[str]:
    """U of the d electrons of each type, with the double counting of full localisation.

    With J = 0 this is the form of Dudarev et al. (Phys. Rev. B 57, 1505), whose U - J the values are.
    """
    values = calculation.hubbard({symbol for symbol, _ in types})
    if not values:
        return []
    given = [values.get(symbol, 0.0) for symbol, _ in types]
    return [
        "usepawu 1",
        "lpawu " + " ".join("2" if u else "-1" for u in given),
        "upawu " + " ".join(f"{u / HARTREE_EV:.10f}" for u in given),
        "jpawu " + " ".join("0.0" for _ in given),
    ]


def _residual(calculation: Calculation) -> float:
    """Residual of the potential at which the electrons count as converged."""
    return max(_RESIDUAL_PER_EV * calculation.energy_tolerance_eV, _HELD_RESIDUAL * (calculation.kind == "constrained"))


def _constraints(types: Sequence[tuple[str, bool]], calculation: Calculation) -> list[str]:
    """Exact constraint of the moments by the potential (Gonze et al., J. Chem. Theory Comput. 18, 6099).

    It needs mixing of the potential, and spheres with a soft edge.
    """
    if calculation.kind != "constrained":
        return []
    kinds = " ".join("1" if held else "0" for _, held in types)
    return [f"constraint_kind {kinds}", "magcon_lambda 0.2", "ratsm 0.05", "iscf 7", "npulayit 12"]


def _ions(calculation: Calculation) -> list[str]:
    """Ask for forces and stress, and with `relax` the moves."""
    if calculation.kind == "anisotropy":
        return ["optforces 0", "optstress 0"]
    lines = ["optforces 1", "optstress 1"]
    if calculation.kind != "relax":
        return lines
    force = calculation.force_tolerance_eV_A / FORCE_HA_BOHR
    stress = calculation.stress_tolerance_eV_A3 / STRESS_HA_BOHR3
    lines += ["ionmov 2", f"ntime {calculation.max_ionic_steps}", f"tolmxf {force:.4e}"]
    if calculation.relax_cell:
        lines += ["optcell 2", f"dilatmx {_CELL_ROOM}", "chkdilatmx 0", f"strfact {force / stress:.4f}"]
    return lines
